package dev.lnrnn;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What may change between two runs over a {@link Sequence}. Immutable, so that a run sees all of a change or nothing.
 *
 * @param lengths of the rows, never written to; null for T each
 */
record SequenceSettings(long @Nullable [] lengths, long seed, long stepOffset, long rowOffset) {
    static final SequenceSettings DEFAULTS = new SequenceSettings(null, 0, 0, 0);
    private static final long MAX_OFFSET = 1L << 32;

    SequenceSettings withLengths(Sequence sequence, long @Nullable [] values) {
        if (Arrays.equals(values, lengths)) {
            return this;
        }
        if (values == null) {
            return new SequenceSettings(null, seed, stepOffset, rowOffset);
        }
        if (values.length != sequence.batch()) {
            throw new IllegalArgumentException("lengths has " + values.length + " elements, expected "
                    + sequence.batch() + ", one for each row");
        }
        long[] copy = values.clone();
        for (int n = 0; n < copy.length; n++) {
            if (copy[n] < 0 || copy[n] > sequence.steps()) {
                throw new IllegalArgumentException(
                        "lengths[" + n + "] is " + copy[n] + ", expected 0..." + sequence.steps());
            }
        }
        return new SequenceSettings(copy, seed, stepOffset, rowOffset);
    }

    SequenceSettings withSeed(long value) {
        return value == seed ? this : new SequenceSettings(lengths, value, stepOffset, rowOffset);
    }

    SequenceSettings withOffsets(Sequence sequence, long step, long row) {
        checkOffset("step", step, sequence.steps());
        checkOffset("row", row, sequence.batch());
        return new SequenceSettings(lengths, seed, step, row);
    }

    private static void checkOffset(String name, long value, long extent) {
        if (value < 0 || value > MAX_OFFSET - extent) {
            throw new IllegalArgumentException(
                    name + " is " + value + ", expected 0..." + Math.max(0, MAX_OFFSET - extent));
        }
    }
}
