package dev.lnrnn.bench.results;

/**
 * The least time that an LSTM can take on a calibrated machine. In every step the recurrent product waits for
 * the step before, is bound by arithmetic or by reading its weights, and is followed by exchanges among
 * those who share the work: one for the new state, one more for the statistics of layer normalisation.
 * Training goes through the steps twice; what does not depend on a step before is done at the peak rate.
 * Work on single elements counts as nothing.
 */
public final class Limit {

    private static final int GATES = 4;

    private final Calibration calibration;

    public Limit(Calibration calibration) {
        this.calibration = calibration;
    }

    public double milliseconds(Workload work) {
        double peak = calibration.peak(work.dtype());
        double weights = (double) GATES * work.hidden() * work.hidden();
        double bytes = weights * elementBytes(work.dtype());
        double inputFlops = 2.0 * GATES * work.steps() * work.batch() * work.input() * work.hidden();
        double recurrentFlops = 2.0 * weights * work.batch() * work.steps();
        double step = Math.max(recurrentFlops / (work.steps() * peak), bytes / calibration.bandwidth(bytes))
                + (work.normalized() ? 2 : 1) * calibration.exchange(bytes);
        double seconds = work.training()
                ? (3 * inputFlops + recurrentFlops) / peak + 2 * work.steps() * step
                : inputFlops / peak + work.steps() * step;
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
