package dev.lnrnn.bench.latency;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class RowTest {

    /** Of the histogram's three digits. */
    private static final double PRECISION = 1e-3;

    @Test
    void callsAreSummedUpByRank() {
        Histogram nanoseconds = new Histogram(3);
        for (int i = 1; i <= 1000; i++) {
            nanoseconds.recordValue(1000L * i);
        }
        Row row = Row.ofCalls(Part.STEPS, "steps", nanoseconds);
        assertEquals("us", row.unit());
        assertEquals(500, row.value(), 500 * PRECISION);
        assertEquals(990, row.tail().p99(), 990 * PRECISION);
        assertEquals(999, row.tail().p999(), 999 * PRECISION);
        assertEquals(1000, row.tail().max(), 1000 * PRECISION);
        assertEquals(1000, row.tail().calls());
    }

    @Test
    void targetsAreTheMostThatIsAllowed() {
        Row row = Row.of(Part.ALLOCATION, "pass", "B", 8);
        assertFalse(row.misses());
        assertFalse(row.withTarget(8).misses());
        assertTrue(row.withTarget(7.9).misses());
    }

    @Test
    void aClockReadingIsLessThanAMicrosecondOrTwo() {
        long median = Clock.readingCost(0.01).getValueAtPercentile(50);
        assertTrue(median >= 0 && median < 20_000, median + " ns");
    }

    @Test
    void allocationIsCounted() {
        byte[][] kept = new byte[1][];
        double bytes = Clock.allocatedBytes(() -> kept[0] = new byte[1000], 2000);
        assertTrue(bytes >= 1000 && bytes < 1100, bytes + " B");
        assertEquals(0, Clock.allocatedBytes(() -> kept[0][0]++, 2000));
    }
}
