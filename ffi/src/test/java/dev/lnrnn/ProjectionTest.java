package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.SafetensorsException;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** An LSTM whose h is a projection is P wide outside and H wide inside, and its file says so, and its clip. */
@Tag("device")
class ProjectionTest extends LayerFileFixture {

    private static final int STEPS = 4;
    private static final int BATCH = 3;
    private static final int INPUTS = 5;
    private static final int HIDDEN = 8;
    private static final int WIDTH = 3;
    private static final LayerSpec SPEC =
            LayerSpec.lstm(INPUTS, HIDDEN).withLayers(2).withProjection(WIDTH);
    private static final LayerSpec CLIPPED = SPEC.withCellClip(0.5);

    @Test
    void statesAndWeightsHaveTheirWidths() {
        try (Plan plan = device.createPlan(SPEC.withDirection(Direction.BIDIRECTIONAL))) {
            PlanSizes sizes = plan.sizes(STEPS, BATCH);
            assertEquals(4 * BATCH * WIDTH * Float.BYTES, sizes.stateBytes());
            assertEquals(4 * BATCH * HIDDEN * Float.BYTES, sizes.cellStateBytes());
            Map<String, List<Long>> shapes = new HashMap<>();
            plan.parameters().forEach(parameter -> shapes.put(parameter.name(), parameter.shape()));
            assertEquals(List.of(4L * HIDDEN, (long) WIDTH), shapes.get("weight_hh_l0"));
            assertEquals(List.of((long) WIDTH, (long) HIDDEN), shapes.get("weight_hr_l1_reverse"));
            assertEquals(List.of(4L * HIDDEN, 2L * WIDTH), shapes.get("weight_ih_l1"));
        }
        try (Plan plan = device.createPlan(LayerSpec.gru(INPUTS, HIDDEN))) {
            assertEquals(0, plan.sizes(STEPS, BATCH).cellStateBytes());
        }
    }

    @Test
    void arraysOfOtherWidthsAreRefused() {
        float[] x = floats(STEPS * BATCH * INPUTS);
        float[] h = floats(2 * BATCH * WIDTH);
        float[] c = floats(2 * BATCH * HIDDEN);
        try (Layer layer = device.createLayer(SPEC.withZoneout(0.1).withDropconnect(0.1)).initialize(1);
                Streaming streaming = layer.streaming(BATCH);
                Training training = layer.training(Sequence.timeMajor(STEPS, BATCH))) {
            LayerOutput output = layer.forward(x, STEPS, BATCH, new LayerState(h, c), null);
            assertEquals(List.of(STEPS * BATCH * WIDTH, h.length, c.length),
                    List.of(output.y().length, output.hn().length, output.cn().length));
            assertRefused("h0 has 48 elements, expected 18",
                    () -> layer.forward(x, STEPS, BATCH, new LayerState(c, c), null));
            assertRefused("c0 has 18 elements, expected 48",
                    () -> layer.forward(x, STEPS, BATCH, new LayerState(h, h), null));
            streaming.setState(new LayerState(h, c));
            assertRefused("h has 48 elements, expected 18", () -> streaming.setState(new LayerState(c, c)));
            assertRefused("c has 18 elements, expected 48", () -> streaming.setState(new LayerState(h, h)));
            training.setMask(MaskKind.ZONEOUT, new byte[2 * STEPS * BATCH * WIDTH]);
            training.setMask(MaskKind.DROPCONNECT, new byte[2 * 4 * HIDDEN * WIDTH]);
            assertRefused("zoneoutMask has 192 elements, expected 72",
                    () -> training.setMask(MaskKind.ZONEOUT, new byte[2 * STEPS * BATCH * HIDDEN]));
            assertRefused("dropconnectMask has 512 elements, expected 192",
                    () -> training.setMask(MaskKind.DROPCONNECT, new byte[2 * 4 * HIDDEN * HIDDEN]));
        }
    }

    /** The other rows of h and of c, which are of different widths, stay. */
    @Test
    void aStreamBeginsOneRowAnew() {
        try (Layer layer = device.createLayer(SPEC).initialize(1); Streaming streaming = layer.streaming(BATCH)) {
            streaming.setState(new LayerState(floats(2 * BATCH * WIDTH), floats(2 * BATCH * HIDDEN)));
            LayerState before = streaming.state();
            streaming.reset(1);
            LayerState after = streaming.state();
            assertArrayEquals(withoutRow(before.h(), WIDTH, 1), after.h());
            assertArrayEquals(withoutRow(before.c(), HIDDEN, 1), after.c());
        }
    }

