package dev.lnrnn.bench.jmh;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceBuffer;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Sequence;
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
    private TrainingPass pass;
    private DeviceBuffer parameters;
    private DeviceBuffer gradients;
    private DeviceBuffer x;
    private DeviceBuffer dx;
    private DeviceBuffer y;
    private DeviceBuffer dy;
    private DeviceBuffer reserve;
    private DeviceBuffer forwardWorkspace;
    private DeviceBuffer backwardWorkspace;

    @Setup
    public void open() {
        device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(threads));
        stream = device.defaultStream();
        Plan plan = device.createPlan(shape.layerNormalisedLstm(), arena);
        PlanSizes sizes = plan.sizes(shape.steps, shape.batch);
        parameters = device.allocate(sizes.parameterBytes(), arena);
        plan.initialize(stream, 1, parameters);
        gradients = device.allocate(sizes.gradientBytes(), arena);
        long rows = shape.steps * shape.batch;
        x = Buffers.random(device, arena, rows * shape.inputSize, 1);
        dx = Buffers.allocate(device, arena, rows * shape.inputSize);
        y = Buffers.allocate(device, arena, rows * shape.hiddenSize);
        dy = Buffers.random(device, arena, rows * shape.hiddenSize, 2);
        reserve = device.allocate(sizes.reserveBytes(), arena);
        forwardWorkspace = device.allocate(sizes.trainingWorkspaceBytes(), arena);
        backwardWorkspace = device.allocate(sizes.backwardWorkspaceBytes(), arena);
        pass = plan.trainingPass(Sequence.timeMajor(shape.steps, shape.batch), stream);
    }

    @Benchmark
    public void forwardBackward() {
        pass.forward(parameters, x, null, null, y, null, null, reserve, forwardWorkspace);
        pass.backward(parameters, x, dy, null, null, reserve, gradients, dx, null, null, backwardWorkspace);
        stream.synchronize();
    }

    @TearDown
    public void close() {
        arena.close();
        device.close();
    }
}
