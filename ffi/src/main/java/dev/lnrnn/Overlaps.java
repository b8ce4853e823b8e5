package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds out whether what a call writes overlaps what else it uses. */
final class Overlaps {
    /** Outputs that may be an input, exactly, because each element is read before it is written. */
    private static final List<List<String>> IN_PLACE =
            List.of(List.of("hn", "h0"), List.of("cn", "c0"), List.of("dh0", "dhn"), List.of("dc0", "dcn"));

    /**
     * @param rows where rows of the tensor begin and how long they are; null where it has no gaps
     */
    private record Operand(String name, MemorySegment extent, @Nullable Rows rows, boolean written) {}

    /**
     * Bytes of a tensor with strides: row (t, n) begins t&middot;step + n&middot;row after its beginning. A stride that
     * nothing is multiplied by may have wrapped.
     */
    record Rows(long steps, long batch, long step, long row, long bytes) {}

    private final List<Operand> operands = new ArrayList<>();

    /** Adds what a call uses of an operand. */
    void add(String name, MemorySegment extent, @Nullable Rows rows, boolean written) {
        operands.add(new Operand(name, extent, rows, written));
    }

    /** Refuses outputs that overlap each other: of what they share, only the one that is written last would be right. */
    void checkOutputsApart() {
        checkApart(false);
    }

    /** Refuses outputs that overlap each other or an input, but for the states that may be updated in place. */
    void checkApart() {
        checkApart(true);
    }

    private void checkApart(boolean fromInputs) {
        for (int i = 0; i < operands.size(); i++) {
            for (int j = i + 1; j < operands.size(); j++) {
                Operand one = operands.get(i);
                Operand other = operands.get(j);
                if ((one.written && other.written || fromInputs && (one.written || other.written))
                        && overlap(one, other) && !isInPlace(one, other)) {
                    throw new IllegalArgumentException(one.name + " and " + other.name + " overlap, but "
                            + (other.written ? other.name : one.name) + " is written");
                }
            }
        }
    }

    private static boolean isInPlace(Operand one, Operand other) {
        return one.extent.address() == other.extent.address() && one.extent.byteSize() == other.extent.byteSize()
                && (IN_PLACE.contains(List.of(one.name, other.name))
                        || IN_PLACE.contains(List.of(other.name, one.name)));
    }

    /**
     * Exact but for two tensors with gaps, which may be columns of one matrix: where they are used in place, the native
     * library looks at them, and elsewhere they are copies.
     */
    private static boolean overlap(Operand one, Operand other) {
        if (!meet(one.extent, other.extent) || one.rows != null && other.rows != null) {
            return false;
        }
        return one.rows != null ? anyRowMeets(one, one.rows, other)
                : other.rows == null || anyRowMeets(other, other.rows, one);
    }

    private static boolean anyRowMeets(Operand strided, Rows rows, Operand dense) {
        for (long t = 0; t < rows.steps; t++) {
            for (long n = 0; n < rows.batch; n++) {
                if (meet(strided.extent.asSlice(t * rows.step + n * rows.row, rows.bytes), dense.extent)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Of which the first test, whose answer is nearly always no, makes no objects. */
    private static boolean meet(MemorySegment one, MemorySegment other) {
        return one.address() < other.address() + other.byteSize() && other.address() < one.address() + one.byteSize()
                && one.asOverlappingSlice(other).isPresent();
    }
}
