package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.SafetensorsException;
import dev.lnrnn.interop.Tensor;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** A file carries what it means: it makes its layer again, and is loaded into no layer that computes something else. */
@Tag("device")
class LoadTest extends LayerFileFixture {
    private static final LayerSpec SPEC = LayerSpec.lstm(3, 4).withZoneout(0.25);
    private static final LoadOptions DEFAULTS = LoadOptions.DEFAULTS;

    @ParameterizedTest
    @EnumSource
    void aFileMakesItsLayer(CellType cell) throws IOException {
        for (Normalization normalization : cell.normalizations()) {
            LayerSpec base = LayerSpec.lstm(3, 4);
            LayerSpec spec = new LayerSpec(cell, normalization, DataType.F32, Direction.BIDIRECTIONAL, 2, 3, 4, 0, 0.5,
                    0,
                    new Regularization(0.4, cell == CellType.LSTM ? 0.3 : 0, cell == CellType.INDRNN ? 0 : 0.2, 0.1,
                            true, cell == CellType.LSTM ? 0.6 : 0),
                    base.execution().withRecompute(true));
            float[] x = Layers.floats(new Random(1).doubles(2 * 5 * 3, -1, 1).toArray());
            try (Layer saved = device.createLayer(spec).initialize(7)) {
                saved.save(file);
                try (Layer loaded = device.loadLayer(file)) {
                    assertEquals(spec, loaded.spec());
                    assertArrayEquals(saved.forward(x, 5, 2).y(), loaded.forward(x, 5, 2).y());
                }
            }
            assertEquals(spec, LayerSpec.ofMetadata(spec.toMetadata()));
        }
    }

    /** N9. */
    @ParameterizedTest
    @CsvSource({"epsilon, 0.5", "zoneout, 0.4", "zoneout_cell, 0.3"})
    void whatChangesResultsIsCompared(String name, String value) throws IOException {
        LayerSpec spec = switch (name) {
            case "epsilon" -> SPEC.withEpsilon(0.5);
            case "zoneout" -> SPEC.withZoneout(0.4);
            default -> SPEC.withZoneoutCell(0.3);
        };
        try (Layer saved = device.createLayer(spec).initialize(7);
                Layer loaded = device.createLayer(SPEC).initialize(8)) {
            saved.save(file);
            String before = SPEC.toMetadata().get(name);
            assertRefused(loaded, DEFAULTS, "\n  " + name + ": " + value + ", expected " + before);
            loaded.load(file, DEFAULTS.withDiffering(name));
            assertArrayEquals(saved.parameters().get("weight_hh_l0"), loaded.parameters().get("weight_hh_l0"));
        }
    }

    /** All that differs in one message, with what no shape shows. */
    @Test
    void everyDifferenceIsListed() throws IOException {
        try (Layer saved = device.createLayer(SPEC.withEpsilon(0.5).withNormalization(Normalization.PAPER)
                .withDirection(Direction.BIDIRECTIONAL).withLayers(2)).initialize(7);
                Layer loaded = device.createLayer(SPEC)) {
            saved.save(file);
            for (String line : List.of("normalization: paper, expected haste",
                    "direction: bidirectional, expected forward", "layers: 2, expected 1",
                    "epsilon: 0.5, expected 1.0E-5", "weight_ih_l1: not a parameter of this layer")) {
                assertRefused(loaded, DEFAULTS, "\n  " + line);
            }
        }
    }

    @Test
    void whatTrainingDrawsAndWhatItCostsMayDiffer() throws IOException {
        try (Layer saved = device.createLayer(SPEC.withDropconnect(0.3).withRecompute(true)).initialize(7);
                Layer loaded = device.createLayer(SPEC)) {
            saved.save(file);
            loaded.load(file);
            assertArrayEquals(saved.parameters().get("bias_l0"), loaded.parameters().get("bias_l0"));
        }
    }

    @Test
    void severalLayersOfOneFile() throws IOException {
        LayerSpec other = LayerSpec.gru(4, 2);
        try (Layer encoder = device.createLayer(SPEC).initialize(7);
                Layer decoder = device.createLayer(other).initialize(8)) {
            List<Tensor> tensors = new ArrayList<>(encoder.parameters().toTensors("model.rnn."));
            tensors.addAll(decoder.parameters().toTensors("model.out."));
            tensors.add(Tensor.f32("head", new long[] {1}, new float[] {1}));
            Safetensors.write(file, SPEC.toMetadata(), tensors);
        }
        try (Layer first = device.loadLayer(file, DEFAULTS.withPrefix("model.rnn."));
                Layer second = device.createLayer(other)) {
            second.load(file, DEFAULTS.withPrefix("model.out.").withDiffering(
                    "cell", "input_size", "hidden_size", "zoneout"));
            try (Layer expected = device.createLayer(other).initialize(8)) {
                assertArrayEquals(expected.parameters().get("bias_ih_l0"), second.parameters().get("bias_ih_l0"));
                assertRefused(expected, DEFAULTS.withPrefix("none."), "\n  none.weight_ih_l0: missing");
                assertRefused(expected, DEFAULTS.withPrefix("none.").withMissing(true), "the file has none of none.");
                assertRefused(expected, DEFAULTS, "\n  head: not a parameter of this layer");
            }
        }
    }

