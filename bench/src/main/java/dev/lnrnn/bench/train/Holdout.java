package dev.lnrnn.bench.train;

/**
 * The held-out targets and what each forecaster said of them beforehand: arrays of one length, oldest
 * first, in the series' unit.
 */
record Holdout(double[] target, double[] model, double[] persistence, double[] seasonal, double[] ridge) {

    private static final int FEWEST_LAGS = 16;
    private static final int MOST_LAGS = 64;

    /** @param forecast the model's, of every origin of the task, scaled */
    static Holdout of(Task task, Inputs inputs, Scaler scaler, float[] forecast) {
        int lags = Math.clamp(8L * task.series().season(), FEWEST_LAGS, MOST_LAGS);
        Ridge ridge = Ridge.fit(inputs, task.trainingOrigins(), lags);
        double[] model = new double[task.holdoutSize()];
        double[] linear = new double[model.length];
        for (int i = 0; i < model.length; i++) {
            int origin = task.trainingOrigins() + i;
            model[i] = scaler.unscale(inputs.corrected(origin, forecast[origin]));
            linear[i] = scaler.unscale(inputs.corrected(origin, ridge.forecast(origin)));
        }
        return new Holdout(task.holdoutTargets(), model, Baselines.persistence(task),
                Baselines.seasonalNaive(task), linear);
    }

    /** Mean absolute errors, in the series' unit. */
    Errors errors() {
        return new Errors(Baselines.meanAbsoluteError(model, target),
                Baselines.meanAbsoluteError(persistence, target),
                Baselines.meanAbsoluteError(seasonal, target),
                Baselines.meanAbsoluteError(ridge, target));
    }

    record Errors(double model, double persistence, double seasonal, double ridge) {
    }
}
