package dev.lnrnn.oracle;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** Gradients without any calculus: how much the loss moves when one number does. */
public final class FiniteDifferences {

    /** Balances the stencil's truncation, of the fourth order, against rounding of the loss. */
    private static final double STEP = 5e-4;

    private FiniteDifferences() {}

    /** {@code grad.NAME} of the oracle's loss by everything that has a gradient. */
    public static Map<String, double[]> gradients(Problem problem) {
        return gradients(problem, OracleLstm::loss);
    }

    /** The same for a loss of the caller's, which sees the problem with one number changed. */
    public static Map<String, double[]> gradients(Problem problem, ToDoubleFunction<Problem> loss) {
        Map<String, double[]> gradients = new LinkedHashMap<>();
        for (String name : problem.differentiable()) {
            double[] values = problem.tensor(name).clone();
            Problem moved = problem.with(name, values);
            double[] gradient = new double[values.length];
            for (int i = 0; i < values.length; i++) {
                gradient[i] = derivative(moved, values, i, loss);
            }
            gradients.put("grad." + name, gradient);
        }
        return gradients;
    }

    /** The five-point stencil around {@code values[i]}, which is left as it was. */
    private static double derivative(Problem moved, double[] values, int i, ToDoubleFunction<Problem> loss) {
        double center = values[i];
        double[] at = new double[5];
        for (int k = -2; k <= 2; k++) {
            if (k != 0) {
                values[i] = center + k * STEP;
                at[k + 2] = loss.applyAsDouble(moved);
            }
        }
        values[i] = center;
        return (at[0] - 8 * at[1] + 8 * at[3] - at[4]) / (12 * STEP);
    }
}
