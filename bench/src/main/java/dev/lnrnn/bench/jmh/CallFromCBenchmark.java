package dev.lnrnn.bench.jmh;

import dev.lnrnn.Library;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The calls of {@link CallBenchmark} made by C: in the same process, of the same library file and with the same
 * arguments, so many times that the call of the loop itself is nothing. Needs the {@link Probe}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 3, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@OperationsPerInvocation(CallFromCBenchmark.CALLS)
public class CallFromCBenchmark {

    public static final int CALLS = 10000;

    private static final MethodHandle STEP = Probe.calls("probe_step");
    private static final MethodHandle INFERENCE = Probe.calls("probe_inference");
    private static final MethodHandle FORWARD = Probe.calls("probe_forward");
    private static final MethodHandle BACKWARD = Probe.calls("probe_backward");

    private MemorySegment network;

    @Setup
    public void open() throws Throwable {
        network = Probe.open(Library.location(), Shape.A);
    }

    @Benchmark
    public void emptyStep() throws Throwable {
        check((long) STEP.invokeExact(network, (long) CALLS));
    }

    @Benchmark
    public void emptyInference() throws Throwable {
        check((long) INFERENCE.invokeExact(network, (long) CALLS));
    }

    @Benchmark
    public void emptyTrainingForward() throws Throwable {
        check((long) FORWARD.invokeExact(network, (long) CALLS));
    }

    @Benchmark
    public void emptyTrainingBackward() throws Throwable {
        check((long) BACKWARD.invokeExact(network, (long) CALLS));
    }

    @TearDown
    public void close() throws Throwable {
        Probe.close(network);
    }

    private static void check(long failed) {
        if (failed != 0) {
            throw new IllegalStateException(failed + " of " + CALLS + " calls failed.");
        }
    }
}
