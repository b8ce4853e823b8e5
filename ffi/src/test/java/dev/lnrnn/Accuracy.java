package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.function.Predicate;

/**
 * How far results are from what was expected: max|a-b| / max(max|b|, 1e-3 of the largest of its kind). The
 * kinds are outputs (y, hn, cn) and gradients (grad.NAME).
 */
record Accuracy(double outputs, double gradients) {

    private static final double SMALL = 1e-3;

    static Accuracy of(Map<String, double[]> actual, Map<String, double[]> expected) {
        assertEquals(expected.keySet(), actual.keySet(), "names of the results");
        return new Accuracy(
                worst(actual, expected, name -> !isGradient(name)),
                worst(actual, expected, Accuracy::isGradient));
    }

    /** The bounds that f64 and well-conditioned f32 hold. */
    static Accuracy bound(DataType type) {
        return type == DataType.F64 ? new Accuracy(1e-12, 1e-11) : new Accuracy(1e-5, 5e-5);
    }

    static void assertClose(
            String what, Map<String, double[]> actual, Map<String, double[]> expected, Accuracy bound) {
        Accuracy error = of(actual, expected);
        assertTrue(error.within(bound), () -> what + ": " + error + " exceeds " + bound);
    }

    static void assertSameBits(String what, Map<String, double[]> actual, Map<String, double[]> expected) {
        assertEquals(expected.keySet(), actual.keySet(), what);
        expected.forEach((name, values) -> assertArrayEquals(values, actual.get(name), () -> what + ": " + name));
    }

    boolean within(Accuracy bound) {
        return outputs <= bound.outputs && gradients <= bound.gradients;
    }

    private static boolean isGradient(String name) {
        return name.startsWith("grad.");
    }

    private static double worst(
            Map<String, double[]> actual, Map<String, double[]> expected, Predicate<String> kind) {
        double largest = 0;
        for (var entry : expected.entrySet()) {
            largest = kind.test(entry.getKey()) ? Math.max(largest, magnitude(entry.getValue())) : largest;
        }
        double worst = 0;
        for (var entry : expected.entrySet()) {
            if (kind.test(entry.getKey())) {
                worst = Math.max(worst, error(actual.get(entry.getKey()), entry.getValue(), SMALL * largest));
            }
        }
        return worst;
    }

    private static double error(double[] actual, double[] expected, double floor) {
        assertEquals(expected.length, actual.length, "elements");
        double difference = 0;
        for (int i = 0; i < expected.length; i++) {
            difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
        }
        return difference == 0 ? 0 : difference / Math.max(magnitude(expected), floor);
    }

    /** The largest absolute value. */
    static double magnitude(double[] values) {
        double largest = 0;
        for (double value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }
}
