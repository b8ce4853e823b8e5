package dev.lnrnn;

import org.jspecify.annotations.Nullable;

/**
 * Where the elements of a (T,N,features) tensor are.
 *
 * @param bytes from the first element to the end of the last
 * @param rows where they begin and how long they are; null where the elements fill the extent
 */
record TensorExtent(Strides strides, long bytes, Overlaps.@Nullable Rows rows) {

    /** Without strides it is time-major and contiguous; throws beyond 64 bits. */
    static TensorExtent of(Sequence sequence, @Nullable Strides given, long features, int elementBytes) {
        long steps = sequence.steps();
        long batch = sequence.batch();
        Strides strides = given != null ? given : new Strides(Math.multiplyExact(batch, features), features);
        long bytes = Math.multiplyExact(strides.extent(steps, batch, features), elementBytes);
        // Where rows do not overlap, their number decides whether there are gaps.
        long filled = Math.multiplyExact(Math.multiplyExact(Math.multiplyExact(steps, batch), features), elementBytes);
        return new TensorExtent(strides, bytes, bytes == filled ? null : new Overlaps.Rows(
                steps, batch, strides.step() * elementBytes, strides.row() * elementBytes, features * elementBytes));
    }

    /** Whether the elements fill the extent. */
    boolean isDense() {
        return rows == null;
    }
}
