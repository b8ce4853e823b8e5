package dev.lnrnn.bench.compare;

import dev.lnrnn.bench.TerminalBar;
import java.io.PrintWriter;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;

/** Shows how far the comparison is: a bar on a terminal, lines elsewhere. */
abstract sealed class Progress implements AutoCloseable {

    static Progress of(int cases, PrintWriter out) {
        return TerminalBar.of("compare", cases).<Progress>map(bar -> new Bar(bar, out)).orElseGet(() -> new Lines(out));
    }

    private final PrintWriter out;

    private Progress(PrintWriter out) {
        this.out = out;
    }

    abstract void begin(Comparison.Case now);

    /** A system is ready, and so far off. */
    abstract void checked(Entrant entrant, double error);

    abstract void round(Comparison.Case now, int rounds);

    abstract void end(Comparison.Case now);

    void leftOut(Comparison.Case now) {
        say("%s: left out, the time is up", now);
    }

    final void say(String sentence, Object... arguments) {
        out.println(String.format(Locale.ROOT, sentence, arguments));
        out.flush();
    }

    @Override
    public abstract void close();

    /** One line that redraws itself. */
    private static final class Bar extends Progress {

        private final ProgressBar bar;

        Bar(ProgressBar bar, PrintWriter out) {
            super(out);
            this.bar = bar;
        }

        @Override
        void begin(Comparison.Case now) {
            bar.setExtraMessage(" " + now);
        }

        @Override
        void checked(Entrant entrant, double error) {
            bar.setExtraMessage(String.format(Locale.ROOT, " checked %s: %.1e", entrant.system(), error));
        }

        @Override
        void round(Comparison.Case now, int rounds) {
            bar.setExtraMessage(" " + now + ", round " + rounds);
        }

        @Override
        void end(Comparison.Case now) {
            bar.step();
        }

        @Override
        public void close() {
            bar.close();
        }
    }

    /** What each case took, and how far systems differ. */
    private static final class Lines extends Progress {

        private long start;
        private int rounds;

        Lines(PrintWriter out) {
            super(out);
        }

        @Override
        void begin(Comparison.Case now) {
            start = System.nanoTime();
            say("%s:", now);
        }

        @Override
        void checked(Entrant entrant, double error) {
            if (!entrant.system().equals(Comparison.OURS)) {
                say("  %-24s differs from lnrnn by %.1e", entrant.system(), error);
            }
        }

        @Override
        void round(Comparison.Case now, int rounds) {
            this.rounds = rounds;
        }

        @Override
        void end(Comparison.Case now) {
            say("  %d rounds, %.0f s in all", rounds, 1e-9 * (System.nanoTime() - start));
        }

        @Override
        public void close() {
        }
    }
}
