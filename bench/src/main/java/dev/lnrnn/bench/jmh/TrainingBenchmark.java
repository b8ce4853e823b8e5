package dev.lnrnn.bench.jmh;

import dev.lnrnn.BackwardPass;
import dev.lnrnn.Device;
import dev.lnrnn.DeviceBuffer;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.ForwardPass;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Sequence;
import dev.lnrnn.Stream;
import dev.lnrnn.TrainingPasses;
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

/** Forward and backward, with the gradients of x and of every parameter; time to the end of the work. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 3, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 2)
public class TrainingBenchmark {

    @Param({"A", "B", "C", "E"})
    public Shape shape;

    @Param("1")
    public int threads;

    private final Arena arena = Arena.ofShared();
    private Device device;
    private Stream stream;
    private ForwardPass forward;
    private BackwardPass backward;

    @Setup
    public void open() {
        device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(threads));
        stream = device.defaultStream();
        Plan plan = device.createPlan(shape.layerNormalisedLstm(), arena);
        PlanSizes sizes = plan.sizes(shape.steps, shape.batch);
        DeviceBuffer parameters = device.allocate(sizes.parameterBytes(), arena);
        plan.initialize(stream, 1, parameters);
        DeviceBuffer gradients = device.allocate(sizes.gradientBytes(), arena);
        long rows = shape.steps * shape.batch;
        DeviceBuffer x = Buffers.random(device, arena, rows * shape.inputSize, 1);
        DeviceBuffer dx = Buffers.allocate(device, arena, rows * shape.inputSize);
        DeviceBuffer y = Buffers.allocate(device, arena, rows * shape.hiddenSize);
        DeviceBuffer dy = Buffers.random(device, arena, rows * shape.hiddenSize, 2);
        DeviceBuffer reserve = device.allocate(sizes.reserveBytes(), arena);
        DeviceBuffer forwardWorkspace = device.allocate(sizes.trainingWorkspaceBytes(), arena);
        DeviceBuffer backwardWorkspace = device.allocate(sizes.backwardWorkspaceBytes(), arena);
        TrainingPasses training = plan.training(Sequence.timeMajor(shape.steps, shape.batch), stream)
                .parameters(parameters).x(x).reserve(reserve).bind();
        forward = training.forward().y(y).workspace(forwardWorkspace).bind();
        backward = training.backward().dy(dy).gradients(gradients).dx(dx).workspace(backwardWorkspace).bind();
    }

    @Benchmark
    public void forwardBackward() {
        forward.run();
        backward.run();
        stream.synchronize();
    }

    @TearDown
    public void close() {
        arena.close();
        device.close();
    }
}
