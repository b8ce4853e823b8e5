package dev.lnrnn.bench.train;

import java.io.PrintWriter;
import java.util.Locale;

/** Says to people what the report says to programs. */
final class Summary {

    private Summary() {}

    static void print(Report report, PrintWriter out) {
        out.printf(Locale.ROOT, "Loss: %.4f in the first epoch, %.4f in epoch %d; %.1f steps/s%n", report.firstLoss(),
                report.lastLoss(), report.epochs(), report.stepsPerSecond());
        Holdout.Errors errors = report.errors();
        out.printf(Locale.ROOT, "Mean absolute error on the %d held-out points:%n", report.holdout().target().length);
        out.printf(Locale.ROOT, "  %-24s %10.4g%n", report.network().title(), errors.model());
        baseline(out, "persistence", errors.persistence(), errors.model());
        baseline(out, "seasonal-naive", errors.seasonal(), errors.model());
        baseline(out, "ridge autoregression", errors.ridge(), errors.model());
        out.printf(Locale.ROOT, "Reloaded and run %s: largest difference %.2g%s%n",
                report.network().bidirectional() ? "window by window" : "step by step",
                report.streamMaxDifference(), report.good() ? "" : ", which is too much");
    }

    private static void baseline(PrintWriter out, String name, double error, double model) {
        out.printf(Locale.ROOT, "  %-24s %10.4g   the network is %s%n", name, error, comparison(error, model));
    }

    private static String comparison(double error, double model) {
        double percent = 100 * (1 - model / error);
        // Forecasts that are right throughout leave nothing to be a share of.
        if (!Double.isFinite(percent)) {
            return model == error ? "as good" : "above";
        }
        return String.format(Locale.ROOT, "%.1f %% %s", Math.abs(percent), percent >= 0 ? "below" : "above");
    }
}
