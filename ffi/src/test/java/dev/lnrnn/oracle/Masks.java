package dev.lnrnn.oracle;

import dev.lnrnn.Regularization;

/**
 * The random masks of a training pass as numerics defines them: 1 keeps (updates), 0 drops. A draw depends on
 * the place it is for and on nothing else, so that chunks and single rows draw what the whole run draws.
 */
public final class Masks {

    static final int ZONEOUT = 1;
    static final int ZONEOUT_CELL = 2;
    static final int DROPCONNECT = 3;
    static final int DROPOUT = 4;
    static final int DROPOUT_CANDIDATE = 6;

    private Masks() {}

    /** Zoneout of h, (L·D,T,N,P). */
    public static byte[] zoneout(Problem problem) {
        return ofStates(problem, ZONEOUT, problem.outputWidth(), problem.spec().zoneout());
    }

    /** Zoneout of the carried c, (L·D,T,N,H). */
    public static byte[] zoneoutCell(Problem problem) {
        return ofStates(problem, ZONEOUT_CELL, problem.hidden(), problem.spec().zoneoutCell());
    }

    /** Dropout of an LSTM's candidate, (L·D,T,N,H). */
    public static byte[] dropoutCandidate(Problem problem) {
        return ofStates(problem, DROPOUT_CANDIDATE, problem.hidden(), problem.spec().dropoutCandidate());
    }

    /** DropConnect, (L·D,G·H,P): one mask for the whole sequence. */
    public static byte[] dropconnect(Problem problem) {
        int columns = problem.outputWidth();
        int rows = problem.spec().cell().gates() * problem.hidden();
        byte[] mask = new byte[problem.states() * rows * columns];
        int i = 0;
        for (int state = 0; state < problem.states(); state++) {
            int stream = stream(problem, DROPCONNECT, state);
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < columns; column++) {
                    int word = word(problem.seed(), column, row, 0, stream);
                    mask[i++] = keeps(word, problem.spec().dropconnect());
                }
            }
        }
        return mask;
    }

    /** Dropout of the output of a layer, (T,N,D·P), the same in every step where it is variational. */
    public static byte[] dropout(Problem problem, int layer) {
        byte[] mask = new byte[problem.steps() * problem.batch() * problem.outputs()];
        int stream = stream(DROPOUT, 0, layer);
        Regularization drawn = problem.spec().regularization();
        fill(problem, mask, 0, problem.outputs(), stream, drawn.dropout(), drawn.variationalDropout());
        return mask;
    }

    private static byte[] ofStates(Problem problem, int kind, int width, double probability) {
        int perState = problem.steps() * problem.batch() * width;
        byte[] mask = new byte[problem.states() * perState];
        for (int state = 0; state < problem.states(); state++) {
            int stream = stream(problem, kind, state);
            fill(problem, mask, state * perState, width, stream, probability, false);
        }
        return mask;
    }

    /** One sequence (T,N,features) from element {@code at} on. */
    private static void fill(Problem problem, byte[] mask, int at, int features, int stream, double probability,
            boolean sameForAllSteps) {
        int i = at;
        for (int t = 0; t < problem.steps(); t++) {
            long step = sameForAllSteps ? 0 : problem.stepOffset() + t;
            for (int n = 0; n < problem.batch(); n++) {
                for (int feature = 0; feature < features; feature++) {
                    int word = word(problem.seed(), feature, step, problem.rowOffset() + n, stream);
                    mask[i++] = keeps(word, probability);
                }
            }
        }
    }

    private static int stream(Problem problem, int kind, int state) {
        return stream(kind, state % problem.directions(), state / problem.directions());
    }

    /** The last word of the counter: what is drawn, and for which direction of which layer. */
    static int stream(int kind, int direction, int layer) {
        return kind << 24 | direction << 23 | layer;
    }

    /** Four features share a counter. */
    static int word(long seed, long feature, long c1, long c2, int stream) {
        return Philox.words(seed, (int) (feature / 4), (int) c1, (int) c2, stream)[(int) (feature % 4)];
    }

    static byte keeps(int word, double dropProbability) {
        long threshold = (long) Math.floor((1 - dropProbability) * 0x1p32);
        return (byte) (Integer.toUnsignedLong(word) < threshold ? 1 : 0);
    }
}
