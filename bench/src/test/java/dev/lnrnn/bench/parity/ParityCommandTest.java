package dev.lnrnn.bench.parity;

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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ParityCommandTest {

    /** The library's own copies: this module has none. */
    private static final Path CASES = Path.of("..", "ffi", "src", "test", "resources", "cases");

    @TempDir
    private Path directory;

    static Stream<Path> supported() throws IOException {
        return cases().filter(ParityCommandTest::isSupported);
    }

    static Stream<Path> notSupportedYet() throws IOException {
        return cases().filter(path -> !isSupported(path));
    }

    private static Stream<Path> cases() throws IOException {
        try (Stream<Path> files = Files.list(CASES)) {
            return files.filter(file -> file.toString().endsWith(".safetensors")).sorted().toList().stream();
        }
    }

    private static boolean isSupported(Path path) {
        String name = path.getFileName().toString();
        return (name.startsWith("lstm_none") || name.startsWith("lstm_haste"))
                && !name.contains("bidirectional") && !name.contains("stack");
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
    @MethodSource("supported")
    void casesHoldTheirBoundsInF64(Path reference) {
        CommandRun run = parity(reference, "--dtype", "f64", "--check");
        assertEquals(ExitCode.OK, run.exitCode(), run.out() + run.err());
    }

    @ParameterizedTest
    @MethodSource("supported")
    void casesHoldTheirBoundsInF32(Path reference) {
        CommandRun run = parity(reference, "--dtype", "f32", "--check");
        assertEquals(ExitCode.OK, run.exitCode(), run.out() + run.err());
    }

    @ParameterizedTest
    @MethodSource("notSupportedYet")
    void otherCasesEndWithOneSentence(Path reference) {
        CommandRun run = parity(reference);
        assertEquals(ExitCode.NOT_SUPPORTED, run.exitCode(), run.err());
        assertEquals(1, run.err().lines().count(), run.err());
        assertFalse(Files.exists(result()));
    }

    @Test
    void halfPrecisionIsNotSupportedYet() {
        CommandRun run = parity(CASES.resolve("lstm_haste_basic.safetensors"), "--dtype", "bf16");
        assertEquals(ExitCode.NOT_SUPPORTED, run.exitCode(), run.err());
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

    @Test
    void f32ResultsAreFloat32Values() throws IOException {
        assertEquals(ExitCode.OK, parity(CASES.resolve("lstm_none_basic.safetensors"), "--dtype", "f32").exitCode());
        try (Safetensors actual = Safetensors.read(result())) {
            for (double value : actual.doubles("y")) {
                assertEquals((float) value, value);
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
