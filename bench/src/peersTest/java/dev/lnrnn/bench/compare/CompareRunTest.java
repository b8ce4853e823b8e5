package dev.lnrnn.bench.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lnrnn.bench.CommandRun;
import dev.lnrnn.bench.ExitCode;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole command with the peers themselves. */
class CompareRunTest {

    @Test
    void theSmallestShapeIsComparedInBothModes(@TempDir Path directory) throws Exception {
        Path json = directory.resolve("new").resolve("compare.json");
        Path chart = directory.resolve("chart.png");
        CommandRun run = CommandRun.of("compare", "--quick", "--backward", "--shapes", "A", "--json", json.toString(),
                "--chart", chart.toString());
        assertEquals(ExitCode.OK, run.exitCode(), run.out() + run.err());
        JsonNode rows = new ObjectMapper().readTree(json.toFile()).get("rows");
        // Two of lnrnn and five of the peers forward, of which ONNX Runtime's networks cannot train.
        assertEquals(7 + 5, rows.size(), run.out());
        for (JsonNode row : rows) {
            assertTrue(row.get("checked").asBoolean(), row.toString());
        }
        assertTrue(Files.size(chart) > 0);
        assertTrue(run.out().contains("ONNX Runtime 1."), run.out());
    }
}
