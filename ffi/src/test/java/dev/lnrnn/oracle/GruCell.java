package dev.lnrnn.oracle;

import static dev.lnrnn.oracle.Algebra.product;
import static dev.lnrnn.oracle.Algebra.sigmoid;
import static dev.lnrnn.oracle.Algebra.sum;

import java.util.function.UnaryOperator;

/** The GRU family: the reset gate acts on the recurrent product, with its bias, or on all that n sees of the sum. */
final class GruCell implements Cell {

    private final double[] input;
    private final double[] recurrent;
    private final double[] bias;
    private final double[] inputBias;
    private final double[] recurrentBias;
    private final UnaryOperator<double[]> normA;
    private final UnaryOperator<double[]> normR;
    private final UnaryOperator<double[]> normSum;
    private final boolean joint;

    GruCell(Weights weights, double[] recurrent) {
        this.recurrent = recurrent;
        input = weights.get("weight_ih");
        bias = weights.bias("bias");
        inputBias = weights.bias("bias_ih");
        recurrentBias = weights.bias("bias_hh");
        normA = weights.layerNorm("layernorm_i");
        normR = weights.layerNorm("layernorm_h");
        normSum = weights.layerNorm("layernorm_gates");
        joint = weights.has("layernorm_gates");
    }

    @Override
    public State step(double[] x, double[] h, double[] c, double[] candidate) {
        int hidden = h.length;
        double[] p = sum(normA.apply(product(input, 3 * hidden, x)), inputBias);
        double[] q = sum(normR.apply(product(recurrent, 3 * hidden, h)), recurrentBias);
        double[] both = normSum.apply(sum(sum(p, q), bias));
        double[] fresh = new double[hidden];
        for (int j = 0; j < hidden; j++) {
            double r = sigmoid(both[j]);
            double z = sigmoid(both[hidden + j]);
            int nAt = 2 * hidden + j;
            double n = Math.tanh(joint ? r * both[nAt] : p[nAt] + r * q[nAt]);
            fresh[j] = z * h[j] + (1 - z) * n;
        }
        return new State(fresh, c);
    }
}
