package dev.lnrnn.bench.jmh;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceBuffer;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.InferencePass;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Sequence;
import dev.lnrnn.Stream;
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

/** The whole sequence from packed weights, no gradients kept; time to the end of the work. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 3, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 2)
public class ForwardBenchmark {

    @Param({"A", "B", "C", "E"})
    public Shape shape;

    @Param("1")
    public int threads;

    private final Arena arena = Arena.ofShared();
    private Device device;
    private Stream stream;
    private InferencePass pass;

    @Setup
    public void open() {
        device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(threads));
        stream = device.defaultStream();
        Plan plan = device.createPlan(shape.layerNormalisedLstm(), arena);
        PlanSizes sizes = plan.sizes(shape.steps, shape.batch);
        DeviceBuffer parameters = device.allocate(sizes.parameterBytes(), arena);
        plan.initialize(stream, 1, parameters);
        DeviceBuffer packed = device.allocate(sizes.packedBytes(), arena);
        plan.pack(stream, parameters, packed);
        DeviceBuffer x = Buffers.random(device, arena, shape.steps * shape.batch * shape.inputSize, 1);
        DeviceBuffer y = Buffers.allocate(device, arena, shape.steps * shape.batch * shape.hiddenSize);
        DeviceBuffer workspace = device.allocate(sizes.inferenceWorkspaceBytes(), arena);
        pass = plan.inference(Sequence.timeMajor(shape.steps, shape.batch), stream)
                .packed(packed).x(x).y(y).workspace(workspace).bind();
    }

    @Benchmark
    public void forward() {
        pass.run();
        stream.synchronize();
    }

    @TearDown
    public void close() {
        arena.close();
        device.close();
    }
}
