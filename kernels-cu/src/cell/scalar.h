// What the formulas ask of a number, for the plain types: float and double have no namespace of
// their own in which these would be found. Included before the formulas.
#pragma once

#include <cmath>

#include "host_device.h"

namespace lnrnn {

LNRNN_CELL float fma(float a, float b, float c) { return ::fmaf(a, b, c); }
LNRNN_CELL double fma(double a, double b, double c) { return ::fma(a, b, c); }

// value, or 0 where d is 0, whatever value is: 0 times NaN is NaN.
LNRNN_CELL float unless_zero(float d, float value) { return d == 0.0f ? 0.0f : value; }
LNRNN_CELL double unless_zero(double d, double value) { return d == 0.0 ? 0.0 : value; }

LNRNN_CELL float select(bool first, float a, float b) { return first ? a : b; }
LNRNN_CELL double select(bool first, double a, double b) { return first ? a : b; }

// value where |x| <= limit, else NaN.
LNRNN_CELL float within(float x, float limit, float value) {
  return ::fabsf(x) <= limit ? value : NAN;
}
LNRNN_CELL double within(double x, double limit, double value) {
  return ::fabs(x) <= limit ? value : static_cast<double>(NAN);
}

// x, but limit where it is more, and -limit where it is less; NaN stays NaN.
LNRNN_CELL float limited(float x, float limit) {
  return x > limit ? limit : x < -limit ? -limit : x;
}
LNRNN_CELL double limited(double x, double limit) {
  return x > limit ? limit : x < -limit ? -limit : x;
}
// value, or 0 where |x| is more than limit.
LNRNN_CELL float unless_beyond(float x, float limit, float value) {
  return ::fabsf(x) > limit ? 0.0f : value;
}
LNRNN_CELL double unless_beyond(double x, double limit, double value) {
  return ::fabs(x) > limit ? 0.0 : value;
}

LNRNN_CELL float tanh(float x) { return ::tanhf(x); }
LNRNN_CELL double tanh(double x) { return ::tanh(x); }

#if defined(__CUDA_ARCH__)
// Within 2 ulp for x up to 2^126, 0 beyond; without the branch that a division needs to be exact for all.
LNRNN_CELL float reciprocal(float x) { return __fdividef(1.0f, x); }
LNRNN_CELL float reciprocal_root(float x) { return ::rsqrtf(x); }
#else
LNRNN_CELL float reciprocal(float x) { return 1.0f / x; }
LNRNN_CELL float reciprocal_root(float x) { return 1.0f / ::sqrtf(x); }
#endif
LNRNN_CELL double reciprocal_root(double x) { return 1.0 / ::sqrt(x); }

LNRNN_CELL float sigmoid(float x) { return reciprocal(1.0f + ::expf(-x)); }
LNRNN_CELL double sigmoid(double x) { return 1.0 / (1.0 + ::exp(-x)); }

}  // namespace lnrnn
