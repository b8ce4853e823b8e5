package dev.lnrnn.bench.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class RoundsTest {

    private static final long MILLISECOND = 1_000_000;

    private final List<String> calls = new ArrayList<>();

    private Contestant contestant(String name, long nanoseconds) {
        return new Contestant() {
            @Override
            public void run() {
                if (calls.isEmpty() || !calls.getLast().equals(name)) {
                    calls.add(name);
                }
                long end = System.nanoTime() + nanoseconds;
                while (System.nanoTime() < end) {
                    LockSupport.parkNanos(end - System.nanoTime());
                }
            }

            @Override
            public double error(Results lnrnn) {
                return 0;
            }

            @Override
            public void close() {
            }
        };
    }

    @Test
    void everyoneBeginsInTurn() throws InterruptedException {
        Rounds rounds = new Rounds(List.of(contestant("a", MILLISECOND), contestant("b", MILLISECOND)), 2);
        AtomicInteger done = new AtomicInteger();
        List<double[]> samples = rounds.run(2, () -> done.get() < 3, done::set);
        assertEquals(3, done.get());
        // Warm-up; a b; b a; a b: neighbours of one name are one entry.
        assertEquals(List.of("a", "b", "a", "b", "a", "b"), calls);
        for (double[] each : samples) {
            assertTrue(each.length > 3, "more calls than rounds");
            for (double milliseconds : each) {
                assertTrue(milliseconds >= 1, "too quick: " + milliseconds);
            }
        }
    }

    @Test
    void ofALongCallEveryOneCounts() throws InterruptedException {
        Rounds rounds = new Rounds(List.of(contestant("a", 120 * MILLISECOND)), 1);
        assertEquals(2, rounds.run(2, () -> false, round -> {}).getFirst().length);
    }
}
