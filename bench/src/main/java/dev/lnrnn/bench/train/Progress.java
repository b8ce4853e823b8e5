package dev.lnrnn.bench.train;

import dev.lnrnn.bench.TerminalBar;
import java.io.PrintWriter;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;

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
        return TerminalBar.of("epochs", epochs).<Progress>map(Bar::new).orElseGet(() -> new Lines(epochs, out));
    }

    /** One line that redraws itself. */
    final class Bar implements Progress {

        private final ProgressBar bar;

        Bar(ProgressBar bar) {
            this.bar = bar;
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
