package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.oracle.FiniteDifferences;
import dev.lnrnn.oracle.Oracle;
import dev.lnrnn.oracle.Problem;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The oracle against the reference cases, before anything is held against the oracle. */
class OracleReferenceTest {

    /** Every case is differentiable on the scale of one of them. */
    private static final double[] STEPS = {1e-3, 1e-4, 1e-5, 1e-6, 1e-7};
    /** Finite differences that lose more say nothing. */
    private static final double WORST_DIFFERENCES = 1e-5;
    /** Beyond rounding, which may agree by chance, two estimates differ about as much as one of them errs. */
    private static final double ROUNDING = 1e-9;
    private static final double MARGIN = 10;
    private static final int NUMBERS_PER_TENSOR = 6;

    static Stream<CaseFile> cases() {
        return CaseFile.all().stream();
    }

    static Stream<CaseFile> trainingCases() {
        return cases().filter(file -> file.problem(DataType.F64).training());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void computesTheSame(CaseFile file) {
        Map<String, double[]> expected = file.expected();
        expected.keySet().removeIf(name -> name.startsWith("grad."));
        Accuracy.assertClose(file.name(), Oracle.forward(file.problem(DataType.F64)), expected,
                file.bound(DataType.F64));
    }

    /**
     * A few numbers of every gradient. The tolerance is what the method itself loses: how far it is from itself
     * with a step ten times smaller, where that is least.
     */
    @ParameterizedTest
    @MethodSource("trainingCases")
    void hasTheSameGradients(CaseFile file) {
        Map<String, double[]> expected = file.expected();
        expected.keySet().removeIf(name -> !name.startsWith("grad."));
        List<Map<String, double[]>> estimates = DoubleStream.of(STEPS)
                .mapToObj(step -> estimated(file.problem(DataType.F64), expected, step)).toList();
        int best = 1;
        double loss = Double.POSITIVE_INFINITY;
        for (int i = 1; i < estimates.size(); i++) {
            double change = Accuracy.of(estimates.get(i - 1), estimates.get(i)).gradients();
            if (change < loss) {
                best = i;
                loss = change;
            }
        }
        assertTrue(loss < WORST_DIFFERENCES, "finite differences of " + file + " lose " + loss);
        Accuracy.assertClose(file.name(), estimates.get(best), expected,
                new Accuracy(0, MARGIN * loss + ROUNDING));
    }

    /** The expected gradients, but for some numbers that are replaced by finite differences of the oracle. */
    private static Map<String, double[]> estimated(Problem problem, Map<String, double[]> expected, double step) {
        Random random = new Random(7);
        FiniteDifferences differences = new FiniteDifferences(step);
        Map<String, double[]> estimated = new HashMap<>();
        for (String name : problem.differentiable()) {
            double[] gradient = expected.get("grad." + name).clone();
            for (int i : random.ints(NUMBERS_PER_TENSOR, 0, gradient.length).toArray()) {
                gradient[i] = differences.at(problem, name, i);
            }
            estimated.put("grad." + name, gradient);
        }
        return estimated;
    }
}
