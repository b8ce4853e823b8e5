package dev.lnrnn.bench.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lnrnn.bench.JsonFile;
import dev.lnrnn.bench.compare.Entrant.Kind;
import dev.lnrnn.bench.jmh.Shape;
import dev.lnrnn.bench.results.Limit;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Peers here are lnrnn in disguise, one of them wrong. */
class ComparisonTest {

    private static final Comparison.Case CASE = new Comparison.Case(Shape.A, Mode.FORWARD);

    /**
     * A peer.
     *
     * @param off how far its layer-normalised results are from lnrnn's
     */
    private record Disguise(double off) implements Peer {

        @Override
        public void start(int threads) {
        }

        @Override
        public Map<String, String> versions() {
            return Map.of("disguise", "1");
        }

        @Override
        public List<Entrant> entrants() {
            return List.of(
                    new Entrant("plain peer", Kind.PLAIN, EnumSet.of(Mode.FORWARD), (problem, mode) -> contestant(0)),
                    new Entrant("LN peer", Kind.NORMALIZED, EnumSet.of(Mode.FORWARD),
                            (problem, mode) -> contestant(off)));
        }

        @Override
        public Contestant product(int size, int threads) {
            return contestant(0);
        }

        private static Contestant contestant(double error) {
            return new Contestant() {
                @Override
                public void run() {
                    // As much as makes a machine look possible that multiplies matrices with it.
                    long end = System.nanoTime() + 50_000_000;
                    while (System.nanoTime() < end) {
                        Thread.onSpinWait();
                    }
                }

                @Override
                public double error(Results lnrnn) {
                    assertEquals(Shape.A.hiddenSize, lnrnn.get(Results.Y).length);
                    return error;
                }

                @Override
                public void close() {
                }
            };
        }
    }

    @TempDir
    private Path directory;

    private final StringWriter text = new StringWriter();
    private CpuCalibration calibration;

    private Outcome run(double off, Schedule schedule) throws IOException, InterruptedException {
        List<Peer> peers = List.of(new Disguise(off));
        calibration = new CpuCalibration(1, peers);
        PrintWriter out = new PrintWriter(text, true);
        try (Progress progress = Progress.of(1, out)) {
            List<List<Timing>> kept = new ArrayList<>();
            List<Timing> rows = new Comparison(1, peers, calibration, schedule, progress).run(List.of(CASE), kept::add);
            assertEquals(rows.isEmpty() ? List.of() : List.of(rows), kept);
            Outcome outcome = Outcome.of(peers, calibration, rows);
            new ComparisonTable(outcome, new Limit(calibration)).print(out);
            return outcome;
        }
    }

    private static boolean checked(Outcome outcome, String system, boolean normalized) {
        return outcome.rows().stream()
                .filter(row -> row.system().equals(system) && row.normalized() == normalized)
                .findFirst().orElseThrow().checked();
    }

    @Test
    void whoeverDisagreesIsNamedAndSoIsLnrnn() throws IOException, InterruptedException {
        Outcome outcome = run(0.01, Schedule.Until.inSeconds(1));
        assertTrue(checked(outcome, "plain peer", false));
        assertTrue(checked(outcome, "lnrnn", false));
        assertFalse(checked(outcome, "LN peer", true));
        assertFalse(checked(outcome, "lnrnn", true));
        assertFalse(outcome.isGood());
        assertTrue(text.toString().lines().anyMatch(line -> line.contains("LN peer") && line.endsWith("NO")),
                text.toString());
    }

    @Test
    void theFileHasTheAgreedFields() throws Exception {
        Outcome outcome = run(0, Schedule.Until.inSeconds(1));
        assertTrue(outcome.isGood());
        Path file = directory.resolve("compare.json");
        JsonFile.write(file, outcome);

        JsonNode json = new ObjectMapper().readTree(file.toFile());
        assertEquals(4, json.get("rows").size());
        JsonNode row = json.at("/rows/0");
        assertEquals(Set.of("shape", "mode", "threads", "system", "normalized", "median_ms", "low_ms", "high_ms",
                "checked"), names(row));
        assertEquals("A", row.get("shape").asText());
        assertEquals("forward", row.get("mode").asText());
        assertEquals("lnrnn", row.get("system").asText());
        assertTrue(row.get("normalized").asBoolean());
        assertTrue(row.get("low_ms").asDouble() <= row.get("median_ms").asDouble());
        assertTrue(row.get("median_ms").asDouble() <= row.get("high_ms").asDouble());
        JsonNode best = json.get("calibration");
        assertTrue(names(best).containsAll(Set.of("flops_1t", "flops_nt", "l3_bytes", "dram_bytes")), best.toString());
        for (String name : List.of("flops_1t", "flops_nt", "l3_bytes", "dram_bytes")) {
            assertTrue(best.get(name).asDouble() > 1e8, best.toString());
        }
        assertEquals(best.get("flops_1t"), best.get("flops_nt"));
        assertEquals("1", json.at("/versions/disguise").asText());
        assertEquals(Runtime.getRuntime().availableProcessors(), json.at("/machine/processors").asInt());
    }

    private static Set<String> names(JsonNode object) {
        Set<String> names = new TreeSet<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    @Test
    void whatThereIsNoTimeForIsLeftOut() throws IOException, InterruptedException {
        Outcome outcome = run(0, Schedule.Until.inSeconds(0));
        assertEquals(List.of(), outcome.rows());
        assertTrue(text.toString().contains("A forward: left out, the time is up"), text.toString());
        assertTrue(text.toString().contains("Nothing was measured."), text.toString());
    }

    @Test
    void threadsMeet() {
        assertEquals(0, Arithmetic.barrier(1));
        assertTrue(Arithmetic.barrier(2) > 0);
        assertTrue(Arithmetic.flops(2) > 1e8);
    }
}
