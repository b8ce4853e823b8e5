package dev.lnrnn.bench.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class AdamTest {

    @Test
    void findsTheMinimumOfAQuadratic() {
        float[] value = {5, -3};
        float[] gradient = new float[2];
        Adam adam = new Adam(Double.POSITIVE_INFINITY);
        adam.add(MemorySegment.ofArray(value), MemorySegment.ofArray(gradient));
        for (int i = 0; i < 2000; i++) {
            gradient[0] = 2 * (value[0] - 1);
            gradient[1] = 20 * (value[1] - 2);
            adam.step(0.02);
        }
        assertEquals(1, value[0], 1e-3);
        assertEquals(2, value[1], 1e-3);
    }

    @Test
    void theFirstStepIsTheLearningRateWhateverTheGradient() {
        float[] value = {0, 0};
        Adam adam = new Adam(Double.POSITIVE_INFINITY);
        adam.add(MemorySegment.ofArray(value), MemorySegment.ofArray(new float[] {1e-3f, -1e3f}));
        adam.step(0.1);
        assertEquals(-0.1, value[0], 1e-5);
        assertEquals(0.1, value[1], 1e-5);
    }

    /** Between two gradients of one direction, clipping to the smaller one's norm makes them equal. */
    @Test
    void clipsByTheNormOverAllTensors() {
        assertEquals(afterTwoSteps(Double.POSITIVE_INFINITY, 3, 4), afterTwoSteps(5, 30, 40), 1e-7);
    }

    private static float afterTwoSteps(double largestNorm, float first, float second) {
        float[] a = {0};
        float[] b = {0};
        float[] gradientA = {3};
        float[] gradientB = {4};
        Adam adam = new Adam(largestNorm);
        adam.add(MemorySegment.ofArray(a), MemorySegment.ofArray(gradientA));
        adam.add(MemorySegment.ofArray(b), MemorySegment.ofArray(gradientB));
        adam.step(0.1);
        gradientA[0] = first;
        gradientB[0] = second;
        adam.step(0.1);
        return a[0];
    }

    @Test
    void refusesAGradientOfAnotherSize() {
        Adam adam = new Adam(1);
        MemorySegment value = MemorySegment.ofArray(new float[2]);
        MemorySegment gradient = MemorySegment.ofArray(new float[3]);
        assertThrows(IllegalArgumentException.class, () -> adam.add(value, gradient));
    }
}
