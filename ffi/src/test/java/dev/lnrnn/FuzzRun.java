package dev.lnrnn;

import java.time.Duration;
import java.util.Random;

/**
 * Repeats something with random numbers for {@code -Dfuzz.seconds=N}, each time from a seed of its own that is named
 * when it fails: {@code -Dfuzz.seed=SEED} begins with that one.
 */
public final class FuzzRun {
    private FuzzRun() {}

    /** What is repeated. */
    public interface Call {
        void run(Random random, long call) throws Exception;
    }

    /** What the property says, or else any. */
    public static long seed() {
        return Long.getLong("fuzz.seed", new Random().nextLong() >>> 1);
    }

    /** What the property says, or else so many seconds. */
    public static Duration time(int seconds) {
        return Duration.ofSeconds(Long.getLong("fuzz.seconds", seconds));
    }

    /** As long as the property says, or else for so many seconds. */
    public static void repeat(String name, int seconds, Call call) {
        long seed = seed();
        long end = System.nanoTime() + time(seconds).toNanos();
        System.out.printf("%s with -Dfuzz.seed=%d%n", name, seed);
        long calls = 0;
        do {
            try {
                call.run(new Random(seed + calls), calls);
            } catch (Exception | Error e) {
                throw new AssertionError(name + " with -Dfuzz.seed=" + (seed + calls) + ": " + e, e);
            }
            calls++;
        } while (System.nanoTime() < end);
        System.out.printf("%s: %d calls%n", name, calls);
    }
}
