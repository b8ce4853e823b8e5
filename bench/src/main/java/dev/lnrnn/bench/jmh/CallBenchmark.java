package dev.lnrnn.bench.jmh;

import dev.lnrnn.BoundStep;
import dev.lnrnn.Device;
import dev.lnrnn.DeviceBuffer;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.InferencePass;
import dev.lnrnn.Library;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Sequence;
import dev.lnrnn.StepPass;
import dev.lnrnn.Stream;
import dev.lnrnn.TrainingPass;
import java.lang.foreign.Arena;
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
 * What a call costs besides its arithmetic. {@link #downcall} is the least: a function without arguments
 * that answers a constant, behind the check that the library is loaded. The passes run on an empty batch:
 * every argument is checked in Java and again in C, and there is nothing to compute. What Java adds to such
 * a pass is its time here less that of the same call from C, see {@link CallFromCBenchmark}.
 *
 * <p>With {@code -prof gc} the passes must show 0 B/op. What is left in the fractions is JMH's own, which the
 * longer calls of the other benchmarks divide by fewer operations.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 3, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class CallBenchmark {

    /** Of the plan and all buffers. */
    @Param("SHARED")
    public Home home = Home.SHARED;

    private Arena arena;
    private Device device;
    private StepPass step;
    private BoundStep boundStep;
    private InferencePass inference;
    private TrainingPass training;
    private DeviceBuffer parameters;
    private DeviceBuffer gradients;
    private DeviceBuffer packed;
    private DeviceBuffer empty;
    private DeviceBuffer reserve;
    private DeviceBuffer workspace;

    @Setup
    public void open() {
        arena = home.arena();
        device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(1));
        Stream stream = device.defaultStream();
        Plan plan = device.createPlan(Shape.A.layerNormalisedLstm(), arena);
        PlanSizes sizes = plan.sizes(1, 0);
        parameters = device.allocate(sizes.parameterBytes(), arena);
        plan.initialize(stream, 1, parameters);
        gradients = device.allocate(sizes.gradientBytes(), arena);
        packed = device.allocate(sizes.packedBytes(), arena);
        plan.pack(stream, parameters, packed);
        empty = device.allocate(0, arena);
        reserve = device.allocate(sizes.reserveBytes(), arena);
        workspace = device.allocate(Math.max(
                Math.max(sizes.stepWorkspaceBytes(), sizes.inferenceWorkspaceBytes()),
                Math.max(sizes.trainingWorkspaceBytes(), sizes.backwardWorkspaceBytes())), arena);
        step = plan.stepPass(0, stream);
        boundStep = step.bind(packed, empty, empty, empty, workspace);
        inference = plan.inferencePass(Sequence.timeMajor(1, 0), stream);
        training = plan.trainingPass(Sequence.timeMajor(1, 0), stream);
    }

    @Benchmark
    public int downcall() {
        return Library.abiVersion();
    }

    @Benchmark
    public void emptyStep() {
        step.run(packed, empty, empty, empty, workspace);
    }

    /** With buffers that were checked once. */
    @Benchmark
    public void emptyBoundStep() {
        boundStep.run();
    }

    @Benchmark
    public void emptyInference() {
        inference.run(packed, empty, empty, empty, empty, empty, empty, workspace);
    }

    @Benchmark
    public void emptyTrainingForward() {
        training.forward(parameters, empty, empty, empty, empty, empty, empty, reserve, workspace);
    }

    /** Not quite nothing to compute: the gradients of {@code parameters} are set to zero. */
    @Benchmark
    public void emptyTrainingBackward() {
        training.backward(parameters, empty, empty, empty, empty, reserve, gradients, empty, empty, empty, workspace);
    }

    @TearDown
    public void close() {
        home.close(arena);
        device.close();
    }
}
