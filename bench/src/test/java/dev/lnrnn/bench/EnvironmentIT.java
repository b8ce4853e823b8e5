package dev.lnrnn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The jar in environments that it can, and cannot, work in. */
class EnvironmentIT {

    private static final String CASE = "../ffi/src/test/resources/cases/lstm_haste_basic.safetensors";

    @Test
    void whatIsNotTheLibraryIsRefused(@TempDir Path directory) throws Exception {
        Path notTheLibrary = Files.writeString(directory.resolve("liblnrnn.so"), "not a library");
        Path out = directory.resolve("out.safetensors");
        Jar.Result result = Jar.run(Jar.command(Jar.JAVA_HOME, List.of("-Dlnrnn.library=" + notTheLibrary), "parity",
                CASE, "--out", out.toString()));
        assertEquals(ExitCode.BAD_INPUT, result.exitCode(), result.output());
        assertTrue(result.output().contains(notTheLibrary.toString()), result.output());
        assertFalse(result.output().contains("\tat "), result.output());
        assertFalse(Files.exists(out));
    }

    @Test
    void infoNamesTheDevices() throws Exception {
        Jar.Result result = Jar.run(Jar.command(Jar.JAVA_HOME, List.of(), "info", "--json"));
        assertEquals(ExitCode.OK, result.exitCode(), result.output());
        JsonNode info = new ObjectMapper().readTree(result.output());
        assertEquals("cpu", info.at("/devices/0/name").asText());
        assertTrue(info.at("/devices/0/threads").asInt() >= 1, result.output());
        assertTrue(info.at("/devices/0/threads_from").asText().matches("affinity|cgroup quota|JVM"), result.output());
        assertTrue(Files.exists(Path.of(info.get("library").asText())), result.output());
    }

    @Test
    void jmhListsTheBenchmarks() throws Exception {
        Jar.Result result = Jar.run(Jar.command(Jar.JAVA_HOME, List.of(), "jmh", "-l"));
        assertEquals(ExitCode.OK, result.exitCode(), result.output());
        for (String name : List.of("ForwardBenchmark.forward", "TrainingBenchmark.forwardBackward",
                "StepBenchmark.step", "CallBenchmark.downcall")) {
            assertTrue(result.output().contains("dev.lnrnn.bench.jmh." + name), result.output());
        }
    }
}
