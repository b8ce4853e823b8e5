package dev.lnrnn;

import dev.lnrnn.raw.lnrnnSequence_t;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The struct that a run hands to the native library, with the lengths behind it. It is filled before anybody else sees it
 * and never written again: a change of settings makes another one. Its memory is garbage-collected, and cannot be while
 * a call is given it.
 *
 * @param struct all of its memory
 * @param bytes of the struct itself
 * @param sequenceOffset where its sequence begins
 * @param settings what the sequence holds
 */
record PassArguments(MemorySegment struct, long bytes, long sequenceOffset, SequenceSettings settings) {
    private static final long ALIGNMENT = 64;

    /** Memory for a struct, all 0: a cache line begins with it, for the library begins with a copy. */
    static MemorySegment allocate(long bytes) {
        return Arena.ofAuto().allocate(bytes, ALIGNMENT);
    }

    /** Fills a struct's sequence, with the default settings. */
    static PassArguments of(MemorySegment struct, long sequenceOffset, Sequence sequence) {
        MemorySegment member = struct.asSlice(sequenceOffset, lnrnnSequence_t.sizeof());
        lnrnnSequence_t.steps(member, sequence.steps());
        lnrnnSequence_t.batch(member, sequence.batch());
        return new PassArguments(struct, struct.byteSize(), sequenceOffset, SequenceSettings.DEFAULTS);
    }

    /** The same with other settings. */
    PassArguments with(SequenceSettings changed) {
        long[] lengths = changed.lengths();
        // A pointer to no lengths has to point somewhere, too: NULL means something else.
        long count = lengths == null ? 0 : Math.max(1, lengths.length);
        MemorySegment copy = copy(count * Long.BYTES);
        MemorySegment sequence = copy.asSlice(sequenceOffset, lnrnnSequence_t.sizeof());
        lnrnnSequence_t.seed(sequence, changed.seed());
        lnrnnSequence_t.stepOffset(sequence, changed.stepOffset());
        lnrnnSequence_t.rowOffset(sequence, changed.rowOffset());
        if (lengths == null) {
            lnrnnSequence_t.lengths(sequence, MemorySegment.NULL);
        } else {
            MemorySegment.copy(lengths, 0, copy, ValueLayout.JAVA_LONG, bytes, lengths.length);
            lnrnnSequence_t.lengths(sequence, copy.asSlice(bytes));
        }
        return new PassArguments(copy, bytes, sequenceOffset, changed);
    }

    /** The same with another 32-bit member. */
    PassArguments with(long offset, int value) {
        MemorySegment copy = copy(0);
        copy.set(ValueLayout.JAVA_INT, offset, value);
        return new PassArguments(copy, bytes, sequenceOffset, settings).with(settings);
    }

    /** The struct alone, to be changed before it is shown to others, with so much room behind it. */
    private MemorySegment copy(long room) {
        MemorySegment copy = allocate(bytes + room);
        MemorySegment.copy(struct, 0, copy, 0, bytes);
        return copy;
    }
}
