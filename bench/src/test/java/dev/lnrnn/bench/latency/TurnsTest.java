package dev.lnrnn.bench.latency;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class TurnsTest {

    private static final long MICROSECOND = 1000;

    @Test
    void theDifferenceIsThatOfNeighbours() throws Throwable {
        Turns turns = Turns.measure(0.1, List.of(batch(500 * MICROSECOND), batch(2000 * MICROSECOND)));
        assertTrue(turns.median(0) >= 50, turns.median(0) + " ns a call");
        assertTrue(turns.median(1) >= 200, turns.median(1) + " ns a call");
        // At least half of 150: other programs may keep the shorter batch waiting.
        assertTrue(turns.difference(1, 0) > 75, turns.difference(1, 0) + " ns");
        assertEquals(-turns.difference(1, 0), turns.difference(0, 1), 10);
    }

    private static Turns.Batch batch(long nanoseconds) {
        return () -> {
            long end = System.nanoTime() + nanoseconds;
            while (System.nanoTime() < end) {
                Thread.onSpinWait();
            }
        };
    }
}
