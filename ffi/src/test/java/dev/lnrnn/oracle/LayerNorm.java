package dev.lnrnn.oracle;

import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** LN(x; γ, β) of each part of a row by itself, β = 0 where there is none. Segments say how wide the parts are. */
record LayerNorm(double epsilon, List<Integer> segments, double[] gain, double @Nullable [] bias)
        implements
            UnaryOperator<double[]> {

    @Override
    public double[] apply(double[] row) {
        int unit = row.length / segments.stream().mapToInt(Integer::intValue).sum();
        double[] normalized = new double[row.length];
        int begin = 0;
        for (int segment : segments) {
            int end = begin + segment * unit;
            double mean = Arrays.stream(row, begin, end).sum() / (end - begin);
            double variance = 0;
            for (int j = begin; j < end; j++) {
                variance += (row[j] - mean) * (row[j] - mean) / (end - begin);
            }
            double scale = 1 / Math.sqrt(variance + epsilon);
            for (int j = begin; j < end; j++) {
                normalized[j] = gain[j] * (row[j] - mean) * scale + (bias != null ? bias[j] : 0);
            }
            begin = end;
        }
        return normalized;
    }
}
