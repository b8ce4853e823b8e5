package dev.lnrnn.bench.latency;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StartTest {

    private static final List<String> OUTPUT = List.of("WARNING: something of the JVM's", "main=3000000",
            "library=4000000", "device=6000000", "layer=10000000", "forward=18000000", "outputs=10240");

    @Test
    void momentsBecomeParts() throws Exception {
        Start start = Start.parse(1_000_000, OUTPUT);
        assertEquals(List.of(2.0, 1.0, 2.0, 4.0, 8.0, 17.0), start.milliseconds().values().stream()
                .map(milliseconds -> Math.rint(1e6 * milliseconds) / 1e6).toList());
        assertEquals(17, start.milliseconds().get(Start.TOTAL), 1e-9);
    }

    @Test
    void aMissingMomentIsSaid() {
        IOException failure = assertThrows(IOException.class, () -> Start.parse(1, OUTPUT.subList(0, 3)));
        assertTrue(failure.getMessage().contains("open the device"), failure.getMessage());
        assertTrue(failure.getMessage().contains("something of the JVM's"), failure.getMessage());
    }

    /** As where the clocks of two processes are not one. */
    @Test
    void aMomentBeforeTheStartIsRefused() {
        assertThrows(IOException.class, () -> Start.parse(5_000_000, OUTPUT));
    }

    @Test
    void whereThereIsNoCacheASentenceSaysWhy(@TempDir Path directory) {
        assertEquals("", ColdStart.whyNoCache(25, "lnrnn-bench.jar"));
        assertTrue(ColdStart.whyNoCache(24, "lnrnn-bench.jar").contains("this is Java 24."));
        assertTrue(ColdStart.whyNoCache(25, directory.toString()).contains(directory + " is a directory."));
    }
}
