package dev.lnrnn.bench.latency;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.bench.jmh.Shape;
import dev.lnrnn.bench.jmh.SingleStep;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.HdrHistogram.Histogram;

/**
 * Two threads that step at the same time, each with a network and a stream of its own on one device, beside one that
 * steps alone: microseconds of a step, and how many steps both make for each of the one. That is 2 where they do not
 * get in each other's way, and 1 where they take turns, as they must on a single processor.
 */
final class TwoThreads {

    private final Effort effort;

    TwoThreads(Effort effort) {
        this.effort = effort;
    }

    List<Task> tasks() {
        return List.of(new Task("two threads", this::measure));
    }

    private List<Row> measure() throws InterruptedException {
        try (Device device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(1));
                ExecutorService threads = Executors.newFixedThreadPool(2);
                SingleStep first = step(device);
                SingleStep second = step(device)) {
            Histogram alone = Clock.times(first::run, effort.seconds());
            // The second network's first steps find nothing in the caches.
            Clock.times(second::run, 0.5 * effort.seconds());
            long end = System.nanoTime() + (long) (1e9 * effort.seconds());
            List<Future<Histogram>> both = threads.invokeAll(List.<Callable<Histogram>>of(
                    () -> Clock.timesUntil(first::run, end), () -> Clock.timesUntil(second::run, end)));
            Histogram one = both.get(0).get();
            Histogram other = both.get(1).get();
            double ratio = (double) (one.getTotalCount() + other.getTotalCount()) / alone.getTotalCount();
            return List.of(Row.ofCalls(Part.THREADS, "alone", alone),
                    Row.ofCalls(Part.THREADS, "the first of two", one),
                    Row.ofCalls(Part.THREADS, "the second of two", other),
                    Row.of(Part.THREADS, "steps of both for each of one", "", ratio));
        } catch (ExecutionException e) {
            throw new IllegalStateException("a step failed in a thread", e.getCause());
        }
    }

    private static SingleStep step(Device device) {
        return new SingleStep(device, device.createStream(), Shape.A.inputSize, Shape.A.hiddenSize);
    }
}
