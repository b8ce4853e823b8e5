package dev.lnrnn.bench.parity;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.DataType;
import dev.lnrnn.bench.CommandRun;
import dev.lnrnn.bench.ExitCode;
import dev.lnrnn.interop.ElementType;
import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.Tensor;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class ParityCommandTest {

    /** The library's own copies: this module has none. */
    private static final Path CASES = Path.of("..", "ffi", "src", "test", "resources", "cases");

    @TempDir
    private Path directory;

    /** Every case in every type that it has a bound for. */
    static Stream<Arguments> cases() throws IOException {
        try (Stream<Path> files = Files.list(CASES)) {
            return files.filter(file -> file.toString().endsWith(".safetensors")).sorted().toList().stream()
                    .flatMap(file -> types(file).map(type -> Arguments.of(file, type)));
        }
    }

    private static Stream<DataType> types(Path file) {
        try (Case reference = Case.read(file)) {
            return Stream.of(DataType.values()).filter(type -> reference.bound(type, "out").isPresent())
                    .toList().stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private CommandRun parity(Path reference, String... options) {
        return CommandRun.of(Stream.concat(
                Stream.of("parity", reference.toString(), "--out", result().toString(), "--device", "cpu"),
                Stream.of(options)).toArray(String[]::new));
    }

    private Path result() {
        return directory.resolve("result.safetensors");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void casesHoldTheirBounds(Path reference, DataType type) {
        CommandRun run = parity(reference, "--dtype", type.name().toLowerCase(Locale.ROOT), "--check");
        assertEquals(ExitCode.OK, run.exitCode(), run.out() + run.err());
    }

    @Test
    void aTypeWithoutABoundIsRunButNotChecked() {
        Path path = CASES.resolve("lstm_haste_bigmean.safetensors");
        assertEquals(ExitCode.OK, parity(path, "--dtype", "bf16").exitCode());
        CommandRun run = parity(path, "--dtype", "bf16", "--check");
        assertEquals(ExitCode.BAD_INPUT, run.exitCode(), run.out());
        assertEquals("The case states no bound for bf16, so there is nothing to check.\n", run.err());
    }

    @Test
    void theResultHasTheCasesNamesAndShapes() throws IOException {
        Path path = CASES.resolve("lstm_haste_lengths.safetensors");
        assertEquals(ExitCode.OK, parity(path).exitCode());
        try (Safetensors expected = Safetensors.read(path); Safetensors actual = Safetensors.read(result())) {
            assertTrue(actual.tensors().keySet().containsAll(Set.of("y", "hn", "cn", "grad.x", "grad.bias_l0")));
            for (String name : actual.tensors().keySet()) {
                assertEquals(expected.tensors().get(name).shape(), actual.tensors().get(name).shape(), name);
                assertEquals(expected.tensors().get(name).type(), actual.tensors().get(name).type(), name);
            }
        }
    }

    /** As the library returned them: of a 16-bit layer y and dx have 16 bits, states and other gradients 32. */
    @ParameterizedTest
    @EnumSource
    void resultsAreValuesOfTheirTypes(DataType type) throws IOException {
        Path path = CASES.resolve("lstm_none_basic.safetensors");
        assertEquals(ExitCode.OK, parity(path, "--dtype", type.name().toLowerCase(Locale.ROOT)).exitCode());
        try (Safetensors actual = Safetensors.read(result())) {
            for (String name : actual.tensors().keySet()) {
                DataType own = Set.of("y", "grad.x").contains(name) ? type : type.accumulation();
                double[] values = actual.doubles(name);
                assertArrayEquals(values, Encoding.decode(own, Encoding.encode(own, values)), name);
            }
        }
    }

    @Test
    void aWrongResultIsOutOfBounds() throws IOException {
        // The bounds of float64 are beyond float32's reach.
        Path path = CASES.resolve("lstm_haste_basic.safetensors");
        CommandRun run = parity(path, "--dtype", "f32");
        assertEquals(ExitCode.OK, run.exitCode(), run.err());
        try (Case reference = Case.read(path); Safetensors actual = Safetensors.read(result())) {
            StringWriter table = new StringWriter();
            CaseRun.Result y = new CaseRun.Result(new long[] {5, 3, 7}, actual.doubles("y"));
            boolean good = new Check(reference, DataType.F64, Map.of("y", y))
                    .print(new PrintWriter(table, true));
            assertFalse(good, table.toString());
            assertTrue(table.toString().contains("out of bounds"), table.toString());
        }
    }

    /** Metadata and tensors of a case, to be changed. */
    private static final class Copy {

        private final Map<String, String> metadata;
        private final Map<String, Tensor> tensors = new LinkedHashMap<>();

        Copy(String name) throws IOException {
            try (Safetensors file = Safetensors.read(CASES.resolve(name + ".safetensors"))) {
                metadata = new LinkedHashMap<>(file.metadata());
                file.tensors().forEach((tensor, info) -> {
                    long[] shape = info.shape().stream().mapToLong(Long::longValue).toArray();
                    tensors.put(tensor, tensor.equals("lengths") ? lengths(file.longs(tensor))
                            : Tensor.f64(tensor, shape, file.doubles(tensor)));
                });
            }
        }

        static Tensor lengths(long... values) {
            return Tensor.i64("lengths", new long[] {values.length}, values);
        }

        void put(String name, long... shape) {
            tensors.put(name,
                    Tensor.f64(name, shape, new double[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)]));
        }
    }

    private void assertRefused(int exitCode, String sentence, Copy copy) throws IOException {
        Path path = directory.resolve("case.safetensors");
        Safetensors.write(path, copy.metadata, List.copyOf(copy.tensors.values()));
        for (String[] options : new String[][] {{}, {"--check"}, {"--dtype", "f16"}}) {
            CommandRun run = parity(path, options);
            assertEquals("The case " + path + " " + sentence + "\n", run.err());
            assertEquals(exitCode, run.exitCode());
            assertFalse(Files.exists(result()));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {
        "weight_hh_l0; 0; [28, 7]", "weight_hh_l0; 28 6; [28, 7]", "weight_hh_l0; 7 28; [28, 7]",
        "bias_l0; 28 1; [28]", "x; 5 3 6 1; [5, 3, 4]", "x; 5 3; [5, 3, 4]", "h0; 1 3 8; [1, 3, 7]",
        "c0; 2 3 7; [1, 3, 7]",
        "dy; 5 3 6; [5, 3, 7]", "dcn; 1 3 1; [1, 3, 7]", "y; 5 3; [5, 3, 7]", "hn; 7; [1, 3, 7]",
        "grad.x; 5; [5, 3, 4]", "grad.weight_ih_l0; 28; [28, 4]", "zoneout_mask; 1 5 3 1; [1, 5, 3, 7]",
        "dropconnect_mask; 28 7; [1, 28, 7]"})
    void shapesAreThoseOfTheLayer(String tensor, String shape, String expected) throws IOException {
        Copy copy = new Copy("lstm_haste_basic");
        long[] extents = Arrays.stream(shape.split(" ")).mapToLong(Long::parseLong).toArray();
        copy.put(tensor, extents);
        if (tensor.endsWith("_mask")) {
            assertRefused(ExitCode.BAD_INPUT,
                    "has a tensor \"" + tensor + "\", which such a case does not have.",
                    copy);
            copy.metadata.put(tensor.replace("_mask", ""), "0.5");
        }
        assertRefused(ExitCode.BAD_INPUT, "has " + tensor + " with shape " + Arrays.toString(extents)
                + "; its metadata expects " + expected + ".", copy);
    }

    @ParameterizedTest
    @CsvSource({"P,3", "cell_clip,-1", "T,4", "N,2", "C,5", "H,8", "layers,2", "cell,gru", "normalization,none",
        "direction,bidirectional",
        "training,false"})
    void metadataThatContradictTheTensorsAreRefused(String key, String value) throws IOException {
        Copy copy = new Copy("lstm_haste_basic");
        copy.metadata.put(key, value);
        Path path = directory.resolve("case.safetensors");
        Safetensors.write(path, copy.metadata, List.copyOf(copy.tensors.values()));
        CommandRun run = parity(path, "--check");
        assertEquals(ExitCode.BAD_INPUT, run.exitCode(), run.out() + run.err());
        assertEquals(1, run.err().lines().count(), run.err());
        assertFalse(Files.exists(result()));
    }

    @Test
    void tensorsAreAllThereAndNoOthers() throws IOException {
        for (String name : List.of("x", "weight_ih_l0", "layernorm_c_l0.bias", "dy", "dhn", "dcn")) {
            Copy copy = new Copy("lstm_haste_basic");
            copy.tensors.remove(name);
            assertRefused(ExitCode.BAD_INPUT, "has no tensor " + name + ".", copy);
        }
        Copy more = new Copy("gru_haste_basic");
        more.put("c0", 1, 4, 16);
        assertRefused(ExitCode.BAD_INPUT, "has a tensor \"c0\", which such a case does not have.", more);
        Copy wide = new Copy("gru_haste_resets");
        wide.put("resets", 9, 5);
        assertRefused(ExitCode.BAD_INPUT, "has resets with shape [9, 5]; its metadata expects [9, 4].", wide);
        Copy projection = new Copy("lstm_haste_projection");
        projection.metadata.remove("P");
        assertRefused(ExitCode.BAD_INPUT, "has h0 with shape [1, 3, 5]; its metadata expects [1, 3, 12].",
                projection);
    }

    @Test
    void typesAndValuesAreThoseOfTheirKinds() throws IOException {
        Copy types = new Copy("lstm_haste_lengths");
        types.tensors.put("x", new Tensor("x", ElementType.I32, new long[] {8, 5, 6},
                MemorySegment.ofArray(new int[8 * 5 * 6])));
        assertRefused(ExitCode.BAD_INPUT, "has x of type I32; expected one of [F16, BF16, F32, F64].", types);
        Copy lengths = new Copy("lstm_haste_lengths");
        lengths.tensors.put("lengths", Copy.lengths(8, 9, 0, 1, 2));
        assertRefused(ExitCode.BAD_INPUT, "has 9 among its lengths; expected 0 to 8, its steps.", lengths);
        Copy mask = new Copy("lstm_haste_zoneout_train");
        mask.tensors.compute("zoneout_mask", (name, tensor) -> {
            double[] values = new double[(int) (tensor.data().byteSize() / Double.BYTES)];
            values[3] = 0.5;
            return Tensor.f64(name, tensor.shape(), values);
        });
        assertRefused(ExitCode.BAD_INPUT, "has 0.5 in its zoneout_mask; expected 0 or 1.", mask);
        for (Map.Entry<String, String> wrong : Map.of("training", "yes", "H", "-7", "T", "\u0665", "epsilon", "1e-5f",
                "zoneout", "0x1p-3", "cell", "rnn").entrySet()) {
            Copy copy = new Copy("lstm_haste_basic");
            copy.metadata.put(wrong.getKey(), wrong.getValue());
            assertRefused(ExitCode.BAD_INPUT, "has \"" + wrong.getKey() + "\": \"" + wrong.getValue()
                    + "\" in its metadata, which is not a value of it.", copy);
        }
        Copy unknown = new Copy("lstm_haste_basic");
        unknown.metadata.put("dropout", "0.5");
        CommandRun run = parityOf(unknown);
        assertEquals(ExitCode.BAD_INPUT, run.exitCode());
        assertTrue(run.err().contains("has \"dropout\" in its metadata, which is none of"), run.err());
    }

    private CommandRun parityOf(Copy copy) throws IOException {
        Path path = directory.resolve("case.safetensors");
        Safetensors.write(path, copy.metadata, List.copyOf(copy.tensors.values()));
        return parity(path);
    }

    @Test
    void whatIsNoNumberIsNoResult() throws IOException {
        Copy copy = new Copy("lstm_none_basic");
        int elements = (int) (copy.tensors.get("x").data().byteSize() / Double.BYTES);
        double[] x = new double[elements];
        x[0] = Double.NaN;
        copy.tensors.compute("x", (name, tensor) -> Tensor.f64(name, tensor.shape(), x));
        CommandRun run = parityOf(copy);
        assertEquals(ExitCode.BAD_RESULT, run.exitCode());
        assertEquals("The library computed NaN at element 0 of y, which is not finite; nothing is written.\n",
                run.err());
        assertFalse(Files.exists(result()));
    }

    @Test
    void badFilesAndOptionsAreOneSentence() throws IOException {
        CommandRun missing = parity(directory.resolve("missing.safetensors"));
        assertEquals(ExitCode.BAD_INPUT, missing.exitCode());
        assertEquals("The file " + directory.resolve("missing.safetensors") + " does not exist.\n", missing.err());
        CommandRun garbage = parity(Files.writeString(directory.resolve("garbage.safetensors"), "no such format"));
        assertEquals(ExitCode.BAD_INPUT, garbage.exitCode());
        assertEquals(1, garbage.err().lines().count(), garbage.err());
        assertEquals(ExitCode.BAD_INPUT, CommandRun.of("parity").exitCode());
        assertEquals(ExitCode.BAD_INPUT,
                parity(CASES.resolve("lstm_none_basic.safetensors"), "--dtype", "f8").exitCode());
        CommandRun device = CommandRun.of("parity", CASES.resolve("lstm_none_basic.safetensors").toString(), "--out",
                result().toString(), "--device", "tpu");
        assertEquals(ExitCode.BAD_INPUT, device.exitCode());
        assertTrue(device.err().contains("tpu"), device.err());
    }
}
