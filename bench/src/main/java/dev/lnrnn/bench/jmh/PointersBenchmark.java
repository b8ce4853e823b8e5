package dev.lnrnn.bench.jmh;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A bare call through FFM of a C function that does nothing, with so many segments of native memory. During a call the
 * linker keeps alive every arena among the arguments, so that where they live decides what it costs. Needs the
 * {@link Probe}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class PointersBenchmark {

    private static final MethodHandle FFM_3 = Probe.pointers(3);
    private static final MethodHandle FFM_4 = Probe.pointers(4);
    private static final MethodHandle FFM_8 = Probe.pointers(8);
    private static final MethodHandle FFM_16 = Probe.pointers(16);
    private static final int MOST = 16;

    @Param
    public Home home;

    private final List<Arena> arenas = new ArrayList<>();
    private final MemorySegment[] s = new MemorySegment[MOST];

    /** In the thread that calls, which alone may use a confined arena. */
    @Setup
    public void open() {
        for (int i = 0; i < MOST; i++) {
            if (home == Home.SHARED_EACH || i == 0) {
                arenas.add(home.arena());
            }
            s[i] = arenas.getLast().allocate(Long.BYTES);
        }
    }

    /** What a bound pass cannot do without: a plan, a stream and a struct. */
    @Benchmark
    public long ffm3() throws Throwable {
        return (long) FFM_3.invokeExact(s[0], s[1], s[2]);
    }

    @Benchmark
    public long ffm4() throws Throwable {
        return (long) FFM_4.invokeExact(s[0], s[1], s[2], s[3]);
    }

    @Benchmark
    public long ffm8() throws Throwable {
        return (long) FFM_8.invokeExact(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]);
    }

    @Benchmark
    public long ffm16() throws Throwable {
        return (long) FFM_16.invokeExact(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9], s[10], s[11],
                s[12], s[13], s[14], s[15]);
    }

    @TearDown
    public void close() {
        arenas.forEach(home::close);
    }
}
