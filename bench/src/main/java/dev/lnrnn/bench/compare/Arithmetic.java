package dev.lnrnn.bench.compare;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What cores and memory can do at best, found out in plain Java: loops that the compiler turns into vector
 * instructions. Many short bursts, the best of which counts, because others use the machine too.
 */
final class Arithmetic {

    private static final double SECONDS = 0.25;
    private static final int FEWEST_BURSTS = 20;

    /** Numbers that stay in the nearest cache, and how often a burst goes over them: about a millisecond. */
    private static final int NUMBERS = 1024;
    private static final int PASSES = 3000;
    private static final int MULTIPLY_ADDS = 16;

    /** Streams that are read at once, as a product reads the rows of its weights. */
    private static final int STREAMS = 4;
    private static final int STRETCH = 1024;

    private static final int MEETINGS = 2000;

    private Arithmetic() {}

    /** Operations per second of several threads together, a multiply-add counted as two. */
    static double flops(int threads) {
        float[][] numbers = new float[threads][NUMBERS];
        double seconds = shortestBurst(threads, thread -> {
            for (int pass = 0; pass < PASSES; pass++) {
                multiplyAdd(numbers[thread], 0.5f, 0.25f);
            }
        });
        return 2.0 * threads * PASSES * NUMBERS * MULTIPLY_ADDS / seconds;
    }

    /** Bytes per second that several threads together read from so much memory, each over and over its own part. */
    static double bandwidth(int threads, long bytes) {
        int streamLength = Math.toIntExact(bytes / threads / STREAMS / Integer.BYTES) / STRETCH * STRETCH;
        int[][] parts = new int[threads][STREAMS * streamLength];
        for (int[] part : parts) {
            // Memory that was never written is all the same page.
            Arrays.fill(part, 1);
        }
        AtomicInteger sink = new AtomicInteger();
        double seconds = shortestBurst(threads, thread -> {
            int sum = 0;
            for (int from = 0; from < streamLength; from += STRETCH) {
                sum += readStreams(parts[thread], from, streamLength);
            }
            sink.addAndGet(sum);
        });
        return (double) threads * STREAMS * streamLength * Integer.BYTES / seconds;
    }

    /** Seconds from when the last of the threads comes to when all know. */
    static double barrier(int threads) {
        if (threads == 1) {
            return 0;
        }
        AtomicInteger arrived = new AtomicInteger();
        return shortestBurst(threads, thread -> {
            for (int meeting = 0; meeting < MEETINGS; meeting++) {
                int complete = (arrived.getAndIncrement() / threads + 1) * threads;
                while (arrived.get() < complete) {
                    Thread.onSpinWait();
                }
            }
        }) / MEETINGS;
    }

    /** Enough arithmetic on each number that loading and storing it cost nothing beside it. */
    private static void multiplyAdd(float[] numbers, float factor, float summand) {
        for (int i = 0; i < numbers.length; i++) {
            // Written out, because the compiler makes vectors of inner loops alone. There are MULTIPLY_ADDS of them.
            float v = numbers[i];
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            v = Math.fma(v, factor, summand);
            numbers[i] = v;
        }
    }

    private static int readStreams(int[] numbers, int from, int streamLength) {
        int sum = 0;
        for (int i = from; i < from + STRETCH; i++) {
            sum += numbers[i] ^ numbers[streamLength + i] ^ numbers[2 * streamLength + i]
                    ^ numbers[3 * streamLength + i];
        }
        return sum;
    }

    /** What one of the threads does in a burst. */
    @FunctionalInterface
    private interface Burst {

        void run(int thread);
    }

    /** Seconds that the quickest of many bursts took, from its begin to when the last thread was done. */
    private static double shortestBurst(int threads, Burst burst) {
        AtomicInteger begun = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        for (int t = 1; t < threads; t++) {
            int thread = t;
            Thread.ofPlatform().daemon().start(() -> {
                for (int number = 1; awaitBurst(begun, number); number++) {
                    burst.run(thread);
                    done.incrementAndGet();
                }
            });
        }
        long start = System.nanoTime();
        long shortest = Long.MAX_VALUE;
        for (int number = 1; number <= FEWEST_BURSTS || System.nanoTime() - start < 1e9 * SECONDS; number++) {
            long before = System.nanoTime();
            begun.set(number);
            burst.run(0);
            while (done.get() < number * (threads - 1)) {
                Thread.onSpinWait();
            }
            shortest = Math.min(shortest, System.nanoTime() - before);
        }
        begun.set(-1);
        return 1e-9 * shortest;
    }

    /** Whether there is another burst. Sleeping would cost more than what is measured. */
    private static boolean awaitBurst(AtomicInteger begun, int number) {
        int latest = begun.get();
        while (latest >= 0 && latest < number) {
            Thread.onSpinWait();
            latest = begun.get();
        }
        return latest >= 0;
    }
}
