package dev.lnrnn.bench.latency;

import dev.lnrnn.bench.jmh.CallBenchmark;
import dev.lnrnn.bench.jmh.CallFromCBenchmark;
import dev.lnrnn.bench.jmh.Home;
import dev.lnrnn.bench.jmh.PointersBenchmark;
import dev.lnrnn.bench.jmh.Probe;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * What calls from Java and from C are compared on, each time at other places in memory. Which of its addresses are alike
 * in their low bits makes a call some nanoseconds faster or slower: as much as is to be measured.
 */
final class Placed implements AutoCloseable {
    private static final int SPACES = 64;
    private static final int SPACE_BYTES = 64;

    /** Passes whose plan and buffers are in one arena. */
    final CallBenchmark one = new CallBenchmark();
    /** Passes whose plan and buffers have an arena each. */
    final CallBenchmark each = new CallBenchmark();
    /** Null where there is no probe, as the next. */
    final @Nullable CallFromCBenchmark c;
    final @Nullable PointersBenchmark empty;

    private final Random random;
    private final Arena spaces = Arena.ofConfined();

    /** @param probe the compiled C source; null where there is none */
    Placed(@Nullable Path probe, long seed) throws Throwable {
        random = new Random(seed);
        each.home = Home.SHARED_EACH;
        if (probe == null) {
            c = null;
            empty = null;
        } else {
            System.setProperty(Probe.PROPERTY, probe.toString());
            c = new CallFromCBenchmark();
            empty = new PointersBenchmark();
            empty.home = Home.SHARED;
        }
        leaveSpace();
        one.open();
        leaveSpace();
        each.open();
        if (c != null && empty != null) {
            leaveSpace();
            c.open();
            leaveSpace();
            empty.open();
        }
    }

    private void leaveSpace() {
        for (int piece = 0; piece < SPACES; piece++) {
            spaces.allocate((long) SPACE_BYTES * (1 + random.nextInt(SPACES)), SPACE_BYTES);
        }
    }

    @Override
    public void close() throws Exception {
        if (c != null && empty != null) {
            empty.close();
            try {
                c.close();
            } catch (Throwable e) {
                throw new IllegalStateException("the probe failed", e);
            }
        }
        each.close();
        one.close();
        spaces.close();
    }
}
