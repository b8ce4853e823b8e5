package dev.lnrnn.bench.parity;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.DataType;
import dev.lnrnn.bench.CommandRun;
import dev.lnrnn.bench.ExitCode;
import dev.lnrnn.interop.Safetensors;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
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
