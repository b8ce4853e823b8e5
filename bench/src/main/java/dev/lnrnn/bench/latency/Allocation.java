package dev.lnrnn.bench.latency;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.bench.jmh.CallBenchmark;
import dev.lnrnn.bench.jmh.Shape;
import dev.lnrnn.bench.jmh.SingleStep;
import java.util.ArrayList;
import java.util.List;

/** What a pass allocates on the Java heap, in bytes per call: nothing, that is a promise. */
final class Allocation {

    /** In each batch: so many that everything is compiled in the last ones. */
    private static final int CALLS = 10_000;

    List<Task> tasks() {
        return List.of(new Task("allocation", this::measure));
    }

    private List<Row> measure() {
        List<Row> rows = new ArrayList<>();
        try (Device device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(1));
                SingleStep step = new SingleStep(device, device.defaultStream(), Shape.A.inputSize,
                        Shape.A.hiddenSize)) {
            rows.add(row("step of one row", step::run));
        }
        CallBenchmark calls = new CallBenchmark();
        calls.open();
        try {
            rows.add(row("step of no rows", calls::emptyStep));
            rows.add(row("inference pass of no rows", calls::emptyInference));
            rows.add(row("training forward of no rows", calls::emptyTrainingForward));
            rows.add(row("training backward of no rows", calls::emptyTrainingBackward));
        } finally {
            calls.close();
        }
        return rows;
    }

    private static Row row(String what, Runnable call) {
        return Row.of(Part.ALLOCATION, what, "B", Clock.allocatedBytes(call, CALLS)).withTarget(0);
    }
}
