package dev.lnrnn.bench.latency;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceBuffer;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.InferenceArguments;
import dev.lnrnn.InferencePass;
import dev.lnrnn.Layer;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Sequence;
import dev.lnrnn.Streaming;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.HdrHistogram.Histogram;

/**
 * A forward pass, in microseconds from the call to the outputs' being there, by where its input comes from and its
 * output goes to; and the bytes of Java heap that each call allocates. The layer copies what the C library cannot read
 * in place, the pass leaves that to its caller.
 */
final class InputKinds {

    /** A single row, which is all overhead, and a wide input, most of which is copied for little arithmetic. */
    private static final List<Shape> SHAPES = List.of(new Shape(1, 1, 128, 256), new Shape(16, 32, 1024, 64));
    private static final int ALLOCATING_CALLS = 20;

    private final Effort effort;

    InputKinds(Effort effort) {
        this.effort = effort;
    }

    private record Shape(int steps, int batch, int input, int hidden) {

        Sequence sequence() {
            return Sequence.timeMajor(steps, batch);
        }

        int inputs() {
            return steps * batch * input;
        }

        int outputs() {
            return steps * batch * hidden;
        }

        @Override
        public String toString() {
            return "(" + steps + "," + batch + "," + input + "," + hidden + ")";
        }
    }

    List<Task> tasks() {
        return SHAPES.stream().map(shape -> new Task("inputs of " + shape, () -> measure(shape))).toList();
    }

    private List<Row> measure(Shape shape) throws IOException {
        float[] x = random(shape.inputs());
        Path file = Files.createTempFile("lnrnn-input", ".f32");
        try (Device device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(1));
                Arena arena = Arena.ofShared()) {
            MemorySegment nativeX = arena.allocateFrom(ValueLayout.JAVA_FLOAT, x);
            MemorySegment mappedX = map(file, nativeX, arena);
            List<Row> rows = new ArrayList<>();
            rows.addAll(ofLayer(device, shape, x, nativeX, mappedX, arena));
            rows.addAll(ofPass(device, shape, nativeX, mappedX, arena));
            return rows;
        } finally {
            Files.delete(file);
        }
    }

    private List<Row> ofLayer(Device device, Shape shape, float[] x, MemorySegment nativeX, MemorySegment mappedX,
            Arena arena) {
        MemorySegment heapX = MemorySegment.ofArray(x);
        MemorySegment heapY = MemorySegment.ofArray(new float[shape.outputs()]);
        MemorySegment nativeY = arena.allocate(ValueLayout.JAVA_FLOAT, shape.outputs());
        Sequence sequence = shape.sequence();
        try (Layer layer = device.createLayer(spec(shape)).initialize(1)) {
            List<Row> rows = new ArrayList<>();
            rows.add(row(shape, "layer, arrays in, new arrays out",
                    () -> layer.forward(x, shape.steps(), shape.batch())));
            rows.add(row(shape, "layer, heap segments",
                    () -> layer.forward(heapX, sequence, null, null, null, null, heapY, null, null)));
            rows.add(row(shape, "layer, native segments",
                    () -> layer.forward(nativeX, sequence, null, null, null, null, nativeY, null, null)));
            rows.add(row(shape, "layer, mapped file in, native out",
                    () -> layer.forward(mappedX, sequence, null, null, null, null, nativeY, null, null)));
            if (shape.steps() == 1) {
                float[] h = new float[shape.outputs()];
                try (Streaming streaming = layer.streaming(shape.batch())) {
                    rows.add(row(shape, "streaming of the layer, arrays", () -> streaming.step(x, h)));
                }
            }
            return rows;
        }
    }

    private List<Row> ofPass(Device device, Shape shape, MemorySegment nativeX, MemorySegment mappedX, Arena arena) {
        Plan plan = device.createPlan(spec(shape), arena);
        InferenceArguments arguments = plan.inference(shape.sequence(), device.defaultStream());
        PlanSizes sizes = arguments.sizes();
        DeviceBuffer parameters = device.allocate(sizes.parameterBytes(), arena);
        plan.initialize(device.defaultStream(), 1, parameters);
        DeviceBuffer packed = device.allocate(sizes.packedBytes(), arena);
        plan.pack(device.defaultStream(), parameters, packed);
        DeviceBuffer x = device.allocate(nativeX.byteSize(), arena);
        DeviceBuffer inPlace = DeviceBuffer.wrap(device, nativeX);
        arguments.packed(packed).y(device.allocate((long) shape.outputs() * Float.BYTES, arena))
                .workspace(device.allocate(sizes.inferenceWorkspaceBytes(), arena));
        InferencePass ofDevice = arguments.x(x).bind();
        InferencePass ofHost = arguments.x(inPlace).bind();
        x.copyFrom(nativeX);
        List<Row> rows = new ArrayList<>();
        rows.add(row(shape, "pass, buffers of the device", ofDevice));
        rows.add(row(shape, "pass, native segment in place", ofHost));
        rows.add(row(shape, "pass, after a copy from a mapped file", () -> {
            x.copyFrom(mappedX);
            ofDevice.run();
        }));
        return rows;
    }

    private Row row(Shape shape, String what, Runnable call) {
        Histogram times = Clock.times(call, effort.seconds() / 2);
        return Row.ofCalls(Part.INPUTS, shape + " " + what, times)
                .withBytesPerCall(Clock.allocatedBytes(call, ALLOCATING_CALLS));
    }

    private static LayerSpec spec(Shape shape) {
        return LayerSpec.lstm(shape.input(), shape.hidden());
    }

    private static MemorySegment map(Path file, MemorySegment content, Arena arena) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            MemorySegment mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, content.byteSize(), arena);
            return mapped.copyFrom(content);
        }
    }

    private static float[] random(int count) {
        Random random = new Random(1);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
