package dev.lnrnn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.oracle.Oracle;
import dev.lnrnn.oracle.Problem;
import dev.lnrnn.oracle.Slice;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Layers give what the passes give, from and to Java arrays, host segments and files. */
@Tag("device")
class LayerTest {

    private static final int STEPS = 5;
    private static final int BATCH = 3;
    private static final Problem SINGLE = Problem.random(
            LayerSpec.lstm(4, 6).withZoneout(0.3).withDropconnect(0.2), STEPS, BATCH, 21);
    private static final Problem DOUBLE = SINGLE.with(SINGLE.spec().withDataType(DataType.F64));
    private static Device device;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    private static Layer layer(Problem problem) {
        return Layers.of(device, problem);
    }

    private static float[] floats(Problem problem, String name) {
        return floats(problem.tensor(name));
    }

    private static float[] floats(double[] values) {
        return Layers.floats(values);
    }

    private static LayerState initial() {
        return new LayerState(floats(SINGLE, "h0"), floats(SINGLE, "c0"));
    }

    @Test
    void forwardOfFloats() {
        Problem problem = SINGLE.withLengths(5, 0, 2).inference();
        Map<String, double[]> expected = Run.results(device, problem);
        try (Layer layer = layer(problem)) {
            LayerOutput output = layer.forward(
                    floats(problem, "x"), STEPS, BATCH, initial(), problem.lengths());
            assertArrayEquals(floats(expected.get("y")), output.y());
            assertArrayEquals(floats(expected.get("hn")), output.hn());
            assertArrayEquals(floats(expected.get("cn")), output.cn());
            assertThrows(IllegalStateException.class, output::yDoubles);
        }
    }

    @Test
    void forwardOfDoubles() {
        Map<String, double[]> expected = Run.results(device, DOUBLE.inference());
        try (Layer layer = layer(DOUBLE)) {
            LayerOutput output = layer.forward(DOUBLE.tensor("x"), STEPS, BATCH,
                    new DoubleLayerState(DOUBLE.tensor("h0"), DOUBLE.tensor("c0")), null);
            assertArrayEquals(expected.get("y"), output.yDoubles());
            assertArrayEquals(expected.get("hn"), output.hnDoubles());
            assertArrayEquals(expected.get("cn"), output.cnDoubles());
            assertThrows(IllegalStateException.class,
                    () -> layer.forward(floats(SINGLE, "x"), STEPS, BATCH));
        }
    }

    @Test
    void withoutAStateItIsZero() {
        Problem zero = SINGLE.inference().with("h0", new double[BATCH * 6]).with("c0", new double[BATCH * 6]);
        try (Layer layer = layer(SINGLE)) {
            assertArrayEquals(floats(Run.results(device, zero).get("y")),
                    layer.forward(floats(SINGLE, "x"), STEPS, BATCH).y());
        }
    }

    /** Row by row of memory that Java lays out as it likes. */
    @ParameterizedTest
    @EnumSource(Layout.class)
    void forwardOfSegments(Layout layout) {
        Strides x = layout.strides(STEPS, BATCH, 4);
        Strides y = layout.strides(STEPS, BATCH, 6);
        Map<String, double[]> expected = Oracle.forward(SINGLE.inference());
        try (Layer layer = layer(SINGLE)) {
            MemorySegment input = layout.spread(DataType.F32, SINGLE.tensor("x"), STEPS, BATCH, 4);
            double[] zeros = new double[STEPS * BATCH * 6];
            MemorySegment output = layout.spread(DataType.F32, zeros, STEPS, BATCH, 6);
            layer.forward(input, new Sequence(STEPS, BATCH, x, y, null, null, null), null,
                    MemorySegment.ofArray(floats(SINGLE, "h0")), MemorySegment.ofArray(floats(SINGLE, "c0")),
                    null, output, null, null);
            double[] result = layout.gather(DataType.F32, output, STEPS, BATCH, 6);
            Accuracy.assertClose(layout.toString(), Map.of("y", result), Map.of("y", expected.get("y")),
                    Accuracy.bound(DataType.F32));
        }
    }

