package dev.lnrnn.oracle;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Gradients without any calculus: how much the loss moves when the numbers do.
 *
 * @param step half the reach of the five-point stencil, small against the scale on which the loss bends
 */
public record FiniteDifferences(double step) {

    private static final int MOST_HALVINGS = 4;

    /** Balances the stencil's truncation, of the fourth order, against rounding of the loss. */
    public static final FiniteDifferences OF_ORDINARY_DATA = new FiniteDifferences(5e-4);

    /** {@code grad.NAME} of the oracle's loss by everything that has a gradient. */
    public Map<String, double[]> gradients(Problem problem) {
        return gradients(problem, Oracle::loss);
    }

    /** The same for a loss of the caller's, which is given the problem with one number changed. */
    public Map<String, double[]> gradients(Problem problem, ToDoubleFunction<Problem> loss) {
        Map<String, double[]> gradients = new LinkedHashMap<>();
        for (String name : problem.differentiable()) {
            double[] gradient = new double[problem.tensor(name).length];
            double[] direction = new double[gradient.length];
            for (int i = 0; i < gradient.length; i++) {
                direction[i] = 1;
                gradient[i] = along(problem, name, direction, loss);
                direction[i] = 0;
            }
            gradients.put("grad." + name, gradient);
        }
        return gradients;
    }

    /** The derivative of the oracle's loss by one number of a tensor. */
    public double at(Problem problem, String name, int index) {
        double[] direction = new double[problem.tensor(name).length];
        direction[index] = 1;
        return along(problem, name, direction);
    }

    /** The derivative of the oracle's loss when one tensor moves along {@code direction}. */
    public double along(Problem problem, String name, double[] direction) {
        return along(problem, name, direction, Oracle::loss);
    }

    /**
     * The same, but with half the step, and half of that, until that changes no more than {@code tolerance}: for
     * losses that bend sharply here and there.
     */
    public double converged(Problem problem, String name, double[] direction, double tolerance) {
        double before = along(problem, name, direction);
        double finer = step;
        double now = before;
        for (int halving = 0; halving < MOST_HALVINGS; halving++) {
            finer /= 2;
            now = new FiniteDifferences(finer).along(problem, name, direction);
            if (Math.abs(now - before) <= tolerance) {
                break;
            }
            before = now;
        }
        return now;
    }

    private double along(Problem problem, String name, double[] direction, ToDoubleFunction<Problem> loss) {
        double[] losses = new double[4];
        int[] places = {-2, -1, 1, 2};
        for (int k = 0; k < places.length; k++) {
            double[] moved = problem.tensor(name).clone();
            for (int i = 0; i < moved.length; i++) {
                moved[i] += places[k] * step * direction[i];
            }
            losses[k] = loss.applyAsDouble(problem.with(name, moved));
        }
        return (losses[0] - 8 * losses[1] + 8 * losses[2] - losses[3]) / (12 * step);
    }
}
