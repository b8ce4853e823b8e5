package dev.lnrnn.oracle;

import static dev.lnrnn.oracle.Algebra.product;
import static dev.lnrnn.oracle.Algebra.sigmoid;

import java.util.function.UnaryOperator;

/** The GRU family: the reset gate acts on the recurrent product, with its bias. */
final class GruCell implements Cell {

    private final double[] input;
    private final double[] recurrent;
    private final double[] inputBias;
    private final double[] recurrentBias;
    private final UnaryOperator<double[]> normA;
    private final UnaryOperator<double[]> normR;

    GruCell(Weights weights, double[] recurrent) {
        this.recurrent = recurrent;
        input = weights.get("weight_ih");
        inputBias = weights.get("bias_ih");
        recurrentBias = weights.get("bias_hh");
        normA = weights.layerNorm("layernorm_i");
        normR = weights.layerNorm("layernorm_h");
    }

    @Override
    public State step(double[] x, double[] h, double[] c) {
        int hidden = h.length;
        double[] p = normA.apply(product(input, 3 * hidden, x));
        double[] q = normR.apply(product(recurrent, 3 * hidden, h));
        double[] fresh = new double[hidden];
        for (int j = 0; j < hidden; j++) {
            double r = sigmoid(p[j] + inputBias[j] + q[j] + recurrentBias[j]);
            int zAt = hidden + j;
            double z = sigmoid(p[zAt] + inputBias[zAt] + q[zAt] + recurrentBias[zAt]);
            int nAt = 2 * hidden + j;
            double n = Math.tanh(p[nAt] + inputBias[nAt] + r * (q[nAt] + recurrentBias[nAt]));
            fresh[j] = z * h[j] + (1 - z) * n;
        }
        return new State(fresh, c);
    }
}
