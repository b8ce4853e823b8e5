package dev.lnrnn.oracle;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Parts of a problem that see the same data, and draw the same masks, as the whole. */
public final class Slice {

    private Slice() {}

    /** Steps {@code from} to {@code to} of all rows. Lengths are not cut: the problem has none. */
    public static Problem steps(Problem problem, int from, int to) {
        if (problem.lengths() != null) {
            throw new IllegalArgumentException("a problem with lengths is not cut by steps");
        }
        return cut(problem, from, to, 0, problem.batch());
    }

    /** Rows {@code from} to {@code to}, all steps. */
    public static Problem rows(Problem problem, int from, int to) {
        return cut(problem, 0, problem.steps(), from, to);
    }

    /** The part of a (T,N,·) sequence with the given steps and rows. */
    public static double[] of(double[] sequence, int steps, int batch, int t0, int t1, int n0, int n1) {
        int features = steps * batch == 0 ? 0 : sequence.length / (steps * batch);
        double[] part = new double[(t1 - t0) * (n1 - n0) * features];
        copy(sequence, 0, part, 0, features, batch, t0, t1, n0, n1);
        return part;
    }

    private static Problem cut(Problem problem, int t0, int t1, int n0, int n1) {
        int steps = problem.steps();
        int batch = problem.batch();
        int states = problem.states();
        Map<String, double[]> tensors = new LinkedHashMap<>(problem.tensors());
        tensors.replaceAll((name, values) -> switch (name) {
            case "x", "dy" -> of(values, steps, batch, t0, t1, n0, n1);
            case "h0", "c0", "dhn", "dcn" -> of(values, states, batch, 0, states, n0, n1);
            default -> values;
        });
        long[] lengths = problem.lengths() == null ? null : Arrays.copyOfRange(problem.lengths(), n0, n1);
        return new Problem(problem.spec(), t1 - t0, n1 - n0, problem.training(),
                tensors, lengths, zoneoutMask(problem, t0, t1, n0, n1), problem.dropconnectMask(),
                resets(problem, t0, t1, n0, n1), problem.seed(), problem.stepOffset() + t0, problem.rowOffset() + n0);
    }

    private static byte @Nullable [] resets(Problem problem, int t0, int t1, int n0, int n1) {
        byte[] resets = problem.resets();
        if (resets == null) {
            return null;
        }
        byte[] part = new byte[(t1 - t0) * (n1 - n0)];
        copy(resets, 0, part, 0, 1, problem.batch(), t0, t1, n0, n1);
        return part;
    }

    private static byte @Nullable [] zoneoutMask(Problem problem, int t0, int t1, int n0, int n1) {
        byte[] mask = problem.zoneoutMask();
        if (mask == null) {
            return null;
        }
        int width = problem.outputWidth();
        int perState = problem.steps() * problem.batch() * width;
        int partPerState = (t1 - t0) * (n1 - n0) * width;
        byte[] part = new byte[problem.states() * partPerState];
        for (int state = 0; state < problem.states(); state++) {
            copy(mask, state * perState, part, state * partPerState, width, problem.batch(), t0, t1, n0, n1);
        }
        return part;
    }

    /** Between arrays of either type, as {@link System#arraycopy} does. */
    private static void copy(Object source, int sourceAt, Object part, int partAt, int features, int batch,
            int t0, int t1, int n0, int n1) {
        int width = (n1 - n0) * features;
        for (int t = t0; t < t1; t++) {
            System.arraycopy(source, sourceAt + (t * batch + n0) * features,
                    part, partAt + (t - t0) * width, width);
        }
    }
}
