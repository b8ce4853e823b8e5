package dev.lnrnn.bench.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lnrnn.bench.CommandRun;
import dev.lnrnn.bench.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResultsCommandTest {

    /** A GPU whose every limit is easy to tell: weights of C fit its shared memory, those of one block do not. */
    private static final String CALIBRATION = """
            {"device": "a GPU", "multiprocessors": 100, "l2_bytes": 50000000,
             "shared_bytes_per_multiprocessor": 200000, "smoke": false,
             "bytes_per_second": {"copy": 2e12, "l2": 5e12, "shared": 2e13},
             "flops": {"fma_f32": 5e13, "fma_f64": 2.5e13, "mma_f16": 4e14, "mma_bf16": 4e14},
             "cublas": {"f32": 4e13, "f16": 6e14},
             "microseconds": {"grid_barrier_exchange": 1.5, "grid_flag_exchange": 1.0,
                              "cluster_exchange": {"8": 0.25, "16": 0.5}}}""";

    @TempDir
    private Path directory;

    private static String row(String mode, String system, String dtype, boolean normalized, double milliseconds) {
        return """
                {"shape": "C", "steps": 100, "batch": 32, "input": 512, "hidden": 512, "mode": "%s", "system": "%s", \
                "dtype": "%s", "normalized": %s, "median_ms": %s, "low_ms": 1, "high_ms": 9, "error": 1e-7, \
                "checked": true}
                """.formatted(mode, system, dtype, normalized, milliseconds);
    }

    private void write(String file, String text) throws IOException {
        Files.writeString(directory.resolve(file), text);
    }

    private JsonNode results() throws IOException {
        return new ObjectMapper().readTree(directory.resolve("results.json").toFile());
    }

    private CommandRun run() {
        return CommandRun.of("results", directory.toString());
    }

    @Test
    void timesAreComparedWithTheLimitAndWithPeers() throws IOException {
        write("calibrate.status", "ok 10 ");
        write("calibration.json", CALIBRATION);
        write("bench.status", "ok 20 ");
        write("bench.jsonl", row("inference", "lnrnn", "f32", true, 0.5) + row("training", "lnrnn", "f32", true, 2));
        write("peers.status", "ok 30 ");
        write("peers.jsonl",
                row("inference", "a peer", "f32", true, 5) + row("inference", "plain", "f16", false, 0.25));

        CommandRun run = run();

        assertEquals(ExitCode.OK, run.exitCode(), run.err());
        JsonNode rows = results().get("rows");
        assertEquals(4, rows.size());
        // F_x = F_r = 2 4 100 32 512 512 = 6.7e9. Weights of 4 MiB are read from shared memory in 0.21 us, which
        // arithmetic at 5e13 exceeds: 1.34 us a step. Two exchanges of the grid: 2 us. No cluster holds them.
        double flops = 2.0 * 4 * 100 * 32 * 512 * 512;
        double step = flops / 100 / 5e13 + 2e-6;
        assertEquals("plain", rows.get(0).get("system").asText());
        assertEquals("lnrnn", rows.get(1).get("system").asText());
        assertEquals(1e3 * (flops / 5e13 + 100 * step) / 0.5, rows.get(1).get("fraction_of_limit").asDouble(), 1e-9);
        assertEquals(1e3 * (4 * flops / 5e13 + 200 * step) / 2, rows.get(3).get("fraction_of_limit").asDouble(), 1e-9);
        // 2 MiB of f16 fit the shared memory of 16, not of 8, multiprocessors; cuBLAS is faster than our own kernel.
        double plain = flops / 6e14 + 100 * (Math.max(flops / 100 / 6e14, 2.0 * 4 * 512 * 512 / 2e13) + 0.5e-6);
        assertEquals(1e3 * plain / 0.25, rows.get(0).get("fraction_of_limit").asDouble(), 1e-9);
        assertTrue(run.out().contains("a GPU"), run.out());
        assertTrue(run.out().lines().anyMatch(line -> line.contains("a peer") && line.contains("10.00")), run.out());
    }

    @Test
    void whatWasSkippedHasNoNumbers() throws IOException {
        write("calibrate.status", "skipped 0 there is no CUDA device");
        write("calibration.json", CALIBRATION);
        write("bench.status", "skipped 0 there is no CUDA device");
        write("bench.jsonl", row("inference", "lnrnn", "f32", true, 0.5));

        CommandRun run = run();

        assertEquals(ExitCode.OK, run.exitCode(), run.err());
        assertEquals(0, results().get("rows").size());
        assertTrue(results().get("calibration").isNull());
        assertEquals("there is no CUDA device", results().at("/parts/bench/sentence").asText());
        assertTrue(run.out().contains("Nothing was measured."), run.out());
    }

    @Test
    void withoutACalibrationThereIsNoFraction() throws IOException {
        write("calibrate.status", "failed 3 exit status 1");
        write("calibration.json", CALIBRATION);
        write("bench.status", "timeout 480 stopped after 480 seconds");
        write("bench.jsonl", row("inference", "lnrnn", "f32", true, 0.5));

        run();

        assertEquals(0.5, results().at("/rows/0/median_ms").asDouble());
        assertTrue(results().at("/rows/0/fraction_of_limit").isNull());
    }

    @Test
    void whatIsNoMeasurementIsRefusedAndReplacesNothing() throws IOException {
        write("results.json", "good");
        write("calibrate.status", "ok 10 ");
        write("calibration.json", CALIBRATION);
        write("bench.status", "ok 20 ");
        String row = row("inference", "lnrnn", "f32", true, 0.5);
        for (String bad : List.of(row.replace("0.5", "\"NaN\""), row.replace("0.5", "0"),
                row.replace("0.5", "\"Infinity\""),
                row.replace("0.5", "null"), row.replace("\"f32\"", "\"f8\""), row.replace("\"dtype\": \"f32\", ", ""),
                row.replace("\"median_ms\": 0.5, ", ""), row.replace("\"steps\": 100", "\"steps\": 0"), "{\n", "\n",
                row.replace("inference", "thinking"))) {
            write("bench.jsonl", row + bad);
            assertRefused(directory.resolve("bench.jsonl") + ", line 2: ");
        }
        write("bench.jsonl", row);
        for (String bad : List.of(CALIBRATION.replace("5e13", "0"),
                CALIBRATION.replace("\"multiprocessors\"", "\"processors\""),
                CALIBRATION.replace("\"shared\": 2e13", "\"shared\": \"NaN\""), "{}")) {
            write("calibration.json", bad);
            assertRefused("The calibration has ");
        }
        write("calibration.json", "{");
        assertRefused(directory.resolve("calibration.json") + ": ");
        write("bench.status", "ok");
        assertRefused("The file " + directory.resolve("bench.status") + " has \"ok\"; expected a state");
    }

    private void assertRefused(String beginning) throws IOException {
        CommandRun run = run();
        assertEquals(ExitCode.BAD_INPUT, run.exitCode(), run.out() + run.err());
        assertTrue(run.err().startsWith(beginning) && run.err().lines().count() == 1, run.err());
        assertEquals("good", Files.readString(directory.resolve("results.json")));
    }

    @Test
    void aLineThatWasNotFinishedIsLeftOut() throws IOException {
        write("bench.status", "timeout 480 stopped after 480 seconds");
        String row = row("inference", "lnrnn", "f32", true, 0.5);
        write("bench.jsonl", row + row.substring(0, 60));
        assertEquals(ExitCode.OK, run().exitCode());
        assertEquals(1, results().get("rows").size());
    }

    @Test
    void parityIsCounted() throws IOException {
        write("parity.status", "failed 9 exit status 1");
        write("parity.jsonl", """
                {"case": "a", "dtype": "f32", "state": "holds"}
                {"case": "b", "dtype": "f32", "state": "fails"}
                {"case": "c", "dtype": "f32", "state": "holds"}
                """);

        CommandRun run = run();

        assertEquals(2, results().at("/parity/f32/holds").asInt());
        assertEquals(1, results().at("/parity/f32/fails").asInt());
        assertTrue(run.out().contains("2 holds, 1 fails"), run.out());
    }

    @Test
    void aFolderWithoutPartsIsRefused() {
        CommandRun run = run();
        assertEquals(ExitCode.BAD_INPUT, run.exitCode());
        assertTrue(run.err().contains("There is no status file of a part of the GPU bundle in " + directory),
                run.err());
        assertFalse(Files.exists(directory.resolve("results.json")));
    }
}
