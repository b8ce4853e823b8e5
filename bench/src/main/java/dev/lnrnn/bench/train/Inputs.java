package dev.lnrnn.bench.train;

import dev.lnrnn.bench.BadInputException;
import java.util.List;

/**
 * What a forecaster sees and what it should say, in scaled units. Row t of {@code x} is
 * <ul>
 *   <li>the value at t;
 *   <li>what seasonal-naive says of t + horizon, 0 (the mean) where the series has not begun;
 *   <li>sines and cosines that tell where t + horizon stands in each period: nobody needs the future to
 *       know them.
 * </ul>
 *
 * <p>What is forecast is a correction of seasonal-naive, so that a series that grows beyond what was seen
 * in training takes the forecasts along.
 *
 * @param rows origins, one row each
 * @param width features per row
 * @param x (rows, width), row-major
 * @param target (rows): the value at t + horizon, less what seasonal-naive says of it
 */
record Inputs(int rows, int width, float[] x, float[] target) {

    private static final int OBSERVED = 2;
    private static final int MOST_HARMONICS = 3;
    private static final int MOST_ELEMENTS = 1 << 29;
    /** In scaled units; squares of some hundred such numbers are finite as float32. */
    private static final double FARTHEST = 1e12;

    static Inputs of(Task task, Scaler scaler) {
        double[] values = task.series().values();
        List<Double> periods = task.series().periods();
        int rows = task.origins();
        int width = OBSERVED + 2 * periods.stream().mapToInt(Inputs::harmonics).sum();
        if ((long) rows * width > MOST_ELEMENTS) {
            throw new BadInputException("The series has " + rows + " points with " + width + " inputs each, more than "
                    + MOST_ELEMENTS + " in all.");
        }
        requireNear(values, scaler);
        float[] x = new float[rows * width];
        float[] target = new float[rows];
        for (int t = 0, i = 0; t < rows; t++) {
            int targetTime = t + task.horizon();
            x[i++] = (float) scaler.scale(values[t]);
            int seasonAgo = targetTime - task.seasonalLag();
            float seasonal = seasonAgo < 0 ? 0 : (float) scaler.scale(values[seasonAgo]);
            x[i++] = seasonal;
            target[t] = (float) scaler.scale(values[targetTime]) - seasonal;
            for (double period : periods) {
                for (int k = 1; k <= harmonics(period); k++) {
                    double angle = 2 * Math.PI * k * targetTime / period;
                    x[i++] = (float) Math.sin(angle);
                    x[i++] = (float) Math.cos(angle);
                }
            }
        }
        return new Inputs(rows, width, x, target);
    }

    /** Before anything is trained: what float32 cannot hold would be no number, or make one that is none. */
    private static void requireNear(double[] values, Scaler scaler) {
        for (int t = 0; t < values.length; t++) {
            double distance = scaler.scale(values[t]);
            if (!(Math.abs(distance) <= FARTHEST)) {
                throw new BadInputException("Point " + (t + 1) + " of the series, " + values[t] + ", lies "
                        + Math.abs(distance)
                        + " standard deviations of the training part from its mean; expected at most "
                        + FARTHEST + ".");
            }
        }
    }

    /** Beyond half the period, harmonics repeat at whole points. */
    private static int harmonics(double period) {
        return Math.min(MOST_HARMONICS, (int) (period / 2));
    }

    /** The scaled value that a row's correction of seasonal-naive amounts to. */
    double corrected(int row, double correction) {
        return x[row * width + 1] + correction;
    }
}
