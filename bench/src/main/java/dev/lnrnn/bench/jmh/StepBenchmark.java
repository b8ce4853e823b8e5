package dev.lnrnn.bench.jmh;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceOptions;
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

    private Device device;
    private SingleStep step;

    @Setup
    public void open() {
        device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(threads));
        step = new SingleStep(device, device.defaultStream(), Shape.A.inputSize, Shape.A.hiddenSize);
    }

    @Benchmark
    public void step() {
        step.run();
    }

    @TearDown
    public void close() {
        step.close();
        device.close();
    }
}
