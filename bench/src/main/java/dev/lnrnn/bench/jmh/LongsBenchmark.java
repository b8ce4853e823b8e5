package dev.lnrnn.bench.jmh;

import java.lang.foreign.Linker;
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
 * A bare call of a C function that does nothing, with so many numbers: through FFM; through FFM as critical, which does
 * not tell the JVM that the thread is in native code; and through JNI. Needs the {@link Probe}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class LongsBenchmark {

    private static final MethodHandle FFM_0 = Probe.longs(0);
    private static final MethodHandle FFM_4 = Probe.longs(4);
    private static final MethodHandle FFM_8 = Probe.longs(8);
    private static final MethodHandle FFM_16 = Probe.longs(16);
    private static final Linker.Option CRITICAL = Linker.Option.critical(false);
    private static final MethodHandle CRITICAL_0 = Probe.longs(0, CRITICAL);
    private static final MethodHandle CRITICAL_4 = Probe.longs(4, CRITICAL);
    private static final MethodHandle CRITICAL_8 = Probe.longs(8, CRITICAL);
    private static final MethodHandle CRITICAL_16 = Probe.longs(16, CRITICAL);

    /** Not a constant, or the arguments would be. */
    private long a = 1;

    @Benchmark
    public long ffm0() throws Throwable {
        return (long) FFM_0.invokeExact();
    }

    @Benchmark
    public long ffm4() throws Throwable {
        return (long) FFM_4.invokeExact(a, a, a, a);
    }

    @Benchmark
    public long ffm8() throws Throwable {
        return (long) FFM_8.invokeExact(a, a, a, a, a, a, a, a);
    }

    @Benchmark
    public long ffm16() throws Throwable {
        return (long) FFM_16.invokeExact(a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a);
    }

    @Benchmark
    public long critical0() throws Throwable {
        return (long) CRITICAL_0.invokeExact();
    }

    @Benchmark
    public long critical4() throws Throwable {
        return (long) CRITICAL_4.invokeExact(a, a, a, a);
    }

    @Benchmark
    public long critical8() throws Throwable {
        return (long) CRITICAL_8.invokeExact(a, a, a, a, a, a, a, a);
    }

    @Benchmark
    public long critical16() throws Throwable {
        return (long) CRITICAL_16.invokeExact(a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a);
    }

    @Benchmark
    public long jni0() {
        return JniProbe.longs0();
    }

    @Benchmark
    public long jni4() {
        return JniProbe.longs4(a, a, a, a);
    }

    @Benchmark
    public long jni8() {
        return JniProbe.longs8(a, a, a, a, a, a, a, a);
    }

    @Benchmark
    public long jni16() {
        return JniProbe.longs16(a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a);
    }
}
