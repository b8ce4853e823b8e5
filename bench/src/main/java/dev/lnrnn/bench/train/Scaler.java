package dev.lnrnn.bench.train;

import dev.lnrnn.bench.BadInputException;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;

/**
 * Maps a series to mean 0 and standard deviation 1, and back.
 *
 * @param mean in the series' unit
 * @param deviation in the series' unit, greater than 0
 */
record Scaler(double mean, double deviation) {

    /** How far points may be apart: forecasts, and sums of errors, shall neither overflow nor underflow. */
    private static final double WIDEST = 1e305;
    private static final double NARROWEST = 1e-290;

    /** Fitted to the first {@code count} values; of the others no more is asked than that errors are finite. */
    static Scaler fit(double[] values, int count) {
        DoubleSummaryStatistics all = Arrays.stream(values).summaryStatistics();
        double widest = all.getMax() - all.getMin();
        if (!(widest <= WIDEST)) {
            throw new BadInputException("The points of the series lie between " + all.getMin() + " and " + all.getMax()
                    + ", more than " + WIDEST + " apart: their errors would overflow.");
        }
        DoubleSummaryStatistics fitted = Arrays.stream(values, 0, count).summaryStatistics();
        double range = fitted.getMax() - fitted.getMin();
        // Not the variance: that of equal values is not 0 where their mean is rounded.
        if (range == 0) {
            throw new BadInputException("The first " + count + " points of the series are all " + values[0]
                    + "; there is nothing to learn.");
        }
        if (range < NARROWEST) {
            throw new BadInputException("The first " + count + " points of the series lie between " + fitted.getMin()
                    + " and " + fitted.getMax() + ", less than " + NARROWEST + " apart: their errors would underflow.");
        }
        double mean = 0;
        for (int i = 0; i < count; i++) {
            mean += values[i] / count;
        }
        // Squares of the plain differences would overflow long before the differences do.
        double unit = Math.scalb(1.0, Math.getExponent(range));
        double variance = 0;
        for (int i = 0; i < count; i++) {
            double difference = (values[i] - mean) / unit;
            variance += difference * difference / count;
        }
        return new Scaler(mean, Math.sqrt(variance) * unit);
    }

    double scale(double value) {
        return (value - mean) / deviation;
    }

    double unscale(double value) {
        return value * deviation + mean;
    }
}
