package dev.lnrnn.oracle;

import dev.lnrnn.Normalization;
import java.util.HashMap;
import java.util.Map;

/**
 * The LSTM family in double precision, scalar by scalar from its formulas, with no care for speed and nothing in
 * common with the library. Layer 0, forward direction.
 */
public final class OracleLstm {

    private final Problem problem;
    private final int inputs;
    private final int hidden;
    private final boolean normalizesGates;
    private final boolean normalizesCell;
    private final boolean carriesNormalized;
    private final byte[] zoneoutMask;
    private final byte[] zoneoutCellMask;
    private final double[] recurrent;

    private OracleLstm(Problem problem) {
        this.problem = problem;
        inputs = problem.inputs();
        hidden = problem.hidden();
        Normalization normalization = problem.spec().normalization();
        normalizesGates = normalization != Normalization.NONE && normalization != Normalization.CELL;
        normalizesCell = normalization != Normalization.NONE;
        carriesNormalized = normalization == Normalization.CARRY;
        zoneoutMask = problem.zoneoutMask() != null ? problem.zoneoutMask() : Masks.zoneout(problem);
        zoneoutCellMask = Masks.zoneoutCell(problem);
        recurrent = problem.training() ? dropped(problem) : problem.tensor("weight_hh_l0");
    }

    /** {@code y, hn, cn} of the problem. */
    public static Map<String, double[]> forward(Problem problem) {
        return new OracleLstm(problem).run();
    }

    /** The scalar whose gradients the problem asks for: Σ y·dy + Σ hn·dhn + Σ cn·dcn. */
    public static double loss(Problem problem) {
        return loss(problem, forward(problem));
    }

    /** The same from outputs that something else computed. */
    public static double loss(Problem problem, Map<String, double[]> outputs) {
        return dot(outputs.get("y"), problem.tensor("dy"))
                + dot(outputs.get("hn"), problem.tensor("dhn"))
                + dot(outputs.get("cn"), problem.tensor("dcn"));
    }

    private static double[] dropped(Problem problem) {
        double p = problem.spec().dropconnect();
        byte[] mask = problem.dropconnectMask() != null ? problem.dropconnectMask() : Masks.dropconnect(problem);
        double[] weights = problem.tensor("weight_hh_l0").clone();
        if (p > 0) {
            for (int i = 0; i < weights.length; i++) {
                weights[i] = mask[i] != 0 && p < 1 ? weights[i] / (1 - p) : 0;
            }
        }
        return weights;
    }

    private Map<String, double[]> run() {
        int steps = problem.steps();
        int batch = problem.batch();
        double[] y = new double[steps * batch * hidden];
        double[] hn = problem.tensor("h0").clone();
        double[] cn = problem.tensor("c0").clone();
        for (int n = 0; n < batch; n++) {
            double[] h = row(hn, n, hidden);
            double[] c = row(cn, n, hidden);
            long length = problem.lengths() != null ? problem.lengths()[n] : steps;
            for (int t = 0; t < length; t++) {
                step(row(problem.tensor("x"), t * batch + n, inputs), h, c, t * batch + n);
                System.arraycopy(h, 0, y, (t * batch + n) * hidden, hidden);
            }
            System.arraycopy(h, 0, hn, n * hidden, hidden);
            System.arraycopy(c, 0, cn, n * hidden, hidden);
        }
        Map<String, double[]> outputs = new HashMap<>();
        outputs.put("y", y);
        outputs.put("hn", hn);
        outputs.put("cn", cn);
        return outputs;
    }

    /** One row's step in place; {@code place} is t N + n, the row of the masks. */
    private void step(double[] x, double[] h, double[] c, int place) {
        double[] a = product(problem.tensor("weight_ih_l0"), x);
        double[] r = product(recurrent, h);
        if (normalizesGates) {
            a = layerNorm(a, gain("layernorm_i_l0"), problem.tensors().get("layernorm_i_l0.bias"));
            r = layerNorm(r, gain("layernorm_h_l0"), problem.tensors().get("layernorm_h_l0.bias"));
        }
        double[] bias = problem.tensor("bias_l0");
        double[] u = new double[hidden];
        double[] o = new double[hidden];
        for (int j = 0; j < hidden; j++) {
            double i = sigmoid(a[j] + r[j] + bias[j]);
            double f = sigmoid(a[hidden + j] + r[hidden + j] + bias[hidden + j]);
            double g = Math.tanh(a[2 * hidden + j] + r[2 * hidden + j] + bias[2 * hidden + j]);
            o[j] = sigmoid(a[3 * hidden + j] + r[3 * hidden + j] + bias[3 * hidden + j]);
            u[j] = f * c[j] + i * g;
        }
        double[] k = normalizesCell ? layerNorm(u, gain("layernorm_c_l0"), problem.tensor("layernorm_c_l0.bias")) : u;
        double[] carried = carriesNormalized ? k : u;
        for (int j = 0; j < hidden; j++) {
            int at = place * hidden + j;
            h[j] = zoned(problem.spec().zoneout(), zoneoutMask[at], h[j], o[j] * Math.tanh(k[j]));
            c[j] = zoned(problem.spec().zoneoutCell(), zoneoutCellMask[at], c[j], carried[j]);
        }
    }

    private double zoned(double p, byte update, double old, double fresh) {
        if (p == 0) {
            return fresh;
        }
        if (problem.training()) {
            return update != 0 ? fresh : old;
        }
        return p * old + (1 - p) * fresh;
    }

    private double[] gain(String layerNorm) {
        return problem.tensor(layerNorm + ".weight");
    }

    private double[] layerNorm(double[] values, double[] gain, double[] bias) {
        double mean = 0;
        for (double value : values) {
            mean += value / values.length;
        }
        double variance = 0;
        for (double value : values) {
            variance += (value - mean) * (value - mean) / values.length;
        }
        double scale = 1 / Math.sqrt(variance + problem.spec().epsilon());
        double[] normalized = new double[values.length];
        for (int j = 0; j < values.length; j++) {
            normalized[j] = gain[j] * (values[j] - mean) * scale + (bias != null ? bias[j] : 0);
        }
        return normalized;
    }

    /** {@code matrix · vector} for a row-major matrix. */
    private static double[] product(double[] matrix, double[] vector) {
        double[] result = new double[matrix.length / vector.length];
        for (int i = 0; i < result.length; i++) {
            for (int j = 0; j < vector.length; j++) {
                result[i] += matrix[i * vector.length + j] * vector[j];
            }
        }
        return result;
    }

    private static double sigmoid(double value) {
        return 1 / (1 + Math.exp(-value));
    }

    private static double[] row(double[] values, int index, int width) {
        double[] row = new double[width];
        System.arraycopy(values, index * width, row, 0, width);
        return row;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
