package dev.lnrnn.bench.compare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;

/**
 * Times contestants in turns, round by round, so that a machine that gets slower or busier does so for all of them.
 * Everyone begins a round in turn.
 */
final class Rounds {

    /** What a turn takes, or one call where that is longer. */
    private static final double TURN_SECONDS = 0.1;
    /** Threads of the one before spin for more work, and give up in this time: those of OpenMP may take 200 ms. */
    private static final long PAUSE_MILLISECONDS = 250;
    /** Where everyone has one thread only, hardly anyone is still busy. */
    private static final long PAUSE_OF_ONE_MILLISECONDS = 20;
    /** Calls that are not timed: TorchScript observes two before it compiles for what it saw. */
    private static final int WARM_UP_CALLS = 3;

    private final List<Turns> everyone;
    private final long pause;

    Rounds(List<Contestant> contestants, int threads) {
        everyone = contestants.stream().map(Turns::new).toList();
        pause = threads > 1 ? PAUSE_MILLISECONDS : PAUSE_OF_ONE_MILLISECONDS;
    }

    /** One contestant and its times so far. */
    private static final class Turns {

        private final Contestant contestant;
        private double[] milliseconds = new double[16];
        private int count;

        Turns(Contestant contestant) {
            this.contestant = contestant;
        }

        void warmUp(BooleanSupplier timeLeft) {
            for (int call = 0; call < WARM_UP_CALLS && (call == 0 || timeLeft.getAsBoolean()); call++) {
                contestant.run();
            }
        }

        void take() {
            long start = System.nanoTime();
            contestant.run();
            double first = System.nanoTime() - start;
            // The first call finds caches full of what others used, and threads asleep. It counts where that is nothing
            // beside the call itself.
            if (first > 1e9 * TURN_SECONDS) {
                add(first);
                return;
            }
            do {
                long before = System.nanoTime();
                contestant.run();
                add(System.nanoTime() - before);
            } while (System.nanoTime() - start < 1e9 * TURN_SECONDS);
        }

        private void add(double nanoseconds) {
            if (count == milliseconds.length) {
                milliseconds = Arrays.copyOf(milliseconds, 2 * count);
            }
            milliseconds[count++] = 1e-6 * nanoseconds;
        }

        double[] samples() {
            return Arrays.copyOf(milliseconds, count);
        }
    }

    /**
     * Runs rounds.
     *
     * @param fewest rounds that are run in any case
     * @param timeLeft asked before every round after these, and before calls that warm up
     * @param progress told the number of rounds that are done
     * @return the milliseconds of each contestant
     */
    List<double[]> run(int fewest, BooleanSupplier timeLeft, IntConsumer progress) throws InterruptedException {
        everyone.forEach(turns -> turns.warmUp(timeLeft));
        for (int round = 0; round < fewest || timeLeft.getAsBoolean(); round++) {
            for (int turn = 0; turn < everyone.size(); turn++) {
                Thread.sleep(pause);
                everyone.get((round + turn) % everyone.size()).take();
            }
            progress.accept(round + 1);
        }
        List<double[]> samples = new ArrayList<>();
        everyone.forEach(turns -> samples.add(turns.samples()));
        return samples;
    }
}
