package dev.lnrnn.bench.train;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;

/**
 * What a finished training is judged by; written as JSON with names in snake_case.
 *
 * @param device "cpu", "cuda:0"
 * @param network what was trained
 * @param epochs that were run
 * @param firstLoss mean over the first epoch
 * @param lastLoss mean over the last epoch
 * @param stepsPerSecond optimiser steps
 * @param streamMaxDifference largest difference, in scaled units, between the trained model's forecasts
 *     and those of the reloaded checkpoint, run step by step (or window by window) over the held-out part
 * @param errors mean absolute errors on the held-out part
 */
@JsonNaming(SnakeCaseStrategy.class)
record Report(String series, int horizon, int season, String device, int threads, Network network,
        long seed, int epochs,
        double firstLoss, double lastLoss, double stepsPerSecond, double streamMaxDifference,
        Holdout.Errors errors, Holdout holdout) {

    /** What float32 arithmetic in another order may differ by. */
    static final double LARGEST_STREAM_DIFFERENCE = 1e-5;

    boolean good() {
        return streamMaxDifference < LARGEST_STREAM_DIFFERENCE;
    }
}
