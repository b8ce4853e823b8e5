package dev.lnrnn.oracle;

import static dev.lnrnn.oracle.Algebra.product;

import java.util.function.UnaryOperator;

/** The IndRNN family: every unit sees of the old state only itself. */
final class IndRnnCell implements Cell {

    private final double[] input;
    private final double[] recurrent;
    private final double[] bias;
    private final UnaryOperator<double[]> normA;

    IndRnnCell(Weights weights, double[] recurrent) {
        this.recurrent = recurrent;
        input = weights.get("weight_ih");
        bias = weights.get("bias");
        normA = weights.layerNorm("layernorm_i");
    }

    @Override
    public State step(double[] x, double[] h, double[] c, double[] candidate) {
        double[] a = normA.apply(product(input, h.length, x));
        double[] fresh = new double[h.length];
        for (int j = 0; j < fresh.length; j++) {
            fresh[j] = Math.tanh(a[j] + recurrent[j] * h[j] + bias[j]);
        }
        return new State(fresh, c);
    }
}
