package dev.lnrnn;

import dev.lnrnn.oracle.Problem;
import dev.lnrnn.oracle.Slice;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Results taken apart, and results of parts put together. */
final class Parts {

    private Parts() {}

    /** Names of the results that have a part for each row. */
    static List<String> perRow(Problem problem) {
        return problem.hasCell()
                ? List.of("y", "hn", "cn", "grad.x", "grad.h0", "grad.c0")
                : List.of("y", "hn", "grad.x", "grad.h0");
    }

    /** Row n of a result of a problem. */
    static double[] row(Problem problem, Map<String, double[]> results, String name, int n) {
        int steps = name.equals("y") || name.equals("grad.x") ? problem.steps() : problem.states();
        return Slice.of(results.get(name), steps, problem.batch(), 0, steps, n, n + 1);
    }

    /** The gradients of the parameters. */
    static Map<String, double[]> ofParameters(Problem problem, Map<String, double[]> results) {
        Map<String, double[]> gradients = new HashMap<>();
        problem.parameters().forEach(name -> gradients.put("grad." + name, results.get("grad." + name)));
        return gradients;
    }

    /** The gradients of the parameters of two runs, added. */
    static Map<String, double[]> summed(Problem problem, Map<String, double[]> a, Map<String, double[]> b) {
        Map<String, double[]> sums = ofParameters(problem, a);
        sums.replaceAll((name, values) -> sum(values, b.get(name)));
        return sums;
    }

    static double[] sum(double[] a, double[] b) {
        double[] sum = a.clone();
        for (int i = 0; i < sum.length; i++) {
            sum[i] += b[i];
        }
        return sum;
    }

    static double[] concatenated(double[] first, double[] second) {
        double[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return all;
    }

    /** Two sequences side by side: of each row first the one's features, then the other's. */
    static double[] sideBySide(double[] first, double[] second, int features) {
        double[] all = new double[first.length + second.length];
        for (int at = 0; at < first.length; at += features) {
            System.arraycopy(first, at, all, 2 * at, features);
            System.arraycopy(second, at, all, 2 * at + features, features);
        }
        return all;
    }
}
