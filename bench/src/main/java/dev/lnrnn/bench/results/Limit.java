package dev.lnrnn.bench.results;

/**
 * The least time that an LSTM can take on a calibrated GPU. In every step the recurrent product waits for
 * the step before, is bound by arithmetic or by reading its weights, and is followed by exchanges among
 * those who share the work: one for the new state, one more for the statistics of layer normalisation.
 * Training goes through the steps twice; what does not depend on a step before is done at the peak rate.
 * Work on single elements counts as nothing.
 */
final class Limit {

    private static final int GATES = 4;

    private final Calibration calibration;

    Limit(Calibration calibration) {
        this.calibration = calibration;
    }

    double milliseconds(Row row) {
        double peak = calibration.peak(row.dtype());
        double weights = (double) GATES * row.hidden() * row.hidden();
        double bytes = weights * elementBytes(row.dtype());
        double inputFlops = 2.0 * GATES * row.steps() * row.batch() * row.input() * row.hidden();
        double recurrentFlops = 2.0 * weights * row.batch() * row.steps();
        double step = Math.max(recurrentFlops / (row.steps() * peak), bytes / calibration.bandwidth(bytes))
                + (row.normalized() ? 2 : 1) * calibration.exchange(bytes);
        double seconds = row.isTraining()
                ? (3 * inputFlops + recurrentFlops) / peak + 2 * row.steps() * step
                : inputFlops / peak + row.steps() * step;
        return 1e3 * seconds;
    }

    private static int elementBytes(String dtype) {
        return switch (dtype) {
            case "f64" -> 8;
            case "f32" -> 4;
            case "f16", "bf16" -> 2;
            default -> throw new IllegalArgumentException("no data type: " + dtype);
        };
    }
}
