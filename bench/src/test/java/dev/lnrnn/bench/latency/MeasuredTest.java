package dev.lnrnn.bench.latency;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lnrnn.bench.ChartFile;
import dev.lnrnn.bench.JsonFile;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MeasuredTest {

    private static Row step() {
        Histogram nanoseconds = new Histogram(3);
        nanoseconds.recordValue(2000);
        return Row.ofCalls(Part.STEPS, "H 64", nanoseconds);
    }

    private static Row call() {
        return Row.of(Part.CALLS, "step, Java over C", "ns", 17).withSpread(16, 18).withTarget(15);
    }

    @Test
    void theFileHasTheMachineAndWhatWasMeasured(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("latency.json");
        JsonFile.write(file, Measured.here(true, List.of("Left out, something."), List.of(step(), call())));
        JsonNode json = new ObjectMapper().readTree(file.toFile());
        assertFalse(json.at("/machine/cpu").asText().isEmpty());
        assertTrue(json.at("/machine/processors").asInt() >= 1);
        assertFalse(json.at("/machine/isa").asText().isEmpty());
        assertFalse(json.at("/versions/java").asText().isEmpty());
        assertFalse(json.at("/versions/lnrnn").asText().isEmpty());
        assertTrue(json.at("/quick").asBoolean());
        assertEquals("Left out, something.", json.at("/left_out/0").asText());
        assertEquals("steps", json.at("/rows/0/part").asText());
        assertEquals(2, json.at("/rows/0/value").asDouble(), 0.01);
        assertEquals(1, json.at("/rows/0/tail/calls").asInt());
        assertTrue(json.at("/rows/0/spread").isMissingNode() && json.at("/rows/0/target").isMissingNode());
        assertEquals(16, json.at("/rows/1/spread/low").asDouble());
        assertEquals(15, json.at("/rows/1/target").asDouble());
    }

    @Test
    void theTableSaysWhichTargetsAreMet() {
        Row met = Row.of(Part.ALLOCATION, "pass", "B", 0).withTarget(0);
        StringWriter text = new StringWriter();
        LatencyTable.print(Measured.here(false, List.of("Left out, something."), List.of(met, call(), step())),
                new PrintWriter(text, true));
        List<String> lines = text.toString().lines().toList();
        assertTrue(lines.contains("Left out, something."), text.toString());
        assertTrue(lines.stream().anyMatch(line -> line.startsWith("pass ") && line.endsWith("at most 0: met")));
        assertTrue(lines.stream()
                .anyMatch(line -> line.contains("16.0...18.0") && line.endsWith("at most 15: MISSED")));
        assertTrue(lines.stream().anyMatch(line -> line.startsWith("H 64 ")));
    }

    @Test
    void whatIsPromisedDecidesWhetherItIsGood() {
        assertTrue(Measured.here(true, List.of(), List.of(call())).isGood());
        assertFalse(Measured.here(true, List.of(), List.of(Row.of(Part.ALLOCATION, "pass", "B", 8).withTarget(0)))
                .isGood());
    }

    @Test
    void stepsAreDrawn(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("latency.png");
        Measured measured = Measured.here(true, List.of(), List.of(step()));
        ChartFile.write(file, () -> LatencyChart.draw(measured));
        assertTrue(Files.size(file) > 0);
    }
}
