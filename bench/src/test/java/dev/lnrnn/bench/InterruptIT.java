package dev.lnrnn.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.interop.Safetensors;
import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class InterruptIT {

    private static final int KILLED_BY_SIGINT = 128 + 2;

    @Test
    @EnabledOnOs(OS.LINUX)
    void ctrlCLeavesAValidCheckpoint(@TempDir Path directory) throws Exception {
        // A build that runs in the background ignores SIGINT, and its children inherit that.
        List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT"));
        command.addAll(Jar.command(Jar.JAVA_HOME, List.of(), "train", "--device", "cpu", "--hidden", "16", "--epochs",
                "1000000", "--out", directory.toString()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (BufferedReader output = process.inputReader()) {
            readUntil(output, "epoch 1/");
            new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
            String last = readUntil(output, "Stopped after");
            assertTrue(last.contains(directory.resolve("checkpoint.safetensors").toString()), last);
            assertTrue(process.waitFor(30, TimeUnit.SECONDS), "still running half a minute after SIGINT");
        } finally {
            process.destroyForcibly();
        }
        assertEquals(KILLED_BY_SIGINT, process.exitValue());
        assertWhole(directory.resolve("checkpoint.safetensors"));
    }

    /** Its steps take longer than it takes to interrupt it. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void ctrlCBeforeTheFirstEpochKeepsTheCheckpointThatStandsThere(@TempDir Path directory) throws Exception {
        Path checkpoint = directory.resolve("checkpoint.safetensors");
        Jar.Result first = Jar.run(Jar.command(Jar.JAVA_HOME, List.of(), "train", "--device", "cpu", "--hidden", "4",
                "--epochs", "2", "--out", directory.toString()));
        assertEquals(ExitCode.OK, first.exitCode(), first.output());
        byte[] before = Files.readAllBytes(checkpoint);
        List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT"));
        command.addAll(Jar.command(Jar.JAVA_HOME, List.of(), "train", "--device", "cpu", "--threads", "1", "--hidden",
                "512", "--out", directory.toString()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (BufferedReader output = process.inputReader()) {
            readUntil(output, "Network:");
            new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
            String last = readUntil(output, "Stopped");
            assertEquals(
                    "Stopped before the first epoch was over; " + checkpoint + " is unchanged: it has been trained "
                            + "for 2",
                    last);
            assertTrue(process.waitFor(60, TimeUnit.SECONDS), "still running a minute after SIGINT");
        } finally {
            process.destroyForcibly();
        }
        assertArrayEquals(before, Files.readAllBytes(checkpoint));
    }

    private static String readUntil(BufferedReader output, String text) throws Exception {
        StringBuilder seen = new StringBuilder();
        for (String line = output.readLine(); line != null; line = output.readLine()) {
            if (line.contains(text)) {
                return line;
            }
            seen.append(line).append('\n');
        }
        throw new AssertionError("the output ended before \"" + text + "\":\n" + seen);
    }

    private static void assertWhole(Path checkpoint) throws Exception {
        try (Safetensors tensors = Safetensors.read(checkpoint)) {
            assertTrue(Integer.parseInt(tensors.metadata().get("epochs")) >= 1);
            assertTrue(tensors.tensors().keySet().containsAll(List.of("weight_ih_l0", "weight_hh_l0", "bias_l0",
                    "layernorm_c_l0.weight", "head.weight", "head.bias")), tensors.tensors().keySet().toString());
            float sum = 0;
            for (float weight : tensors.floats("head.weight")) {
                sum += Math.abs(weight);
            }
            assertTrue(sum > 0 && Float.isFinite(sum), "the head has not been trained: " + sum);
        }
    }
}
