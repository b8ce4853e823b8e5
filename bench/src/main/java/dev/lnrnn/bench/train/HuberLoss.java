package dev.lnrnn.bench.train;

/**
 * Squared near zero, absolute beyond {@link #DELTA} (Huber 1964), so that a holiday that nothing
 * announced does not drown the ordinary days.
 */
final class HuberLoss {

    /** In scaled units. */
    static final double DELTA = 0.5;

    private HuberLoss() {}

    /** The mean over the elements; {@code gradient} becomes its gradient by {@code predictions}. */
    static double of(float[] predictions, float[] targets, float[] gradient) {
        double sum = 0;
        for (int i = 0; i < predictions.length; i++) {
            double error = predictions[i] - targets[i];
            double size = Math.abs(error);
            sum += size <= DELTA ? 0.5 * error * error : DELTA * (size - 0.5 * DELTA);
            gradient[i] = (float) (Math.clamp(error, -DELTA, DELTA) / predictions.length);
        }
        return sum / predictions.length;
    }
}
