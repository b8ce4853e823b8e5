package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.oracle.FiniteDifferences;
import dev.lnrnn.oracle.Oracle;
import dev.lnrnn.oracle.Problem;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every gradient of every legal kind of layer against finite differences of the oracle, in f64: along random
 * directions, each of which moves all numbers of a tensor by the same amount up or down, so that an error in any
 * of them shows in full, and by a few single numbers.
 */
@Tag("device")
@Tag("cpu")
class GradientSweepTest {

    private static final int STEPS = 3;
    private static final int INPUTS = 3;
    private static final int HIDDEN = 4;
    /** Two rows that end with the sequence, or three of which one is shorter and one empty. */
    private static final int EVEN_BATCH = 2;
    private static final long[] RAGGED = {STEPS, 0, 2};
    private static final int DIRECTIONS = 3;
    private static final int SINGLE_NUMBERS = 2;
    private static final double ERROR = 1e-6;
    private static final double SMALL = 1e-3;
    /** Kinds that a device may refuse: none. */
    private static final int REFUSED = 0;
    /** Small: a normalised row of so few units bends sharply where they happen to be alike. */
    private static final FiniteDifferences DIFFERENCES = new FiniteDifferences(4e-5);
    private static Device device;
    private static int problems;
    private static double worst;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
    }

    @AfterAll
    static void close() {
        device.close();
        System.out.printf("gradient sweep: %d problems, largest error %.2e%n", problems, worst);
    }

    /** Those that keep what backward needs; each is asked for the gradients it has when it recomputes, too. */
    static List<LayerSpec> specs() {
        return Variants.all(INPUTS, HIDDEN).stream().filter(spec -> !spec.execution().recompute()).toList();
    }

    static List<LayerSpec> supported() {
        return specs().stream().filter(spec -> Variants.isSupported(device, spec)).toList();
    }

    @Test
    void refusesNoMoreThanIsMissing() {
        assertEquals(REFUSED, specs().size() - supported().size(), "specs that are not supported");
    }

    @ParameterizedTest
    @MethodSource("supported")
    void gradientsAreDerivatives(LayerSpec spec) {
        long seed = spec.toString().hashCode();
        check(Problem.random(spec, STEPS, EVEN_BATCH, seed));
        check(Problem.random(spec, STEPS, RAGGED.length, seed).withLengths(RAGGED));
    }

    private static void check(Problem problem) {
        Problem recomputing = problem.with(problem.spec().withRecompute(true));
        List<Map<String, double[]>> both = List.of(gradients(problem), gradients(recomputing));
        Map<String, double[]> results = both.getFirst();
        double largest = results.values().stream().mapToDouble(Accuracy::magnitude).max().orElseThrow();
        Random random = new Random(problem.seed());
        for (String name : problem.differentiable()) {
            double[] gradient = results.get("grad." + name);
            double scale = Math.max(Accuracy.magnitude(gradient), SMALL * largest);
            for (int i = 0; i < DIRECTIONS; i++) {
                double[] signs = random.ints(gradient.length, 0, 2).mapToDouble(bit -> 2 * bit - 1).toArray();
                assertDerivative(problem, name, signs, both, scale);
            }
            for (int i = 0; i < SINGLE_NUMBERS; i++) {
                double[] unit = new double[gradient.length];
                unit[random.nextInt(unit.length)] = 1;
                assertDerivative(problem, name, unit, both, scale);
            }
        }
    }

    /** What the library says, whose outputs are the oracle's. */
    private static Map<String, double[]> gradients(Problem problem) {
        Map<String, double[]> results = Run.results(device, problem);
        Map<String, double[]> outputs = new HashMap<>(results);
        outputs.keySet().removeIf(name -> name.startsWith("grad."));
        Accuracy.assertClose(problem.spec().toString(), outputs, Oracle.forward(problem),
                Accuracy.bound(DataType.F64));
        results.keySet().removeAll(outputs.keySet());
        problems++;
        return results;
    }

    /** The gradients along a direction; the error is relative to the largest number of the gradient. */
    private static void assertDerivative(Problem problem, String name, double[] direction,
            List<Map<String, double[]>> both, double scale) {
        double expected = DIFFERENCES.converged(problem, name, direction, scale * ERROR / 10);
        for (Map<String, double[]> gradients : both) {
            double[] gradient = gradients.get("grad." + name);
            double actual = 0;
            for (int i = 0; i < gradient.length; i++) {
                actual += gradient[i] * direction[i];
            }
            double error = Math.abs(expected - actual) / scale;
            assertTrue(error < ERROR, () -> name + " errs by " + error + " in " + problem.spec() + ", lengths "
                    + Arrays.toString(problem.lengths()));
            worst = Math.max(worst, error);
        }
    }
}
