package dev.lnrnn.bench.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;

class ResultsTest {

    private static Results y(float... values) {
        return new Results(Map.of(Results.Y, values));
    }

    @Test
    void aDifferenceIsRelativeToTheLargestElement() {
        assertEquals(0.25, y(1, -3).error(y(1, -4)));
        assertEquals(0, y(1, -4).error(y(1, -4)));
    }

    @Test
    void notANumberIsNoAgreement() {
        assertTrue(Double.isNaN(y(1, Float.NaN).error(y(1, 2))));
    }

    @Test
    void aGradientOfNothingButRoundingIsMeasuredByTheOthers() {
        Results expected = new Results(Map.of(Results.DX, new float[] {1000}, "weight_hh_l0", new float[] {0}));
        Results got = new Results(Map.of(Results.DX, new float[] {1000}, "weight_hh_l0", new float[] {0.5f}));
        assertEquals(0.5, got.error(expected));
    }

    @Test
    void tensorsHaveOneSize() {
        assertThrows(IllegalArgumentException.class, () -> y(1, 2).error(y(1)));
    }
}
