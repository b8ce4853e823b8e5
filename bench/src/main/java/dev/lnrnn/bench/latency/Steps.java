package dev.lnrnn.bench.latency;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.bench.jmh.SingleStep;
import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.Histogram;

/**
 * The latency of a streaming step of one row, by hidden size: microseconds from the call to its return, when the new
 * state is there. The input is half as wide as the state, as in shape A.
 */
final class Steps {

    private static final List<Integer> HIDDEN = List.of(64, 128, 256, 512, 1024);

    private final Effort effort;

    Steps(Effort effort) {
        this.effort = effort;
    }

    List<Task> tasks() {
        List<Task> tasks = new ArrayList<>();
        // In nanoseconds, unlike the rest: it is far less than one microsecond.
        tasks.add(new Task("the clock", () -> {
            Histogram times = Clock.readingCost(effort.seconds());
            return List.of(Row.of(Part.STEPS, "of which reading the clock", "ns", times.getValueAtPercentile(50)));
        }));
        for (int hidden : HIDDEN) {
            tasks.add(new Task("step H " + hidden, () -> List.of(measure(hidden))));
        }
        return tasks;
    }

    private Row measure(int hidden) {
        try (Device device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(1));
                SingleStep step = new SingleStep(device, device.defaultStream(), hidden / 2, hidden)) {
            return Row.ofCalls(Part.STEPS, "H " + hidden + ", C " + hidden / 2, Clock.times(step::run,
                    effort.seconds()));
        }
    }
}
