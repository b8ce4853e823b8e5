package dev.lnrnn.oracle;

/**
 * The random masks of a training pass as numerics defines them: 1 keeps (updates), 0 drops. A draw depends on
 * the place it is for and on nothing else, so that chunks and single rows draw what the whole run draws.
 */
public final class Masks {

    private static final int ZONEOUT = 1;
    private static final int ZONEOUT_CELL = 2;
    private static final int DROPCONNECT = 3;

    private Masks() {}

    /** Zoneout of h, (T,N,H). */
    public static byte[] zoneout(Problem problem) {
        return perStep(problem, ZONEOUT, problem.spec().zoneout());
    }

    /** Zoneout of the carried c, (T,N,H). */
    public static byte[] zoneoutCell(Problem problem) {
        return perStep(problem, ZONEOUT_CELL, problem.spec().zoneoutCell());
    }

    /** DropConnect, (4H,H): one mask for the whole sequence. */
    public static byte[] dropconnect(Problem problem) {
        int hidden = problem.hidden();
        byte[] mask = new byte[4 * hidden * hidden];
        for (int row = 0; row < 4 * hidden; row++) {
            for (int column = 0; column < hidden; column++) {
                mask[row * hidden + column] =
                        draw(problem.seed(), column, row, 0, DROPCONNECT, problem.spec().dropconnect());
            }
        }
        return mask;
    }

    private static byte[] perStep(Problem problem, int kind, double probability) {
        int hidden = problem.hidden();
        byte[] mask = new byte[problem.steps() * problem.batch() * hidden];
        int i = 0;
        for (int t = 0; t < problem.steps(); t++) {
            for (int n = 0; n < problem.batch(); n++) {
                for (int feature = 0; feature < hidden; feature++) {
                    long step = problem.stepOffset() + t;
                    long row = problem.rowOffset() + n;
                    mask[i++] = draw(problem.seed(), feature, step, row, kind, probability);
                }
            }
        }
        return mask;
    }

    /** For layer 0, forward direction, whose stream word holds the kind alone. */
    private static byte draw(long seed, int feature, long c1, long c2, int kind, double probability) {
        int[] words = Philox.words(seed, feature / 4, (int) c1, (int) c2, kind << 24);
        long word = Integer.toUnsignedLong(words[feature % 4]);
        long threshold = (long) Math.floor((1 - probability) * 0x1p32);
        return (byte) (word < threshold ? 1 : 0);
    }
}
