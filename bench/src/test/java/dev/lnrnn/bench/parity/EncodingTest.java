package dev.lnrnn.bench.parity;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lnrnn.DataType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EncodingTest {

    /** Exact in every type: at most 8 significant bits. */
    private static final double[] EXACT = {0, 1, -2.5, 0.0078125, 255, Double.NaN, Double.POSITIVE_INFINITY};

    @ParameterizedTest
    @EnumSource
    void exactValuesComeBack(DataType type) {
        assertArrayEquals(EXACT, Encoding.decode(type, Encoding.encode(type, EXACT)));
        assertEquals(EXACT.length * (long) type.byteSize(), Encoding.encode(type, EXACT).byteSize());
    }

    @Test
    void bfloat16RoundsToNearestTiesToEven() {
        double unit = 1.0 / 128;
        double[] values = {1 + 0.5 * unit, 1 + 1.5 * unit, 1 + 0.6 * unit, 1 + 0.4 * unit};
        assertArrayEquals(new double[] {1, 1 + 2 * unit, 1 + unit, 1},
                Encoding.decode(DataType.BF16, Encoding.encode(DataType.BF16, values)));
    }
}
