package dev.lnrnn.oracle;

import static dev.lnrnn.oracle.Algebra.product;
import static dev.lnrnn.oracle.Algebra.sigmoid;
import static dev.lnrnn.oracle.Algebra.sum;

import java.util.function.UnaryOperator;

/** The LSTM family: a normalisation, projection or clip that a problem does not have changes nothing. */
final class LstmCell implements Cell {

    private final double[] input;
    private final double[] recurrent;
    private final double[] bias;
    private final UnaryOperator<double[]> normA;
    private final UnaryOperator<double[]> normR;
    private final UnaryOperator<double[]> normSum;
    private final UnaryOperator<double[]> normU;
    private final boolean carriesNormalized;
    private final UnaryOperator<double[]> projection;
    private final double clip;

    LstmCell(Weights weights, double[] recurrent) {
        this.recurrent = recurrent;
        input = weights.get("weight_ih");
        bias = weights.get("bias");
        normA = weights.layerNorm("layernorm_i");
        normR = weights.layerNorm("layernorm_h");
        normSum = weights.layerNorm("layernorm_gates");
        normU = weights.layerNorm("layernorm_c");
        carriesNormalized = weights.carriesNormalized();
        projection = weights.projection();
        double limit = weights.problem().spec().cellClip();
        clip = limit > 0 ? limit : Double.POSITIVE_INFINITY;
    }

    @Override
    public State step(double[] x, double[] h, double[] c, double[] candidate) {
        int hidden = c.length;
        double[] a = normA.apply(product(input, 4 * hidden, x));
        double[] r = normR.apply(product(recurrent, 4 * hidden, h));
        double[] v = normSum.apply(sum(sum(a, r), bias));
        double[] u = new double[hidden];
        for (int j = 0; j < hidden; j++) {
            double i = sigmoid(v[j]);
            double f = sigmoid(v[hidden + j]);
            double g = Math.tanh(v[2 * hidden + j]);
            u[j] = Math.clamp(f * c[j] + candidate[j] * i * g, -clip, clip);
        }
        double[] k = normU.apply(u);
        double[] fresh = new double[hidden];
        for (int j = 0; j < hidden; j++) {
            double o = sigmoid(v[3 * hidden + j]);
            fresh[j] = o * Math.tanh(k[j]);
        }
        return new State(projection.apply(fresh), carriesNormalized ? k : u);
    }
}
