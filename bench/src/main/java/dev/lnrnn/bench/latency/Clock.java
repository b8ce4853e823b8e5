package dev.lnrnn.bench.latency;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.HdrHistogram.Histogram;

/** Times calls one by one, and counts what they allocate. */
final class Clock {

    /** Longer ones are counted as this long: nanoseconds of a minute. */
    private static final long LONGEST = 60_000_000_000L;
    private static final int DIGITS = 3;
    private static final int ALLOCATION_BATCHES = 5;

    private Clock() {}

    /**
     * Makes calls for so many seconds, after half as many that are not timed, so that compilers are done. A call's time
     * is that between two readings of the clock, and includes what reading it takes, see {@link #readingCost}. The next
     * call begins when the one before has ended: time that a caller would have waited for its turn is in no call's
     * time.
     *
     * @return nanoseconds
     */
    static Histogram times(Runnable call, double seconds) {
        long warm = System.nanoTime() + (long) (0.5e9 * seconds);
        do {
            call.run();
        } while (System.nanoTime() < warm);
        return timesUntil(call, System.nanoTime() + (long) (1e9 * seconds));
    }

    /**
     * Times at least one call.
     *
     * @param end by {@link System#nanoTime}
     */
    static Histogram timesUntil(Runnable call, long end) {
        Histogram times = new Histogram(LONGEST, DIGITS);
        long before = System.nanoTime();
        do {
            call.run();
            long after = System.nanoTime();
            times.recordValue(Math.min(after - before, LONGEST));
            before = System.nanoTime();
        } while (before < end);
        return times;
    }

    /** What reading the clock adds to each time, in nanoseconds, with all that the loop does around a call. */
    static Histogram readingCost(double seconds) {
        return times(() -> {}, seconds);
    }

    /**
     * What a call allocates, in bytes of the Java heap. The least of some batches: what compilers let go of when they
     * change their minds is in one of them, what the call allocates is in all.
     */
    static double allocatedBytes(Runnable call, int calls) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        for (int batch = 0; batch < ALLOCATION_BATCHES; batch++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < calls; i++) {
                call.run();
            }
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
        return (double) least / calls;
    }
}
