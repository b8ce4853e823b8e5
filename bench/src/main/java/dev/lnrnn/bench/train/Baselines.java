package dev.lnrnn.bench.train;

/** Forecasts that need no learning, for the held-out targets of a task, in the series' unit. */
final class Baselines {

    private Baselines() {}

    /** The latest value known. */
    static double[] persistence(Task task) {
        return lagged(task, task.horizon());
    }

    /** The latest value known of the same point of the season. */
    static double[] seasonalNaive(Task task) {
        return lagged(task, task.seasonalLag());
    }

    private static double[] lagged(Task task, int lag) {
        double[] forecast = new double[task.holdoutSize()];
        System.arraycopy(task.series().values(), task.split() - lag, forecast, 0, forecast.length);
        return forecast;
    }

    static double meanAbsoluteError(double[] forecast, double[] target) {
        double mean = 0;
        for (int i = 0; i < target.length; i++) {
            // Not the sum, which overflows where the mean does not.
            mean += Math.abs(forecast[i] - target[i]) / target.length;
        }
        return mean;
    }
}
