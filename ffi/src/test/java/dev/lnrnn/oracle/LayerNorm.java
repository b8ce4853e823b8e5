package dev.lnrnn.oracle;

import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** LN(x; γ, β) of one row, β = 0 where there is none. */
record LayerNorm(double epsilon, double[] gain, double @Nullable [] bias) implements UnaryOperator<double[]> {

    @Override
    public double[] apply(double[] row) {
        double mean = 0;
        for (double value : row) {
            mean += value / row.length;
        }
        double variance = 0;
        for (double value : row) {
            variance += (value - mean) * (value - mean) / row.length;
        }
        double scale = 1 / Math.sqrt(variance + epsilon);
        double[] normalized = new double[row.length];
        for (int j = 0; j < row.length; j++) {
            normalized[j] = gain[j] * (row[j] - mean) * scale + (bias != null ? bias[j] : 0);
        }
        return normalized;
    }
}
