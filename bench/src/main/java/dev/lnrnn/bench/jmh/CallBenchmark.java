package dev.lnrnn.bench.jmh;

import dev.lnrnn.BackwardPass;
import dev.lnrnn.Device;
import dev.lnrnn.DeviceBuffer;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.ForwardPass;
import dev.lnrnn.InferencePass;
import dev.lnrnn.Library;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Sequence;
import dev.lnrnn.StepPass;
import dev.lnrnn.Stream;
import dev.lnrnn.TrainingPasses;
import java.lang.foreign.Arena;
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
 * What a call costs besides its arithmetic. {@link #downcall} is the least: a function without arguments
 * that answers a constant, behind the check that the library is loaded. The passes run on an empty batch:
 * every argument is checked in C, and there is nothing to compute. What Java adds to such a pass is its time
 * here less that of the same call from C, see {@link CallFromCBenchmark}.
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

    private final List<Arena> arenas = new ArrayList<>();
    private Device device;
    private StepPass step;
    private InferencePass inference;
    private ForwardPass forward;
    private BackwardPass backward;

    @Setup
    public void open() {
        device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(1));
        Stream stream = device.defaultStream();
        Plan plan = device.createPlan(Shape.A.layerNormalisedLstm(), arena());
        PlanSizes sizes = plan.sizes(1, 0);
        DeviceBuffer parameters = allocate(sizes.parameterBytes());
        plan.initialize(stream, 1, parameters);
        DeviceBuffer packed = allocate(sizes.packedBytes());
        plan.pack(stream, parameters, packed);
        long workspaceBytes = Math.max(
                Math.max(sizes.stepWorkspaceBytes(), sizes.inferenceWorkspaceBytes()),
                Math.max(sizes.trainingWorkspaceBytes(), sizes.backwardWorkspaceBytes()));
        step = plan.step(0, stream).packed(packed).x(allocate(0)).h(allocate(0)).c(allocate(0))
                .workspace(allocate(workspaceBytes)).bind();
        Sequence sequence = Sequence.timeMajor(1, 0);
        inference = plan.inference(sequence, stream).packed(packed).x(allocate(0)).h0(allocate(0)).c0(allocate(0))
                .y(allocate(0)).hn(allocate(0)).cn(allocate(0)).workspace(allocate(workspaceBytes)).bind();
        TrainingPasses training = plan.training(sequence, stream).parameters(parameters).x(allocate(0))
                .reserve(allocate(sizes.reserveBytes())).bind();
        forward = training.forward().h0(allocate(0)).c0(allocate(0)).y(allocate(0)).hn(allocate(0)).cn(allocate(0))
                .workspace(allocate(workspaceBytes)).bind();
        backward = training.backward().dy(allocate(0)).dhn(allocate(0)).dcn(allocate(0))
                .dx(allocate(0)).dh0(allocate(0)).dc0(allocate(0))
                .workspace(allocate(workspaceBytes)).bind();
    }

    private Arena arena() {
        if (home == Home.SHARED_EACH || arenas.isEmpty()) {
            arenas.add(home.arena());
        }
        return arenas.getLast();
    }

    private DeviceBuffer allocate(long bytes) {
        return device.allocate(bytes, arena());
    }

    @Benchmark
    public int downcall() {
        return Library.abiVersion();
    }

    @Benchmark
    public void emptyStep() {
        step.run();
    }

    @Benchmark
    public void emptyInference() {
        inference.run();
    }

    @Benchmark
    public void emptyTrainingForward() {
        forward.run();
    }

    /** Without gradients of the parameters, which would have to be set to zero. */
    @Benchmark
    public void emptyTrainingBackward() {
        backward.run();
    }

    @TearDown
    public void close() {
        arenas.forEach(home::close);
        device.close();
    }
}
