package dev.lnrnn.bench.train;

import dev.lnrnn.bench.BadInputException;
import java.util.Arrays;

/**
 * What is to be forecast: at every point t the value at t + horizon, from the points up to t. Targets
 * before {@link #split()} are for training; the others, the last fifth, are held out.
 */
record Task(Series series, int horizon) {

    private static final double TRAINING_SHARE = 0.8;

    Task {
        int longest = series.length() / 10;
        if (horizon < 1 || horizon > longest) {
            throw new BadInputException("The horizon is " + horizon + "; expected 1 to " + longest
                    + ", a tenth of the series.");
        }
    }

    /** Index of the first held-out target. */
    int split() {
        return (int) (series.length() * TRAINING_SHARE);
    }

    int holdoutSize() {
        return series.length() - split();
    }

    /** The points from which a forecast can be compared with what came: 0 ... origins() - 1. */
    int origins() {
        return series.length() - horizon;
    }

    /** How many of the origins, the first ones, have a target that is for training. */
    int trainingOrigins() {
        return split() - horizon;
    }

    /** How far before a target its season-mate lies: the nearest one that is known at the origin. */
    int seasonalLag() {
        return Math.ceilDiv(horizon, series.season()) * series.season();
    }

    double[] holdoutTargets() {
        return Arrays.copyOfRange(series.values(), split(), series.length());
    }

    /** Fitted to what is for training. */
    Scaler scaler() {
        return Scaler.fit(series.values(), split());
    }
}
