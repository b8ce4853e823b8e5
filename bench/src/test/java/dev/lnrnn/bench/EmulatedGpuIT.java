package dev.lnrnn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs on the emulated {@code cuda:0}. */
class EmulatedGpuIT {

    private static final Path LIBRARY = Path.of("..", "kernels-cu", "target", "emulated", "liblnrnn.so");

    @TempDir
    private Path directory;

    @BeforeEach
    void isBuilt() {
        assumeTrue(Files.exists(LIBRARY), "the library with the emulated GPU was not built");
    }

    @Test
    void trainingAgreesWithTheProcessor() throws Exception {
        JsonNode cpu = train("cpu");
        JsonNode gpu = train("cuda:0");
        for (String figure : List.of("/first_loss", "/last_loss", "/errors/model")) {
            double expected = cpu.at(figure).asDouble();
            assertTrue(expected > 0, figure);
            assertEquals(expected, gpu.at(figure).asDouble(), 1e-6 * expected, figure);
        }
        assertTrue(gpu.at("/stream_max_difference").asDouble() <= 1e-5);
    }

    private JsonNode train(String device) throws Exception {
        String series = IntStream.range(0, 400)
                .mapToObj(i -> Double.toString(100 + 10 * Math.sin(i * 0.9) + i * 0.1))
                .collect(Collectors.joining("\n", "value\n", "\n"));
        Path data = Files.writeString(directory.resolve("series.csv"), series);
        Path report = directory.resolve(device.replace(':', '-') + ".json");
        Jar.Result result = Jar.run(emulated(List.of(), "train", "--device", device, "--data", data.toString(),
                "--column", "value", "--season", "7", "--epochs", "2", "--hidden", "4",
                "--out", directory.resolve("out").toString(), "--report", report.toString()));
        assertEquals(ExitCode.OK, result.exitCode(), result.output());
        return new ObjectMapper().readTree(report.toFile());
    }

    @Test
    void infoNamesTheGpu() throws Exception {
        Jar.Result result = Jar.run(emulated(List.of(), "info"));
        assertEquals(ExitCode.OK, result.exitCode(), result.output());
        assertTrue(result.output().contains("cuda:0"), result.output());
        assertTrue(result.output().contains("CUDA 13.0, cuBLAS 13.0.0"), result.output());
    }

    @Test
    void whereThereIsNoDriverInfoAndTrainSaySo() throws Exception {
        String reason = "there is no CUDA device: no NVIDIA driver is installed";
        List<String> noDriver = List.of("env", "LNRNN_EMULATOR_DRIVER=none");
        Jar.Result info = Jar.run(emulated(noDriver, "info"));
        assertEquals(ExitCode.OK, info.exitCode(), info.output());
        assertTrue(info.output().contains(reason), info.output());

        Jar.Result train = Jar.run(emulated(noDriver, "train", "--device", "cuda:0",
                "--out", directory.resolve("out").toString()));
        assertEquals(ExitCode.BAD_INPUT, train.exitCode(), train.output());
        assertTrue(train.output().contains(reason), train.output());
        assertFalse(train.output().contains("\tat "), train.output());
    }

    @Test
    void infoSaysWhyAGpuCannotBeUsed() throws Exception {
        List<String> devices = List.of("env", "LNRNN_EMULATOR_DEVICES=8.6,9.0");
        Jar.Result info = Jar.run(emulated(devices, "info"));
        assertEquals(ExitCode.OK, info.exitCode(), info.output());
        assertTrue(info.output().contains("cuda:0   CUDA device 0, lnrnn emulator, cannot be used: this library has no "
                + "kernels for its compute capability 8.6; it was built for sm_90a compute_90"), info.output());
        assertTrue(info.output().contains("cuda:1   lnrnn emulator, 4.0 GiB"), info.output());
    }

    private static List<String> emulated(List<String> before, String... arguments) {
        List<String> command = new ArrayList<>(before);
        command.addAll(Jar.command(Jar.JAVA_HOME, List.of("-Dlnrnn.library=" + LIBRARY.toAbsolutePath()), arguments));
        return command;
    }
}
