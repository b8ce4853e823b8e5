package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The host segments of one call. All of them are checked before the first is read or written, so that a call that is
 * refused has changed nothing.
 */
final class HostOperands {
    private final LayerSpec spec;
    private final Overlaps overlaps = new Overlaps();

    HostOperands(LayerSpec spec) {
        this.spec = spec;
    }

    /** Those of a forward pass, of inference or of training. */
    static HostOperands ofForward(LayerSpec spec, SequenceExtents extents, PlanSizes sizes, MemorySegment x,
            @Nullable MemorySegment h0, @Nullable MemorySegment c0, @Nullable MemorySegment y,
            @Nullable MemorySegment hn, @Nullable MemorySegment cn) {
        return new HostOperands(spec)
                .read("x", x, extents.x())
                .readState("h0", h0, sizes.stateBytes())
                .readCell("c0", c0, sizes.cellStateBytes())
                .written("y", y, extents.y())
                .writtenState("hn", hn, sizes.stateBytes())
                .writtenCell("cn", cn, sizes.cellStateBytes());
    }

    HostOperands read(String name, @Nullable MemorySegment host, TensorExtent extent) {
        return add(name, host, extent.bytes(), extent.rows(), false);
    }

    HostOperands readState(String name, @Nullable MemorySegment host, long bytes) {
        return add(name, host, bytes, null, false);
    }

    HostOperands written(String name, @Nullable MemorySegment host, TensorExtent extent) {
        if (host != null) {
            extent.checkRowsApart(name);
        }
        return add(name, host, extent.bytes(), extent.rows(), true);
    }

    HostOperands writtenState(String name, @Nullable MemorySegment host, long bytes) {
        return add(name, host, bytes, null, true);
    }

    /** What only an LSTM has. */
    HostOperands readCell(String name, @Nullable MemorySegment host, long bytes) {
        Operands.checkCell(spec, name, host);
        return readState(name, host, bytes);
    }

    /** What only an LSTM has. */
    HostOperands writtenCell(String name, @Nullable MemorySegment host, long bytes) {
        Operands.checkCell(spec, name, host);
        return writtenState(name, host, bytes);
    }

    private HostOperands add(
            String name, @Nullable MemorySegment host, long bytes, @Nullable Rows rows, boolean written) {
        if (host == null) {
            return this;
        }
        if (written && host.isReadOnly()) {
            throw new IllegalArgumentException(name + " is read-only, but the call writes it");
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
        overlaps.add(name, host.asSlice(0, bytes), rows, written);
        return this;
    }

    /** Refuses outputs that overlap each other. */
    void checkOutputsApart() {
        overlaps.checkOutputsApart();
    }

    /** Refuses outputs that overlap each other or an input, but for the states that may be updated in place. */
    void checkApart() {
        overlaps.checkApart();
    }
}
