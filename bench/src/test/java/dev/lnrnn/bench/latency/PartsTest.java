package dev.lnrnn.bench.latency;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.bench.jmh.Probe;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every part measures what it says, in next to no time and in this JVM where that is possible. */
class PartsTest {

    private static final Effort LITTLE = new Effort(0.01, 0, 0.01, 1, 0.01, 2, 0.01, 1, false);

    private static List<Row> run(List<Task> tasks) throws Exception {
        List<Row> rows = new ArrayList<>();
        for (Task task : tasks) {
            rows.addAll(task.measurement().rows());
        }
        return rows;
    }

    private static Row find(List<Row> rows, String what) {
        return rows.stream().filter(row -> row.what().equals(what)).findFirst()
                .orElseThrow(() -> new AssertionError(what + " is not in " + rows));
    }

    @Test
    void callsAreComparedWithJniAndWithC(@TempDir Path directory) throws Exception {
        Path probe = ProbeSource.ofClone().compileInto(directory);
        System.setProperty(Probe.PROPERTY, probe.toString());
        List<Row> rows = run(new CallOverhead(LITTLE, probe).tasks());
        for (String what : List.of("FFM, 0 numbers", "FFM critical, 16 numbers", "JNI, 16 numbers",
                "FFM, 16 segments of 16 shared arenas", "FFM critical, 16 arrays of the heap", "JNI, 16 pinned arrays",
                "step of no rows, from Java", "training forward of no rows, from C",
                "empty function of 3 pointers, from Java",
                "inference pass of no rows, from Java, each arena beyond one")) {
            assertTrue(find(rows, what).value() > 0, what);
        }
        assertEquals(3, find(rows, "step of no rows, Java over C, over that").target());
        assertEquals(9, find(rows, "training backward of no rows, from Java, each arena beyond one").target());
    }

    @Test
    void withoutTheProbeTheCallsFromJavaAreLeft() throws Exception {
        List<Row> rows = run(new CallOverhead(LITTLE, null).tasks());
        assertEquals(List.of("step of no rows", "inference pass of no rows", "training forward of no rows",
                "training backward of no rows"),
                rows.stream().map(Row::what).filter(what -> what.endsWith(", from Java"))
                        .map(what -> what.replace(", from Java", "")).toList());
        assertEquals(2 * 4, rows.size());
    }

    @Test
    void stepsHaveATail() throws Exception {
        List<Row> rows = run(new Steps(LITTLE).tasks());
        assertEquals(1 + 5, rows.size());
        Row.Tail tail = find(rows, "H 1024, C 512").tail();
        assertTrue(tail.calls() > 0 && tail.p99() <= tail.p999() && tail.p999() <= tail.max(), tail.toString());
    }

    @Test
    void inputsComeFromAllKindsOfMemory() throws Exception {
        List<Row> rows = run(new InputKinds(LITTLE).tasks());
        assertEquals(8 + 7, rows.size());
        assertTrue(find(rows, "(1,1,128,256) layer, arrays in, new arrays out").bytesPerCall() > 3 * 4 * 256);
        assertEquals(0, find(rows, "(16,32,1024,64) pass, native segment in place").bytesPerCall(), 1);
    }

    @Test
    void passesAllocateNothing() throws Exception {
        for (Row row : run(new Allocation().tasks())) {
            assertEquals(0, row.value(), row.what());
        }
    }

    @Test
    void twoThreadsStepAtTheSameTime() throws Exception {
        List<Row> rows = run(new TwoThreads(LITTLE).tasks());
        assertTrue(find(rows, "the first of two").tail().calls() > 0);
        assertTrue(find(rows, "the second of two").tail().calls() > 0);
        assertTrue(find(rows, "steps of both for each of one").value() > 0);
    }

    @Test
    void startsAreTimedInParts() throws Exception {
        ColdStart start = new ColdStart(LITTLE);
        List<Row> rows = run(start.tasks());
        double parts = 0;
        for (String what : List.of("JVM until main", "load the library", "open the device",
                "create and initialize the layer", "first forward pass")) {
            parts += find(rows, what).value();
        }
        Row all = find(rows, "in all");
        assertEquals(parts, all.value(), 1e-6);
        assertEquals(600, all.target());
        assertTrue(find(rows, "load the library, library extracted").value() > 0);
    }
}
