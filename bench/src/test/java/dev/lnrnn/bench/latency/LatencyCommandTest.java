package dev.lnrnn.bench.latency;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lnrnn.bench.CommandRun;
import dev.lnrnn.bench.ExitCode;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LatencyCommandTest {

    @Test
    void partsAreMeasuredAndWritten(@TempDir Path directory) throws Exception {
        Path json = directory.resolve("new").resolve("latency.json");
        CommandRun run = CommandRun.of("latency", "--quick", "--parts", "allocation", "--json", json.toString());
        assertEquals(ExitCode.OK, run.exitCode(), run.err());
        assertTrue(run.out().contains("step of one row"), run.out());
        assertTrue(run.out().contains("Results: " + json), run.out());
        assertEquals("allocation", new ObjectMapper().readTree(json.toFile()).at("/rows/0/part").asText());
    }

    @Test
    void partsAreThoseThatThereAre() {
        CommandRun run = CommandRun.of("latency", "--parts", "calls,nothing");
        assertEquals(ExitCode.BAD_INPUT, run.exitCode());
        assertTrue(run.err().startsWith("Invalid value for option '--parts'"), run.err());
    }
}
