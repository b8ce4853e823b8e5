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

    private record Operand(String name, MemorySegment extent, @Nullable Rows rows, boolean written) {
        /** Whether a byte is in both. The first question, whose answer is nearly always no, makes no objects. */
        boolean overlaps(Operand other) {
            return extent.address() < other.extent.address() + other.extent.byteSize()
                    && other.extent.address() < extent.address() + extent.byteSize()
                    && extent.asOverlappingSlice(other.extent).isPresent()
                    && allRows().meet(extent.address(), other.allRows(), other.extent.address());
        }

        private Rows allRows() {
            return rows != null ? rows : Rows.whole(extent.byteSize());
        }
    }

    private final List<Operand> operands = new ArrayList<>();

    /**
     * Adds what a call uses of an operand. Nothing overlaps memory of no bytes.
     *
     * @param rows where rows of the tensor lie in the extent; null where it has no gaps
     */
    void add(String name, MemorySegment extent, @Nullable Rows rows, boolean written) {
        if (extent.byteSize() > 0) {
            operands.add(new Operand(name, extent, rows, written));
        }
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
                        && one.overlaps(other) && !isInPlace(one, other)) {
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
}
