package dev.lnrnn;

import org.jspecify.annotations.Nullable;

/**
 * Where the elements of a (T,N,features) tensor are.
 *
 * @param bytes from the first element to the end of the last
 * @param rows where they lie; null where the elements fill the extent
 */
record TensorExtent(Sequence sequence, Strides strides, long features, long bytes, @Nullable Rows rows) {

    /** Without strides it is time-major and contiguous; throws beyond 64 bits. */
    static TensorExtent of(Sequence sequence, @Nullable Strides given, long features, int elementBytes) {
        long steps = sequence.steps();
        long batch = sequence.batch();
        Strides strides = given != null ? given : new Strides(Math.multiplyExact(batch, features), features);
        long bytes = Math.multiplyExact(strides.extent(steps, batch, features), elementBytes);
        // Where rows do not overlap, their number decides whether there are gaps.
        long filled = Math.multiplyExact(Math.multiplyExact(Math.multiplyExact(steps, batch), features), elementBytes);
        return new TensorExtent(sequence, strides, features, bytes, bytes == filled ? null : new Rows(
                steps, strides.step() * elementBytes, batch, strides.row() * elementBytes, features * elementBytes));
    }

    /** Whether the elements fill the extent. */
    boolean isDense() {
        return rows == null;
    }

    /** Refuses a tensor that is written, if its rows overlap. */
    void checkRowsApart(String name) {
        long steps = sequence.steps();
        long batch = sequence.batch();
        if (bytes > 0 && !areApart(steps, strides.step(), batch, strides.row())
                && !areApart(batch, strides.row(), steps, strides.step())) {
            throw new IllegalArgumentException("rows of " + name + " overlap: strides " + strides.step()
                    + " (step) and " + strides.row() + " (row), " + features + " features");
        }
    }

    /** Whether each outer index has a place of its own, clear of the inner index's rows, which have theirs. */
    private boolean areApart(long outer, long outerStride, long inner, long innerStride) {
        // No more than the tensor's own extent, unless nothing is multiplied by the stride.
        long extent = inner == 1 ? features : (inner - 1) * innerStride + features;
        return (inner == 1 || innerStride >= features) && (outer == 1 || outerStride >= extent);
    }
}
