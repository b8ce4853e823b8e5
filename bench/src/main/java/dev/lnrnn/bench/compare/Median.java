package dev.lnrnn.bench.compare;

import java.util.Arrays;

/**
 * The median, and the ends of its 95 % confidence interval: order statistics of the binomial distribution, which assume
 * nothing of how the times are distributed.
 */
public record Median(double value, double low, double high) {

    public static Median of(double[] samples) {
        double[] sorted = samples.clone();
        Arrays.sort(sorted);
        double half = sorted.length / 2.0;
        double reach = 0.98 * Math.sqrt(sorted.length);
        return new Median(at(sorted, Math.floor(half)), at(sorted, Math.floor(half - reach)),
                at(sorted, Math.ceil(half + reach)));
    }

    private static double at(double[] sorted, double rank) {
        return sorted[(int) Math.clamp(rank, 0, sorted.length - 1)];
    }
}
