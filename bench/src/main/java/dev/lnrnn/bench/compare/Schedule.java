package dev.lnrnn.bench.compare;

import java.util.function.BooleanSupplier;

/** How long the measurements take. */
sealed interface Schedule {

    /** Whether there is time for one of so many that are left. */
    boolean hasTime();

    /** Rounds that a measurement has at the least. */
    int fewestRounds();

    /** What says, from now on, whether there is time for another round of one of so many that are left. */
    BooleanSupplier rounds(int left);

    /** As long as it takes. */
    record Thorough() implements Schedule {

        private static final double SECONDS_EACH = 30;

        @Override
        public boolean hasTime() {
            return true;
        }

        @Override
        public int fewestRounds() {
            return 5;
        }

        @Override
        public BooleanSupplier rounds(int left) {
            long end = System.nanoTime() + (long) (1e9 * SECONDS_EACH);
            return () -> System.nanoTime() < end;
        }
    }

    /**
     * Shares out what is left of a time, but gives none more than it needs.
     *
     * @param end by {@link System#nanoTime}
     */
    record Until(long end) implements Schedule {

        private static final double SECONDS_EACH = 10;

        static Until inSeconds(double seconds) {
            return new Until(System.nanoTime() + (long) (1e9 * seconds));
        }

        @Override
        public boolean hasTime() {
            return System.nanoTime() < end;
        }

        @Override
        public int fewestRounds() {
            return 1;
        }

        @Override
        public BooleanSupplier rounds(int left) {
            long now = System.nanoTime();
            long share = now + Math.min((end - now) / left, (long) (1e9 * SECONDS_EACH));
            return () -> System.nanoTime() < share;
        }
    }
}