    private static float[] withoutRow(float[] state, int width, int row) {
        float[] without = state.clone();
        for (int i = 0; i < without.length; i++) {
            without[i] = i / width % BATCH == row ? 0 : without[i];
        }
        return without;
    }

    @Test
    void aFileMakesItsLayer() throws IOException {
        float[] x = floats(STEPS * BATCH * INPUTS);
        try (Layer saved = device.createLayer(SPEC).initialize(7)) {
            saved.save(file);
            try (Layer loaded = device.loadLayer(file)) {
                assertEquals(SPEC, loaded.spec());
                assertArrayEquals(saved.forward(x, STEPS, BATCH).y(), loaded.forward(x, STEPS, BATCH).y());
            }
        }
    }

    /** What knows neither reads files that have neither; and refuses those that have. */
    @Test
    void theVersionOfAFileSaysWhatItNeeds() {
        LayerSpec plain = SPEC.withProjection(0);
        assertEquals("1", plain.toMetadata().get("lnrnn.format"));
        assertTrue(!plain.toMetadata().containsKey("cell_clip") && !plain.toMetadata().containsKey("projection_size"));
        for (LayerSpec spec : List.of(SPEC, CLIPPED, CLIPPED.withProjection(0))) {
            assertEquals("2", spec.toMetadata().get("lnrnn.format"));
            assertEquals(spec, LayerSpec.ofMetadata(spec.toMetadata()));
            Map<String, String> first = new HashMap<>(spec.toMetadata());
            first.put("lnrnn.format", "1");
            assertEquals(plain, LayerSpec.ofMetadata(first));
        }
    }

    @Test
    void aFileIsLoadedWhereTheSameIsComputed() throws IOException {
        try (Layer clipped = device.createLayer(CLIPPED).initialize(7);
                Layer other = device.createLayer(SPEC.withCellClip(2)).initialize(8);
                Layer plain = device.createLayer(SPEC.withProjection(0)).initialize(9)) {
            clipped.save(file);
            assertRefused(other, LoadOptions.DEFAULTS, "\n  cell_clip: 0.5, expected 2.0");
            other.load(file, LoadOptions.DEFAULTS.withDiffering("cell_clip"));
            assertArrayEquals(clipped.parameters().get("weight_hr_l1"), other.parameters().get("weight_hr_l1"));
            assertRefused(plain, LoadOptions.DEFAULTS, "\n  projection_size: 3, expected 0");
            assertRefused(plain, LoadOptions.DEFAULTS, "\n  weight_hr_l0: not a parameter of this layer");
            plain.save(file);
            assertRefused(clipped, LoadOptions.DEFAULTS, "\n  projection_size: 0, expected 3");
            assertRefused(clipped, LoadOptions.DEFAULTS, "\n  weight_hr_l0: missing");
        }
    }

    /** Refused without an attempt to allocate what the file says. */
    @Test
    void hostileSizesAreRefused() throws IOException {
        try (Layer layer = device.createLayer(SPEC).initialize(8)) {
            for (Map.Entry<String, String> wrong : Map.of("1099511627776", "projection size 1099511627776 and 2 states",
                    "-1", "projectionSize is -1, expected 0...", "2",
                    "does not have the parameters of layer LSTM 5 to 8",
                    "3.0", "projection_size is 3.0 in the metadata, expected an integer").entrySet()) {
                Map<String, String> metadata = new HashMap<>(SPEC.toMetadata());
                metadata.put("projection_size", wrong.getKey());
                Safetensors.write(file, metadata, layer.parameters().toTensors(""));
                String message = assertThrows(SafetensorsException.class, () -> device.loadLayer(file)).getMessage();
                assertTrue(message.contains(wrong.getValue()), message);
            }
        }
    }

    private static float[] floats(int elements) {
        return Layers.floats(new Random(3).doubles(elements, -1, 1).toArray());
    }

    private static void assertRefused(String message, Runnable misuse) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, misuse::run).getMessage());
    }
}
