package dev.lnrnn.bench.latency;

import dev.lnrnn.bench.compare.Median;
import dev.lnrnn.bench.jmh.CallFromCBenchmark;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * Calls of several kinds that take turns, a millisecond each: kinds that differ by less than a machine's speed drifts
 * from one second to the next. What counts is the median of the differences between neighbours.
 */
final class Turns {

    /** In a turn: so many that reading the clock is nothing. */
    static final int CALLS = CallFromCBenchmark.CALLS;

    /** Nanoseconds per call, by turn and kind. */
    private final List<double[]> times = new ArrayList<>();

    private Turns() {}

    /** That many calls, in a loop of the kind's own, so that it is compiled for itself. */
    @FunctionalInterface
    interface Batch {
        void run() throws Throwable;
    }

    /** Measures for so many seconds, after half as many that do not count, so that compilers are done. */
    static Turns measure(double seconds, List<Batch> kinds) throws Throwable {
        new Turns().take(0.5 * seconds, kinds);
        Turns turns = new Turns();
        turns.take(seconds, kinds);
        return turns;
    }

    private void take(double seconds, List<Batch> kinds) throws Throwable {
        long end = System.nanoTime() + (long) (1e9 * seconds);
        do {
            double[] turn = new double[kinds.size()];
            for (int kind = 0; kind < turn.length; kind++) {
                long before = System.nanoTime();
                kinds.get(kind).run();
                turn[kind] = (double) (System.nanoTime() - before) / CALLS;
            }
            times.add(turn);
        } while (System.nanoTime() < end);
    }

    /** Nanoseconds of a call. */
    double median(int kind) {
        return median(turn -> turn[kind]);
    }

    /** Nanoseconds that a call of one kind takes longer than one of the other. */
    double difference(int kind, int other) {
        return median(turn -> turn[kind] - turn[other]);
    }

    private double median(ToDoubleFunction<double[]> ofTurn) {
        return Median.of(times.stream().mapToDouble(ofTurn).toArray()).value();
    }
}
