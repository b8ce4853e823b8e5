package dev.lnrnn;

/**
 * The distances between the elements of a (T,N,features) tensor: element (t, n, j) has the index t&middot;step +
 * n&middot;row + j.
 *
 * @param step elements from one time step to the next, at least 0
 * @param row elements from one batch row to the next, at least 0
 */
public record Strides(long step, long row) {
    /**
     * Checks the strides.
     *
     * @throws IllegalArgumentException if a stride is negative
     */
    public Strides {
        if (step < 0 || row < 0) {
            throw new IllegalArgumentException("strides are (" + step + ", " + row + "), expected at least 0");
        }
    }

    /** Elements from the first to the end of the last, of rows with so many features; throws beyond 64 bits. */
    long extent(long steps, long batch, long features) {
        if (steps == 0 || batch == 0) {
            return 0;
        }
        long toLast = Math.addExact(Math.multiplyExact(steps - 1, step), Math.multiplyExact(batch - 1, row));
        return Math.addExact(toLast, features);
    }
}