    @Test
    void streamingGoesOnWhereItWas() {
        Map<String, double[]> expected = Oracle.forward(SINGLE.inference());
        try (Layer layer = layer(SINGLE); Streaming streaming = layer.streaming(BATCH)) {
            streaming.setState(initial());
            double[] y = new double[STEPS * BATCH * 6];
            for (int t = 0; t < STEPS; t++) {
                float[] x = floats(Slice.of(SINGLE.tensor("x"), STEPS, BATCH, t, t + 1, 0, BATCH));
                float[] h = streaming.step(x);
                for (int i = 0; i < h.length; i++) {
                    y[t * h.length + i] = h[i];
                }
            }
            Accuracy.assertClose("steps", Map.of("y", y), Map.of("y", expected.get("y")),
                    Accuracy.bound(DataType.F32));
            assertArrayEquals(Arrays.copyOfRange(floats(y), y.length - BATCH * 6, y.length),
                    streaming.state().h());
            streaming.reset();
            assertArrayEquals(new float[BATCH * 6], streaming.state().h());
        }
    }

    @Test
    void trainingOfSegments() {
        Map<String, double[]> expected = Run.results(device, DOUBLE);
        try (Layer layer = layer(DOUBLE);
                Training training = layer.training(Sequence.timeMajor(STEPS, BATCH))) {
            training.setSeed(DOUBLE.seed());
            double[] y = new double[STEPS * BATCH * 6];
            double[] dx = new double[STEPS * BATCH * 4];
            double[] dh0 = new double[BATCH * 6];
            training.forward(segment("x"), segment("h0"), segment("c0"),
                    MemorySegment.ofArray(y), null, null);
            training.backward(segment("dy"), segment("dhn"), segment("dcn"), null, MemorySegment.ofArray(dx),
                    MemorySegment.ofArray(dh0), null);
            assertArrayEquals(expected.get("y"), y);
            assertArrayEquals(expected.get("grad.x"), dx);
            assertArrayEquals(expected.get("grad.h0"), dh0);
            for (String name : DOUBLE.parameters()) {
                assertArrayEquals(expected.get("grad." + name), training.gradientDoubles(name), name);
            }
        }
    }

    private static MemorySegment segment(String name) {
        return MemorySegment.ofArray(DOUBLE.tensor(name));
    }

    /** Weights are repacked when they changed, also where only the flat buffer was written. */
    @Test
    void newParametersCount() {
        try (Layer layer = layer(SINGLE)) {
            float[] x = floats(SINGLE, "x");
            float[] before = layer.forward(x, STEPS, BATCH).y();
            layer.parameters().set("bias_l0", new float[24]);
            float[] after = layer.forward(x, STEPS, BATCH).y();
            Problem changed = SINGLE.inference().with("bias_l0", new double[24])
                    .with("h0", new double[BATCH * 6]).with("c0", new double[BATCH * 6]);
            assertArrayEquals(floats(Run.results(device, changed).get("y")), after);
            layer.parameters().set("bias_l0", floats(SINGLE, "bias_l0"));
            assertArrayEquals(before, layer.forward(x, STEPS, BATCH).y());
        }
    }

    @Test
    void aFileOfAnotherLayerIsRefusedWhole(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("layer.safetensors");
        try (Layer other = device.createLayer(LayerSpec.lstm(4, 5)).initialize(7);
                Layer layer = layer(SINGLE)) {
            other.save(file);
            String message = assertThrows(IOException.class, () -> layer.load(file)).getMessage();
            for (String name : SINGLE.parameters()) {
                assertTrue(message.contains(name), message);
            }
            assertArrayEquals(floats(SINGLE, "bias_l0"), layer.parameters().get("bias_l0"));
        }
    }

