package dev.lnrnn.bench.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MedianTest {

    @Test
    void theIntervalIsOfOrderStatistics() {
        // 100 samples: ranks 50 - 9.8 and 50 + 9.8, outwards.
        double[] samples = IntStream.range(0, 100).mapToDouble(i -> (i * 37) % 100).toArray();
        assertEquals(new Median(50, 40, 60), Median.of(samples));
    }

    @Test
    void fewSamplesHaveTheirWholeRange() {
        assertEquals(new Median(2, 1, 3), Median.of(new double[] {3, 1, 2}));
        assertEquals(new Median(7, 7, 7), Median.of(new double[] {7}));
    }
}
