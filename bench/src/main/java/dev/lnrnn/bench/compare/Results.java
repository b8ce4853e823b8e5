package dev.lnrnn.bench.compare;

import java.util.Map;
import java.util.Objects;

/**
 * What a pass computed.
 *
 * @param tensors {@link #Y}, and in training {@link #DX} and the parameters' gradients under the parameters' names
 */
public record Results(Map<String, float[]> tensors) {

    public static final String Y = "y";
    public static final String DX = "dx";

    /** Keeps a copy of the map. */
    public Results {
        tensors = Map.copyOf(tensors);
    }

    public float[] get(String name) {
        return Objects.requireNonNull(tensors.get(name), name);
    }

    /**
     * The largest difference from what is expected, relative to the largest element that is expected of the tensor. A
     * tensor whose elements are all next to nothing is measured by a thousandth of the largest of its kind, outputs or
     * gradients: where the state is zero throughout, the recurrent weights have no gradient but rounding.
     *
     * @param expected has all tensors that these have
     */
    public double error(Results expected) {
        double floor = 1e-3 * expected.tensors.entrySet().stream().filter(tensor -> !tensor.getKey().equals(Y))
                .mapToDouble(tensor -> largest(tensor.getValue())).max().orElse(0);
        double error = 0;
        for (Map.Entry<String, float[]> tensor : tensors.entrySet()) {
            String name = tensor.getKey();
            float[] values = expected.get(name);
            double scale = Math.max(largest(values), name.equals(Y) ? 0 : floor);
            // Math.max hands NaN on.
            error = Math.max(error, difference(tensor.getValue(), values) / scale);
        }
        return error;
    }

    private static double difference(float[] values, float[] expected) {
        if (values.length != expected.length) {
            throw new IllegalArgumentException(values.length + " elements, expected " + expected.length);
        }
        double difference = 0;
        for (int i = 0; i < values.length; i++) {
            difference = Math.max(difference, Math.abs((double) values[i] - expected[i]));
        }
        return difference;
    }

    private static double largest(float[] values) {
        double largest = 0;
        for (float value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }
}
