package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The host segments of one call. All of them are checked before the first is read or written, so that a call that is
 * refused has changed nothing.
 */
final class HostOperands {
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

    private final LayerSpec spec;
    private final List<Operand> operands = new ArrayList<>();

    HostOperands(LayerSpec spec) {
        this.spec = spec;
    }

    /** Those of a forward pass, of inference or of training. */
    static HostOperands ofForward(LayerSpec spec, SequenceArguments extents, long stateBytes, MemorySegment x,
            @Nullable MemorySegment h0, @Nullable MemorySegment c0, @Nullable MemorySegment y,
            @Nullable MemorySegment hn, @Nullable MemorySegment cn) {
        return new HostOperands(spec)
                .read("x", x, extents.xBytes, extents.xRows())
                .read("h0", h0, stateBytes)
                .readCell("c0", c0, stateBytes)
                .written("y", y, extents.yBytes, extents.yRows())
                .written("hn", hn, stateBytes)
                .writtenCell("cn", cn, stateBytes);
    }

    HostOperands read(String name, @Nullable MemorySegment host, long bytes) {
        return read(name, host, bytes, null);
    }

    HostOperands read(String name, @Nullable MemorySegment host, long bytes, @Nullable Rows rows) {
        return add(name, host, bytes, rows, false);
    }

    HostOperands written(String name, @Nullable MemorySegment host, long bytes, @Nullable Rows rows) {
        if (host != null && host.isReadOnly()) {
            throw new IllegalArgumentException(name + " is read-only, but is written");
        }
        return add(name, host, bytes, rows, true);
    }

    HostOperands written(String name, @Nullable MemorySegment host, long bytes) {
        return written(name, host, bytes, null);
    }

    /** What only an LSTM has. */
    HostOperands readCell(String name, @Nullable MemorySegment host, long bytes) {
        checkCell(name, host);
        return read(name, host, bytes);
    }

    /** What only an LSTM has. */
    HostOperands writtenCell(String name, @Nullable MemorySegment host, long bytes) {
        checkCell(name, host);
        return written(name, host, bytes);
    }

    private void checkCell(String name, @Nullable MemorySegment host) {
        if (host != null && !spec.cell().carriesCell()) {
            throw new IllegalArgumentException(name + " is the LSTM's, expected null for " + spec.cell());
        }
    }

    private HostOperands add(
            String name, @Nullable MemorySegment host, long bytes, @Nullable Rows rows, boolean written) {
        if (host == null) {
            return this;
        }
        if (host.byteSize() < bytes) {
            throw new IllegalArgumentException(
                    name + " has " + host.byteSize() + " bytes, but " + bytes + " are needed");
        }
        if (!host.scope().isAlive()) {
            throw new IllegalStateException(name + " is closed");
        }
        if (!host.isAccessibleBy(Thread.currentThread())) {
            throw new WrongThreadException(name + " is confined to another thread");
        }
        operands.add(new Operand(name, host.asSlice(0, bytes), rows, written));
        return this;
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
            for (Operand other : operands.subList(i + 1, operands.size())) {
                Operand one = operands.get(i);
                if ((one.written && other.written || fromInputs && (one.written || other.written))
                        && overlap(one, other) && !isInPlace(one, other)) {
                    throw new IllegalArgumentException(one.name + " and " + other.name + " overlap, but "
                            + (other.written ? other.name : one.name) + " is written");
                }
            }
        }
    }

    private static boolean isInPlace(Operand one, Operand other) {
        boolean same = one.extent.byteSize() == other.extent.byteSize() && one.extent.asOverlappingSlice(other.extent)
                .filter(shared -> shared.byteSize() == one.extent.byteSize()).isPresent();
        return same && (IN_PLACE.contains(List.of(one.name, other.name))
                || IN_PLACE.contains(List.of(other.name, one.name)));
    }

    /**
     * Exact but for two tensors with gaps, which may be columns of one matrix: where they are used in place, the native
     * library looks at them, and elsewhere they are copies.
     */
    private static boolean overlap(Operand one, Operand other) {
        if (one.extent.asOverlappingSlice(other.extent).isEmpty() || one.rows != null && other.rows != null) {
            return false;
        }
        return one.rows != null ? anyRowMeets(one, one.rows, other)
                : other.rows == null || anyRowMeets(other, other.rows, one);
    }

    private static boolean anyRowMeets(Operand strided, Rows rows, Operand dense) {
        for (long t = 0; t < rows.steps; t++) {
            for (long n = 0; n < rows.batch; n++) {
                MemorySegment row = strided.extent.asSlice(t * rows.step + n * rows.row, rows.bytes);
                if (row.asOverlappingSlice(dense.extent).isPresent()) {
                    return true;
                }
            }
        }
        return false;
    }
}