    @Test
    void tensorsOfOthersAreLeftAloneWhenAsked() throws IOException {
        try (Layer saved = device.createLayer(SPEC).initialize(7); Layer loaded = device.createLayer(SPEC)) {
            List<Tensor> tensors = new ArrayList<>(saved.parameters().toTensors(""));
            tensors.add(Tensor.i64("head", new long[] {1}, new long[] {1}));
            Safetensors.write(file, Map.of(), tensors);
            assertRefused(loaded, DEFAULTS, "\n  head: not a parameter of this layer");
            loaded.load(file, DEFAULTS.withOthers(true));
            assertArrayEquals(saved.parameters().get("weight_ih_l0"), loaded.parameters().get("weight_ih_l0"));
        }
    }

    @Test
    void aPartLeavesTheRest() throws IOException {
        try (Layer saved = device.createLayer(SPEC).initialize(7);
                Layer loaded = device.createLayer(SPEC.withLayers(2).withDropout(0.1)).initialize(8)) {
            saved.save(file);
            float[] rest = loaded.parameters().get("weight_hh_l0");
            float[] upper = loaded.parameters().get("weight_hh_l1");
            loaded.load(file, DEFAULTS.withOnly("weight_ih_l0"));
            assertArrayEquals(saved.parameters().get("weight_ih_l0"), loaded.parameters().get("weight_ih_l0"));
            assertArrayEquals(rest, loaded.parameters().get("weight_hh_l0"));
            loaded.load(file, DEFAULTS.withMissing(true));
            assertArrayEquals(saved.parameters().get("weight_hh_l0"), loaded.parameters().get("weight_hh_l0"));
            assertArrayEquals(upper, loaded.parameters().get("weight_hh_l1"));
            try (Layer unset = device.createLayer(SPEC)) {
                unset.load(file, DEFAULTS.withOnly("weight_ih_l0"));
                String message = assertThrows(IllegalStateException.class,
                        () -> unset.forward(new float[3], 1, 1)).getMessage();
                assertTrue(message.contains("weight_hh_l0, bias_l0") && !message.contains("weight_ih_l0"), message);
            }
            assertRefused(loaded, DEFAULTS.withOnly("weight_hh_l1"), "\n  weight_hh_l1: missing");
            assertRefused(loaded, DEFAULTS.withOnly("weight_hh_l1").withMissing(true), "\n  weight_hh_l1: missing");
            String message = assertThrows(IllegalArgumentException.class,
                    () -> loaded.load(file, DEFAULTS.withOnly("weight"))).getMessage();
            assertTrue(message.startsWith("only has \"weight\", expected some of the parameters [weight_ih_l0"),
                    message);
            assertThrows(IllegalArgumentException.class, () -> device.loadLayer(file, DEFAULTS.withMissing(true)));
        }
    }

    @Test
    void aFailedLoadChangesNothing() throws IOException {
        try (Layer saved = device.createLayer(SPEC).initialize(7);
                Layer loaded = device.createLayer(SPEC).initialize(8)) {
            saved.save(file);
            float[][] before = all(loaded);
            byte[] whole = Files.readAllBytes(file);
            for (int length = 0; length < whole.length; length += 37) {
                Files.write(file, Arrays.copyOf(whole, length));
                assertThrows(SafetensorsException.class, () -> loaded.load(file));
                assertArrayEquals(before, all(loaded));
            }
            assertThrows(NoSuchFileException.class, () -> loaded.load(file.resolveSibling("none")));
            assertArrayEquals(before, all(loaded));
        }
    }

    /** What the header promised is gone when it is read: in place, as nobody should. */
    @Test
    void aFileThatIsCutWhileItIsOpen() throws IOException {
        LayerSpec large = LayerSpec.lstm(64, 64);
        try (Layer saved = device.createLayer(large).initialize(7);
                Layer loaded = device.createLayer(large).initialize(8)) {
            saved.save(file);
            float[][] before = all(loaded);
            try (Safetensors open = Safetensors.read(file);
                    FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(8192);
                IOException refusal = assertThrows(IOException.class, () -> loaded.load(open, DEFAULTS));
                assertEquals(file + " was truncated, or its disk failed, while it was read", refusal.getMessage());
            }
            assertArrayEquals(before, all(loaded));
        }
    }

    @Test
    void optionsAreChecked() {
        assertEquals("differing has \"dropout\", expected some of " + LoadOptions.COMPARED,
                assertThrows(IllegalArgumentException.class, () -> DEFAULTS.withDiffering("dropout")).getMessage());
        assertThrows(IllegalArgumentException.class, DEFAULTS::withOnly);
    }
}
