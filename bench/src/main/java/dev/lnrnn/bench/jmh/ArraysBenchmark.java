package dev.lnrnn.bench.jmh;

import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A bare call of a C function with so many arrays of the Java heap, which nobody copies: through FFM as critical, and
 * through JNI, which pins them one by one. Needs the {@link Probe}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class ArraysBenchmark {

    private static final Linker.Option CRITICAL = Linker.Option.critical(true);
    private static final MethodHandle FFM_4 = Probe.pointers(4, CRITICAL);
    private static final MethodHandle FFM_16 = Probe.pointers(16, CRITICAL);

    private final float[] array = new float[64];
    private final MemorySegment segment = MemorySegment.ofArray(array);

    @Benchmark
    public long ffm4() throws Throwable {
        MemorySegment s = segment;
        return (long) FFM_4.invokeExact(s, s, s, s);
    }

    @Benchmark
    public long ffm16() throws Throwable {
        MemorySegment s = segment;
        return (long) FFM_16.invokeExact(s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s);
    }

    @Benchmark
    public long jni4() {
        float[] a = array;
        return JniProbe.arrays4(a, a, a, a);
    }

    @Benchmark
    public long jni16() {
        float[] a = array;
        return JniProbe.arrays16(a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a);
    }
}
