package dev.lnrnn.bench.train;

import dev.lnrnn.bench.BadInputException;

/**
 * Maps a series to mean 0 and standard deviation 1, and back.
 *
 * @param mean in the series' unit
 * @param deviation in the series' unit, greater than 0
 */
record Scaler(double mean, double deviation) {

    /** Fitted to the first {@code count} values; the others are not looked at. */
    static Scaler fit(double[] values, int count) {
        double mean = 0;
        for (int i = 0; i < count; i++) {
            mean += values[i] / count;
        }
        double variance = 0;
        for (int i = 0; i < count; i++) {
            variance += (values[i] - mean) * (values[i] - mean) / count;
        }
        if (variance == 0) {
            throw new BadInputException("The first " + count + " points of the series are all " + values[0]
                    + "; there is nothing to learn.");
        }
        return new Scaler(mean, Math.sqrt(variance));
    }

    double scale(double value) {
        return (value - mean) / deviation;
    }

    double unscale(double value) {
        return value * deviation + mean;
    }
}
