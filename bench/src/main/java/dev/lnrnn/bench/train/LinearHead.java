package dev.lnrnn.bench.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The last layer: one number from each row of the recurrent layer's output, y·weight + bias, on host
 * memory. Starts at zero, so that the first forecast is seasonal-naive.
 */
final class LinearHead {

    private final float[] weight;
    private final float[] bias = new float[1];
    private final float[] weightGradient;
    private final float[] biasGradient = new float[1];

    LinearHead(int hidden) {
        weight = new float[hidden];
        weightGradient = new float[hidden];
    }

    /** (H), live. */
    float[] weight() {
        return weight;
    }

    /** (1), live. */
    float[] bias() {
        return bias;
    }

    void addTo(Adam adam) {
        adam.add(MemorySegment.ofArray(weight), MemorySegment.ofArray(weightGradient));
        adam.add(MemorySegment.ofArray(bias), MemorySegment.ofArray(biasGradient));
    }

    /** Fills {@code predictions} (rows) from {@code y} (rows, H) float32. */
    void forward(MemorySegment y, float[] predictions) {
        int hidden = weight.length;
        for (int row = 0; row < predictions.length; row++) {
            float sum = bias[0];
            for (int j = 0; j < hidden; j++) {
                sum += weight[j] * y.getAtIndex(JAVA_FLOAT, (long) row * hidden + j);
            }
            predictions[row] = sum;
        }
    }

    /**
     * Replaces the gradients of weight and bias, and fills {@code dy} (rows, H), from the loss's gradient
     * by the predictions that {@link #forward} made of {@code y}.
     */
    void backward(MemorySegment y, float[] gradient, MemorySegment dy) {
        int hidden = weight.length;
        Arrays.fill(weightGradient, 0);
        biasGradient[0] = 0;
        for (int row = 0; row < gradient.length; row++) {
            float g = gradient[row];
            biasGradient[0] += g;
            for (int j = 0; j < hidden; j++) {
                long index = (long) row * hidden + j;
                weightGradient[j] += g * y.getAtIndex(JAVA_FLOAT, index);
                dy.setAtIndex(JAVA_FLOAT, index, g * weight[j]);
            }
        }
    }

    /** Of the latest {@link #backward}. */
    float[] weightGradient() {
        return weightGradient;
    }

    /** Of the latest {@link #backward}. */
    float biasGradient() {
        return biasGradient[0];
    }
}
