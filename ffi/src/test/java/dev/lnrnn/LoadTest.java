package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.interop.ElementType;
import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.SafetensorsException;
import dev.lnrnn.interop.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** A file carries what it means: it makes its layer again, and is loaded into no layer that computes something else. */
@Tag("device")
class LoadTest {
    private static final LayerSpec SPEC = LayerSpec.lstm(3, 4).withZoneout(0.25);
    private static final LoadOptions DEFAULTS = LoadOptions.DEFAULTS;
    private static Device device;
    private Path file;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    @BeforeEach
    void name(@TempDir Path directory) {
        file = directory.resolve("layer.safetensors");
    }

    @ParameterizedTest
    @EnumSource
    void aFileMakesItsLayer(CellType cell) throws IOException {
        for (Normalization normalization : cell.normalizations()) {
            LayerSpec base = LayerSpec.lstm(3, 4);
            LayerSpec spec = new LayerSpec(cell, normalization, DataType.F32, Direction.BIDIRECTIONAL, 2, 3, 4, 0.5,
                    new Regularization(0.4, cell == CellType.LSTM ? 0.3 : 0, cell == CellType.INDRNN ? 0 : 0.2, 0.1,
                            true),
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
                assertRefused(expected, DEFAULTS.withPrefix("none.").withMissing(true), "there is none of none.");
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

    /** From every type into every other one: what fits at once, else rounded once and to the nearest when asked. */
    @ParameterizedTest
    @EnumSource
    void conversion(DataType to) throws IOException {
        Random random = new Random(5);
        for (DataType from : DataType.values()) {
            double[] values = random.doubles(16, -2, 2).toArray();
            // Halfway for F16 and BF16 but for a bit that a float does not have: rounding twice would round down.
            values[0] = 1 + 0x1p-11 + 0x1p-40;
            values[1] = 1 + 0x1p-8 + 0x1p-40;
            values[2] = 0x1p-24;
            values[3] = Double.NaN;
            try (Layer saved = device.createLayer(SPEC.withDataType(from)).initialize(7);
                    Layer loaded = device.createLayer(SPEC.withDataType(to)).initialize(8)) {
                set(saved, "bias_l0", values);
                saved.save(file);
                double[] exact = get(saved, "bias_l0");
                boolean fits = from == to || to == DataType.F64 || to == DataType.F32 && from != DataType.F64;
                if (!fits) {
                    assertRefused(loaded, DEFAULTS, "\n  bias_l0: type " + from + ", which does not fit into " + to);
                }
                loaded.load(file, fits ? DEFAULTS : DEFAULTS.withConversion(true));
                double[] found = get(loaded, "bias_l0");
                for (int i = 0; i < exact.length; i++) {
                    assertNearest(exact[i], found[i], to);
                }
                if (from == DataType.F64 && (to == DataType.F16 || to == DataType.BF16)) {
                    assertEquals(to == DataType.F16 ? 1 + 0x1p-10 : 1 + 0x1p-7, found[to == DataType.F16 ? 0 : 1]);
                }
            }
        }
    }

    /** No representable number is nearer. */
    private static void assertNearest(double exact, double found, DataType type) {
        if (Double.isNaN(exact)) {
            assertTrue(Double.isNaN(found));
            return;
        }
        int bits = switch (type) {
            case F64 -> 53;
            case F32 -> 24;
            case F16 -> 11;
            case BF16 -> 8;
        };
        double unit = Math.scalb(1.0, Math.max(Math.getExponent(exact), type == DataType.F16 ? -14 : -126) - bits + 1);
        assertTrue(Math.abs(exact - found) <= (exact == found ? 0 : unit / 2), exact + " to " + found + " in " + type);
    }

    @ParameterizedTest
    @CsvSource({"F32, 1e300", "F16, 70000", "BF16, -3.4e38", "F16, 1e300"})
    void whatIsTooLargeForTheTypeIsRefused(DataType to, double value) throws IOException {
        try (Layer saved = device.createLayer(SPEC.withDataType(DataType.F64)).initialize(7);
                Layer loaded = device.createLayer(SPEC.withDataType(to)).initialize(8)) {
            double[] values = new double[16];
            values[3] = value;
            saved.parameters().set("bias_l0", values);
            saved.save(file);
            assertRefused(loaded, DEFAULTS.withConversion(true),
                    "bias_l0 has " + value + " at 3, which is too large for " + to);
            values[3] = Double.NEGATIVE_INFINITY;
            saved.parameters().set("bias_l0", values);
            saved.save(file);
            loaded.load(file, DEFAULTS.withConversion(true));
            assertEquals(Float.NEGATIVE_INFINITY, loaded.parameters().get("bias_l0")[3]);
        }
    }

    /** Whatever a packed weight means, it is not the weight. */
    @Test
    void integersAreNoWeights() throws IOException {
        try (Layer layer = device.createLayer(SPEC).initialize(8)) {
            List<Tensor> tensors = new ArrayList<>(layer.parameters().toTensors(""));
            tensors.replaceAll(tensor -> new Tensor(tensor.name(), ElementType.I8, tensor.shape(),
                    MemorySegment.ofArray(new byte[(int) tensor.data().byteSize() / 4])));
            Safetensors.write(file, Map.of(), tensors);
            assertRefused(layer, DEFAULTS, "\n  bias_l0: type I8, which does not fit into F32");
            assertRefused(layer, DEFAULTS.withConversion(true), "\n  bias_l0: type I8, which does not fit into F32");
        }
    }

    @Test
    void aFileOfAnotherProgramDescribesNoLayer() throws IOException {
        try (Layer layer = device.createLayer(SPEC).initialize(8)) {
            Safetensors.write(file, Map.of("cell", "lstm"), layer.parameters().toTensors(""));
        }
        assertNoLayer("the metadata does not describe a layer: it has no format=lnrnn");
    }

    /** Each refused with one sentence and without an attempt to allocate what it says. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "-", value = {
        "cell|mamba|cell is mamba in the metadata, expected one of [lstm, gru, indrnn]",
        "cell|-|cell is missing in the metadata",
        "normalization|batch|normalization is batch",
        "cell|gru|does not have the parameters of layer GRU",
        "cell|indrnn|does not have the parameters of layer INDRNN",
        "data_type|f8|data_type is f8",
        "direction|reverse|direction is reverse",
        "direction|bidirectional|2 states, which is more than its tensors are",
        "layers|0|layers is 0, expected 1...1024",
        "layers|1024|describes a layer of input size 3, hidden size 4 and 1024 states, which is more than",
        "layers|4294967297|layers is 4294967297 in the metadata, expected an integer",
        "layers|1.0|layers is 1.0 in the metadata, expected an integer",
        "hidden_size|-4|hiddenSize is -4, expected 1...",
        "hidden_size|5|does not have the parameters of layer LSTM 3 to 5",
        "hidden_size|1099511627776|hidden size 1099511627776",
        "hidden_size|9223372036854775807|hiddenSize is 9223372036854775807, expected 1...",
        "hidden_size|99999999999999999999|hidden_size is 99999999999999999999 in the metadata, expected an integer",
        "input_size|1099511627776|input size 1099511627776",
        "input_size|64|does not have the parameters of layer LSTM 64 to 4",
        "epsilon|NaN|epsilon is NaN, expected a",
        "epsilon|0|epsilon is 0.0",
        "epsilon|1e-5 or so|epsilon is something unreadable in the metadata, expected a number",
        "zoneout|2|zoneout is 2.0, expected a probability",
        "zoneout|NaN|zoneout is NaN, expected a probability",
        "dropout|0.5|dropout is 0.5, expected 0 for a single layer",
        "recompute|yes|recompute is yes in the metadata, expected true or false",
        "variational_dropout|true|variationalDropout is true",
    })
    void hostileMetadataIsRefused(String key, String value, String expected) throws IOException {
        Map<String, String> metadata = new HashMap<>(SPEC.toMetadata());
        if (value == null) {
            metadata.remove(key);
        } else {
            metadata.put(key, value);
        }
        try (Layer layer = device.createLayer(SPEC).initialize(8)) {
            List<Tensor> tensors = layer.parameters().toTensors("");
            Safetensors.write(file, metadata, tensors);
        }
        if (expected.startsWith("2 states")) {
            // As many tensors as states there are; what they are decides.
            assertNoLayer("weight_ih_l0_reverse: missing");
        } else {
            assertNoLayer(expected);
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
                assertEquals(file + ": it was cut short, or its disk failed, while it was read", refusal.getMessage());
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

    private void assertRefused(Layer layer, LoadOptions options, String part) {
        float[][] before = all(layer);
        String message = assertThrows(SafetensorsException.class, () -> layer.load(file, options)).getMessage();
        assertTrue(message.startsWith(file.toString()) && message.contains(part), message);
        assertArrayEquals(before, all(layer));
    }

    private void assertNoLayer(String part) {
        Usage before = Library.usage();
        String message = assertThrows(SafetensorsException.class, () -> device.loadLayer(file).close()).getMessage();
        assertTrue(message.startsWith(file.toString()) && message.contains(part), message);
        assertFalse(message.contains("Exception"), message);
        assertEquals(before, Library.usage());
    }

    private static float[][] all(Layer layer) {
        return layer.parameters().names().stream().map(name -> Layers.floats(get(layer, name))).toArray(float[][]::new);
    }

    private static double[] get(Layer layer, String name) {
        if (layer.spec().dataType() == DataType.F64) {
            return layer.parameters().getDoubles(name);
        }
        float[] floats = layer.parameters().get(name);
        double[] values = new double[floats.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = floats[i];
        }
        return values;
    }

    private static void set(Layer layer, String name, double[] values) {
        if (layer.spec().dataType() == DataType.F64) {
            layer.parameters().set(name, values);
        } else {
            layer.parameters().set(name, Layers.floats(values));
        }
    }
}
