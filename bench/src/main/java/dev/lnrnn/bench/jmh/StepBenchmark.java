package dev.lnrnn.bench.jmh;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.StepPass;
import dev.lnrnn.Stream;
import dev.lnrnn.memory.DeviceBuffer;
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
 * One streaming step of one row at shape A. On the CPU device the step has been computed when the call
 * returns, so that nothing is left to wait for. Samples give the percentiles; {@code -prof gc} is to be read
 * from the averages, as sampling itself allocates.
 */
@State(Scope.Benchmark)
@BenchmarkMode({Mode.AverageTime, Mode.SampleTime})
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 3, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class StepBenchmark {

    @Param("1")
    public int threads;

    private final Arena arena = Arena.ofShared();
    private Device device;
    private StepPass pass;
    private DeviceBuffer packed;
    private DeviceBuffer x;
    private DeviceBuffer h;
    private DeviceBuffer c;
    private DeviceBuffer workspace;

    @Setup
    public void open() {
        Shape shape = Shape.A;
        device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(threads));
        Stream stream = device.defaultStream();
        Plan plan = device.createPlan(shape.layerNormalisedLstm(), arena);
        PlanSizes sizes = plan.sizes(1, 1);
        DeviceBuffer parameters = device.allocate(sizes.parameterBytes(), arena);
        plan.initialize(stream, 1, parameters);
        packed = device.allocate(sizes.packedBytes(), arena);
        plan.pack(stream, parameters, packed);
        x = Buffers.random(device, arena, shape.inputSize, 1);
        h = Buffers.random(device, arena, shape.hiddenSize, 2);
        c = Buffers.random(device, arena, shape.hiddenSize, 3);
        workspace = device.allocate(sizes.stepWorkspaceBytes(), arena);
        pass = plan.stepPass(1, stream);
    }

    @Benchmark
    public void step() {
        pass.run(packed, x, h, c, workspace);
    }

    @TearDown
    public void close() {
        arena.close();
        device.close();
    }
}
