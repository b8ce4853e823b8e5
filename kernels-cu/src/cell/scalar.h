// What the formulas ask of a number, for the plain types: float and double have no namespace of
// their own in which these would be found. Included before the formulas.
#pragma once

#include <cmath>

#include "host_device.h"

namespace lnrnn {

LNRNN_CELL float fma(float a, float b, float c) { return ::fmaf(a, b, c); }
LNRNN_CELL double fma(double a, double b, double c) { return ::fma(a, b, c); }

LNRNN_CELL float tanh(float x) { return ::tanhf(x); }
LNRNN_CELL double tanh(double x) { return ::tanh(x); }

LNRNN_CELL float sigmoid(float x) { return 1.0f / (1.0f + ::expf(-x)); }
LNRNN_CELL double sigmoid(double x) { return 1.0 / (1.0 + ::exp(-x)); }

LNRNN_CELL float square_root(float x) { return ::sqrtf(x); }
LNRNN_CELL double square_root(double x) { return ::sqrt(x); }

}  // namespace lnrnn
