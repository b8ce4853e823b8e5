package dev.lnrnn.bench.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The gradients of head and loss together, against central differences. */
class LinearHeadTest {

    private static final int ROWS = 5;
    private static final int HIDDEN = 3;
    private static final float STEP = 1e-2f;
    private static final double TOLERANCE = 2e-4;

    private final LinearHead head = new LinearHead(HIDDEN);
    private final float[] y = new float[ROWS * HIDDEN];
    private final float[] targets = new float[ROWS];
    private final float[] predictions = new float[ROWS];
    private final float[] gradient = new float[ROWS];
    private final float[] dy = new float[ROWS * HIDDEN];

    LinearHeadTest() {
        Random random = new Random(7);
        fill(y, random);
        fill(targets, random);
        fill(head.weight(), random);
        fill(head.bias(), random);
    }

    private static void fill(float[] array, Random random) {
        for (int i = 0; i < array.length; i++) {
            array[i] = (float) random.nextGaussian();
        }
    }

    private double loss() {
        head.forward(MemorySegment.ofArray(y), predictions);
        return HuberLoss.of(predictions, targets, gradient);
    }

    private double difference(float[] array, int index) {
        float kept = array[index];
        array[index] = kept + STEP;
        double above = loss();
        array[index] = kept - STEP;
        double below = loss();
        array[index] = kept;
        return (above - below) / (2 * STEP);
    }

    @Test
    void gradientsAreTheLossesSlopes() {
        loss();
        head.backward(MemorySegment.ofArray(y), gradient, MemorySegment.ofArray(dy));
        float[] weightGradient = head.weightGradient().clone();
        float biasGradient = head.biasGradient();
        for (int j = 0; j < HIDDEN; j++) {
            assertEquals(difference(head.weight(), j), weightGradient[j], TOLERANCE, "weight " + j);
        }
        assertEquals(difference(head.bias(), 0), biasGradient, TOLERANCE, "bias");
        for (int i = 0; i < y.length; i++) {
            assertEquals(difference(y, i), dy[i], TOLERANCE, "y " + i);
        }
    }

    @Test
    void theLossIsSquaredNearZeroAndAbsoluteBeyond() {
        float[] slope = new float[2];
        double loss = HuberLoss.of(new float[] {0.2f, 3}, new float[] {0, 0}, slope);
        assertEquals((0.5 * 0.04 + 0.5 * (3 - 0.25)) / 2, loss, 1e-7);
        assertEquals(0.1, slope[0], 1e-7);
        assertEquals(0.25, slope[1], 1e-7);
    }
}
