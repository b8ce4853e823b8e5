package dev.lnrnn.oracle;

import static dev.lnrnn.oracle.Algebra.dot;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * What the library computes, in double precision, row by row and step by step from the formulas, with no care
 * for speed and nothing in common with the library. Forward only: gradients are {@link FiniteDifferences} of
 * its loss.
 */
public final class Oracle {

    private final Problem problem;
    private final int steps;
    private final int batch;
    private final int width;
    private final int cellWidth;
    private final Zoneout zoneout;
    private final Zoneout zoneoutCell;
    private final double[] candidates;
    private final double[] hn;
    private final double[] cn;

    private Oracle(Problem problem) {
        this.problem = problem;
        steps = problem.steps();
        batch = problem.batch();
        width = problem.outputWidth();
        cellWidth = problem.hasCell() ? problem.hidden() : 0;
        double p = problem.spec().zoneout();
        byte[] given = problem.zoneoutMask();
        zoneout = new Zoneout(p, draws(p) ? given != null ? given : Masks.zoneout(problem) : null);
        double pCell = problem.spec().zoneoutCell();
        zoneoutCell = new Zoneout(pCell, draws(pCell) ? Masks.zoneoutCell(problem) : null);
        candidates = candidates();
        hn = problem.tensor("h0").clone();
        cn = problem.hasCell() ? problem.tensor("c0").clone() : new double[0];
    }

    /** {@code y, hn} and, for an LSTM, {@code cn} of the problem. */
    public static Map<String, double[]> forward(Problem problem) {
        return new Oracle(problem).run();
    }

    /** The scalar whose gradients the problem asks for: Σ y·dy + Σ hn·dhn + Σ cn·dcn. */
    public static double loss(Problem problem) {
        return loss(problem, forward(problem));
    }

    /** The same from outputs that something else computed. */
    public static double loss(Problem problem, Map<String, double[]> outputs) {
        double loss = dot(outputs.get("y"), problem.tensor("dy")) + dot(outputs.get("hn"), problem.tensor("dhn"));
        return problem.hasCell() ? loss + dot(outputs.get("cn"), problem.tensor("dcn")) : loss;
    }

    private Map<String, double[]> run() {
        double[] sequence = problem.tensor("x");
        for (int layer = 0; layer < problem.layers(); layer++) {
            double[] y = new double[steps * batch * problem.outputs()];
            for (int direction = 0; direction < problem.directions(); direction++) {
                Weights weights = new Weights(problem, layer, direction);
                Cell cell = Cell.of(weights, recurrent(weights));
                for (int n = 0; n < batch; n++) {
                    run(cell, layer, direction, n, sequence, y);
                }
            }
            sequence = layer == problem.layers() - 1 ? y : dropped(y, layer);
        }
        Map<String, double[]> outputs = new HashMap<>(Map.of("y", sequence, "hn", hn));
        if (problem.hasCell()) {
            outputs.put("cn", cn);
        }
        return outputs;
    }

    /** Row n through one direction of a layer: fills its part of y, and its final state. */
    private void run(Cell cell, int layer, int direction, int n, double[] x, double[] y) {
        int inputs = problem.inputs(layer);
        int state = layer * problem.directions() + direction;
        int stateRow = state * batch + n;
        double[] h = Arrays.copyOfRange(hn, stateRow * width, (stateRow + 1) * width);
        double[] c = Arrays.copyOfRange(cn, stateRow * cellWidth, (stateRow + 1) * cellWidth);
        int length = problem.length(n);
        for (int i = 0; i < length; i++) {
            int t = direction == 0 ? i : length - 1 - i;
            int row = t * batch + n;
            if (problem.beginsAnew(t, n, direction)) {
                h = new double[h.length];
                c = new double[c.length];
            }
            int maskRow = state * steps * batch + row;
            Cell.State fresh = cell.step(Arrays.copyOfRange(x, row * inputs, (row + 1) * inputs), h, c,
                    problem.hasCell()
                            ? Arrays.copyOfRange(candidates, maskRow * cellWidth, (maskRow + 1) * cellWidth)
                            : new double[0]);
            h = zoneout.apply(h, fresh.h(), maskRow * width);
            c = zoneoutCell.apply(c, fresh.c(), maskRow * cellWidth);
            System.arraycopy(h, 0, y, (row * problem.directions() + direction) * width, width);
        }
        System.arraycopy(h, 0, hn, stateRow * width, width);
        System.arraycopy(c, 0, cn, stateRow * cellWidth, cellWidth);
    }

    /** What i g of each state, step, row and unit of an LSTM is multiplied by. */
    private double[] candidates() {
        double[] ones = new double[problem.states() * steps * batch * cellWidth];
        Arrays.fill(ones, 1);
        double p = problem.spec().dropoutCandidate();
        return draws(p) ? dropped(ones, Masks.dropoutCandidate(problem), 0, p) : ones;
    }

    /** weight_hh as DropConnect leaves it. */
    private double[] recurrent(Weights weights) {
        double p = problem.spec().dropconnect();
        double[] matrix = weights.get("weight_hh");
        if (!draws(p)) {
            return matrix;
        }
        byte[] given = problem.dropconnectMask();
        byte[] mask = given != null ? given : Masks.dropconnect(problem);
        int state = weights.layer() * problem.directions() + weights.direction();
        return dropped(matrix, mask, state * matrix.length, p);
    }

    /** The output of a layer as the next one reads it. */
    private double[] dropped(double[] y, int layer) {
        double p = problem.spec().dropout();
        return draws(p) ? dropped(y, Masks.dropout(problem, layer), 0, p) : y;
    }

    /** What the mask keeps, from {@code maskAt} on, scaled so that its expectation is what it was. */
    private static double[] dropped(double[] values, byte[] mask, int maskAt, double p) {
        double[] kept = new double[values.length];
        for (int i = 0; i < kept.length; i++) {
            kept[i] = mask[maskAt + i] != 0 && p < 1 ? values[i] / (1 - p) : 0;
        }
        return kept;
    }

    private boolean draws(double probability) {
        return problem.training() && probability > 0;
    }
}
