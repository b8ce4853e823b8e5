package dev.lnrnn.bench.train;

import java.io.Console;
import java.io.PrintWriter;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Shows how training goes: a bar on a terminal, now and then a line elsewhere. */
interface Progress extends AutoCloseable {

    /** Once per finished epoch, counted from 1. */
    void epoch(int epoch, double loss, double stepsPerSecond);

    @Override
    void close();

    /** For a training that is one of many, which tell how far they are. */
    Progress SILENT = new Progress() {
        @Override
        public void epoch(int epoch, double loss, double stepsPerSecond) {
        }

        @Override
        public void close() {
        }
    };

    static Progress of(int epochs, PrintWriter out) {
        Console console = System.console();
        return console != null && console.isTerminal() ? new Bar(epochs) : new Lines(epochs, out);
    }

    /** One line that redraws itself. */
    final class Bar implements Progress {

        private final ProgressBar bar;

        Bar(int epochs) {
            bar = new ProgressBarBuilder()
                    .setTaskName("epochs")
                    .setInitialMax(epochs)
                    .setStyle(ProgressBarStyle.ASCII)
                    .setUpdateIntervalMillis(200)
                    .build();
        }

        @Override
        public void epoch(int epoch, double loss, double stepsPerSecond) {
            bar.setExtraMessage(String.format(Locale.ROOT, " loss %.4f, %.1f steps/s", loss, stepsPerSecond));
            bar.stepTo(epoch);
        }

        @Override
        public void close() {
            bar.close();
        }
    }

    /** Some twenty lines over the whole run. */
    final class Lines implements Progress {

        private static final int LINES = 20;

        private final int epochs;
        private final PrintWriter out;

        Lines(int epochs, PrintWriter out) {
            this.epochs = epochs;
            this.out = out;
        }

        @Override
        public void epoch(int epoch, double loss, double stepsPerSecond) {
            boolean due = epoch == 1 || epoch == epochs || epoch * LINES / epochs > (epoch - 1) * LINES / epochs;
            if (due) {
                out.printf(Locale.ROOT, "epoch %d/%d  loss %.4f  %.1f steps/s%n", epoch, epochs, loss, stepsPerSecond);
                out.flush();
            }
        }

        @Override
        public void close() {
        }
    }
}
