package dev.lnrnn.bench;

import java.time.Duration;
import java.util.Random;

/**
 * How long a fuzzer runs and from which seed: {@code fuzz.seconds} and {@code fuzz.seed}. Each input has a seed of its own,
 * which is told with what it finds, and repeats it as {@code fuzz.seed} of a run of no seconds.
 */
public final class Fuzz {

    private static final int DEFAULT_SECONDS = 3;
    private static final Duration LONGEST_INPUT = Duration.ofSeconds(20);

    private Fuzz() {}

    /** One input. */
    @FunctionalInterface
    public interface Input {
        void run(Random random) throws Exception;
    }

    /** Runs inputs, at least one, and prints how many; what one throws tells its seed. */
    public static void run(String name, Input input) {
        long seed = Long.getLong("fuzz.seed", System.nanoTime());
        long end =
                System.nanoTime() + Duration.ofSeconds(Integer.getInteger("fuzz.seconds", DEFAULT_SECONDS)).toNanos();
        long inputs = 0;
        System.out.println(name + ": fuzz.seed=" + seed);
        do {
            long start = System.nanoTime();
            try {
                input.run(new Random(seed));
            } catch (Exception | AssertionError e) {
                throw new AssertionError(name + " with -Dfuzz.seed=" + seed + ": " + e.getMessage(), e);
            }
            if (System.nanoTime() - start > LONGEST_INPUT.toNanos()) {
                throw new AssertionError(name + " with -Dfuzz.seed=" + seed + " took too long");
            }
            seed++;
            inputs++;
        } while (System.nanoTime() < end);
        System.out.println(name + ": " + inputs + " inputs");
    }
}
