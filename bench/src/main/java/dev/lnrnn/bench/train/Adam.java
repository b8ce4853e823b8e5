package dev.lnrnn.bench.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The Adam optimiser (Kingma and Ba 2015) on float32 host memory, with the gradient's global L2 norm
 * clipped (Pascanu et al. 2013). Tensors are registered once, each with the place of its gradient;
 * memory between registered tensors is never looked at.
 */
final class Adam {

    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.999;
    private static final double EPSILON = 1e-8;

    private record Tensor(MemorySegment value, MemorySegment gradient, float[] mean, float[] square) {
    }

    private final double largestNorm;
    private final List<Tensor> tensors = new ArrayList<>();
    private int steps;

    /** A gradient whose norm is above {@code largestNorm} is scaled down to it. */
    Adam(double largestNorm) {
        this.largestNorm = largestNorm;
    }

    void add(MemorySegment value, MemorySegment gradient) {
        if (value.byteSize() != gradient.byteSize()) {
            throw new IllegalArgumentException("gradient has " + gradient.byteSize() + " bytes, its tensor "
                    + value.byteSize());
        }
        int count = Math.toIntExact(value.byteSize() / Float.BYTES);
        tensors.add(new Tensor(value, gradient, new float[count], new float[count]));
    }

    /** Moves every tensor one step against its gradient. */
    void step(double learningRate) {
        steps++;
        double norm = gradientNorm();
        double scale = norm > largestNorm ? largestNorm / norm : 1;
        double rate = learningRate / (1 - Math.pow(BETA1, steps));
        double correction = 1 / (1 - Math.pow(BETA2, steps));
        for (Tensor tensor : tensors) {
            step(tensor, scale, rate, correction);
        }
    }

    private static void step(Tensor tensor, double scale, double rate, double correction) {
        float[] mean = tensor.mean();
        float[] square = tensor.square();
        for (int i = 0; i < mean.length; i++) {
            double g = scale * tensor.gradient().getAtIndex(JAVA_FLOAT, i);
            mean[i] = (float) (BETA1 * mean[i] + (1 - BETA1) * g);
            square[i] = (float) (BETA2 * square[i] + (1 - BETA2) * g * g);
            double change = rate * mean[i] / (Math.sqrt(correction * square[i]) + EPSILON);
            float value = tensor.value().getAtIndex(JAVA_FLOAT, i);
            tensor.value().setAtIndex(JAVA_FLOAT, i, (float) (value - change));
        }
    }

    private double gradientNorm() {
        double sum = 0;
        for (Tensor tensor : tensors) {
            MemorySegment gradient = tensor.gradient();
            for (int i = 0; i < tensor.mean().length; i++) {
                double g = gradient.getAtIndex(JAVA_FLOAT, i);
                sum += g * g;
            }
        }
        return Math.sqrt(sum);
    }
}