    /** On the CPU native memory is worked on in place; what cannot be right there is refused everywhere. */
    @Test
    void outputsOverTheirInputsAreRefused() {
        LayerSpec spec = LayerSpec.gru(4, 2).withDirection(Direction.BIDIRECTIONAL);
        Sequence sequence = Sequence.timeMajor(STEPS, BATCH);
        long bytes = STEPS * BATCH * 4 * Float.BYTES;
        try (Layer layer = device.createLayer(spec).initialize(1); Arena arena = Arena.ofShared()) {
            for (MemorySegment memory : List.of(
                    arena.allocate(2 * bytes, 64), MemorySegment.ofArray(new float[2 * STEPS * BATCH * 4]))) {
                MemorySegment x = memory.asSlice(0, bytes);
                MemorySegment state = memory.asSlice(bytes, 2 * BATCH * 2 * Float.BYTES);
                for (MemorySegment y : List.of(x, memory.asSlice(BATCH * 4 * Float.BYTES, bytes))) {
                    assertEquals("x and y overlap, but y is written", assertThrows(IllegalArgumentException.class,
                            () -> layer.forward(x, sequence, null, null, null, null, y, null, null)).getMessage());
                }
                assertThrows(IllegalArgumentException.class,
                        () -> layer.forward(x, sequence, null, null, null, null, null, memory, null));
                assertThrows(IllegalArgumentException.class, () -> layer.forward(x, sequence, null, state, null, null,
                        null, memory.asSlice(bytes + 4, state.byteSize()), null));
                layer.forward(x, sequence, null, state, null, null, null, state, null);
            }
        }
    }

    @Test
    void inputAndOutputMayBeColumnsOfOneMatrix() {
        float[] x = floats(SINGLE, "x");
        try (Layer layer = layer(SINGLE); Arena arena = Arena.ofShared()) {
            float[] expected = layer.forward(x, STEPS, BATCH).y();
            Strides rows = new Strides(BATCH * 10, 10);
            Sequence sequence = Sequence.timeMajor(STEPS, BATCH).withX(rows).withY(rows);
            for (MemorySegment matrix : List.of(arena.allocate(STEPS * BATCH * 10 * Float.BYTES, 64),
                    MemorySegment.ofArray(new float[STEPS * BATCH * 10]))) {
                for (int row = 0; row < STEPS * BATCH; row++) {
                    MemorySegment.copy(x, row * 4, matrix, JAVA_FLOAT, row * 40L, 4);
                }
                layer.forward(matrix, sequence, null, null, null, null, matrix.asSlice(16), null, null);
                for (int i = 0; i < expected.length; i++) {
                    assertEquals(expected[i], matrix.getAtIndex(JAVA_FLOAT, i / 6 * 10 + 4 + i % 6));
                }
            }
        }
    }

    @Test
    void theSameSeedGivesTheSameParameters() {
        try (Layer one = device.createLayer(SINGLE.spec()).initialize(3);
                Layer same = device.createLayer(SINGLE.spec()).initialize(3);
                Layer other = device.createLayer(SINGLE.spec()).initialize(4)) {
            assertArrayEquals(one.parameters().get("weight_hh_l0"), same.parameters().get("weight_hh_l0"));
            assertFalse(Arrays.equals(
                    one.parameters().get("weight_hh_l0"), other.parameters().get("weight_hh_l0")));
        }
    }

    @ParameterizedTest
    @CsvSource({"F16, 70000", "F16, -65520", "BF16, 3.4e38"})
    void aParameterTooLargeForItsTypeIsRefused(DataType type, float value) {
        try (Layer layer = device.createLayer(LayerSpec.lstm(2, 4).withDataType(type)).initialize(1)) {
            float[] before = layer.parameters().get("bias_l0");
            float[] values = before.clone();
            values[3] = value;
            assertEquals("bias_l0 has " + value + " at 3, which is too large for " + type,
                    assertThrows(IllegalArgumentException.class, () -> layer.parameters().set("bias_l0", values))
                            .getMessage());
            assertArrayEquals(before, layer.parameters().get("bias_l0"));
            values[3] = Float.NEGATIVE_INFINITY;
            layer.parameters().set("bias_l0", values);
            assertEquals(Float.NEGATIVE_INFINITY, layer.parameters().get("bias_l0")[3]);
        }
    }
}
