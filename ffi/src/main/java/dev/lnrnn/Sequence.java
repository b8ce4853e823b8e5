package dev.lnrnn;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The shape of a pass's data: x and dx are (T,N,C), y and dy are (T,N,D&middot;P), resets are (T,N), each with its own
 * strides.
 *
 * {@snippet :
 * Sequence timeMajor = Sequence.timeMajor(100, 32);          // (T,N,features), contiguous
 * Sequence batchMajor = Sequence.batchMajor(spec, 100, 32);  // (N,T,features), contiguous
 * }
 *
 * @param steps time steps T, at least 0
 * @param batch rows N, at least 0
 * @param x strides of x, or null for time-major and contiguous; rows may coincide
 * @param y strides of y, or null as above; rows must not overlap
 * @param dx strides of dx, or null as above; rows must not overlap
 * @param dy strides of dy, or null as above
 * @param resets strides of resets, or null as above
 */
public record Sequence(
        long steps,
        long batch,
        @Nullable Strides x,
        @Nullable Strides y,
        @Nullable Strides dx,
        @Nullable Strides dy,
        @Nullable Strides resets) {

    /**
     * Checks the sizes.
     *
     * @throws IllegalArgumentException if steps or batch is negative
     */
    public Sequence {
        checkNotNegative("steps", steps);
        checkNotNegative("batch", batch);
    }

    /**
     * {@return contiguous tensors with time outermost: (T,N,features)}
     *
     * @param steps time steps T, at least 0
     * @param batch rows N, at least 0
     */
    public static Sequence timeMajor(long steps, long batch) {
        return new Sequence(steps, batch, null, null, null, null, null);
    }

    /**
     * {@return contiguous tensors with the batch outermost: (N,T,features)}
     *
     * @param spec the layer, whose feature counts the strides need
     * @param steps time steps T, at least 0
     * @param batch rows N, at least 0
     * @throws IllegalArgumentException if a stride exceeds 64 bits
     */
    public static Sequence batchMajor(LayerSpec spec, long steps, long batch) {
        Objects.requireNonNull(spec, "spec");
        checkNotNegative("steps", steps);
        checkNotNegative("batch", batch);
        try {
            Strides input = new Strides(spec.inputSize(), Math.multiplyExact(steps, spec.inputSize()));
            Strides output = new Strides(spec.outputSize(), Math.multiplyExact(steps, spec.outputSize()));
            return new Sequence(steps, batch, input, output, input, output, new Strides(1, steps));
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("steps is " + steps + ", too many for strides of 64 bits", e);
        }
    }

    /**
     * {@return this sequence with other strides of x}
     *
     * @param x the strides, or null for time-major and contiguous
     */
    public Sequence withX(@Nullable Strides x) {
        return new Sequence(steps, batch, x, y, dx, dy, resets);
    }

    /**
     * {@return this sequence with other strides of y}
     *
     * @param y the strides, or null for time-major and contiguous
     */
    public Sequence withY(@Nullable Strides y) {
        return new Sequence(steps, batch, x, y, dx, dy, resets);
    }

    /**
     * {@return this sequence with other strides of dx}
     *
     * @param dx the strides, or null for time-major and contiguous
     */
    public Sequence withDx(@Nullable Strides dx) {
        return new Sequence(steps, batch, x, y, dx, dy, resets);
    }

    /**
     * {@return this sequence with other strides of dy}
     *
     * @param dy the strides, or null for time-major and contiguous
     */
    public Sequence withDy(@Nullable Strides dy) {
        return new Sequence(steps, batch, x, y, dx, dy, resets);
    }

    /**
     * {@return this sequence with other strides of resets}
     *
     * @param resets the strides, or null for time-major and contiguous
     */
    public Sequence withResets(@Nullable Strides resets) {
        return new Sequence(steps, batch, x, y, dx, dy, resets);
    }

    private static void checkNotNegative(String name, long value) {
        if (value < 0) {
            throw new IllegalArgumentException(name + " is " + value + ", expected at least 0");
        }
    }
}
