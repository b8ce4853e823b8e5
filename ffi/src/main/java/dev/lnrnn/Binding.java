package dev.lnrnn;

import dev.lnrnn.Operands.Unit;
import dev.lnrnn.internal.Handle;
import dev.lnrnn.internal.HeldCalls;
import dev.lnrnn.raw.lnrnnBuffer_t;
import dev.lnrnn.raw.lnrnnConstBuffer_t;
import dev.lnrnn.raw.lnrnnConstTensor_t;
import dev.lnrnn.raw.lnrnnTensor_t;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Checks the buffers of a pass, each under the name that it has in the struct of the call, and fills the struct's members
 * with them. What is null is absent: its member stays 0.
 */
final class Binding {
    private final Plan plan;
    private final Stream stream;
    private final Operands operands;
    private final Overlaps overlaps = new Overlaps();
    private final List<DeviceBuffer> buffers = new ArrayList<>();

    Binding(Plan plan, Stream stream) {
        this.plan = plan;
        this.stream = stream;
        this.operands = plan.operands();
        plan.handle().checkAlive();
        operands.stream(stream);
    }

    /** Refuses to do without something. */
    static DeviceBuffer required(String name, @Nullable DeviceBuffer buffer) {
        if (buffer == null) {
            throw new IllegalArgumentException(name + " is missing");
        }
        return buffer;
    }

    /** What the call reads. */
    void read(String name, @Nullable DeviceBuffer buffer, long bytes, Unit unit, MemorySegment member) {
        if (buffer != null) {
            lnrnnConstBuffer_t.pointer(member, operands.read(name, buffer, bytes, unit));
            lnrnnConstBuffer_t.bytes(member, buffer.byteSize());
            add(name, buffer, bytes, null, false);
        }
    }

    /** What the call writes. */
    void written(String name, @Nullable DeviceBuffer buffer, long bytes, Unit unit, MemorySegment member) {
        if (buffer != null) {
            lnrnnBuffer_t.pointer(member, operands.written(name, buffer, bytes, unit));
            lnrnnBuffer_t.bytes(member, buffer.byteSize());
            add(name, buffer, bytes, null, true);
        }
    }

    /** A tensor that the call reads. */
    void read(String name, @Nullable DeviceBuffer buffer, TensorExtent extent, MemorySegment member) {
        read(name, buffer, extent, Unit.DATA, member);
    }

    /** Where sequences begin inside rows. */
    void readResets(@Nullable DeviceBuffer buffer, TensorExtent extent, MemorySegment member) {
        read("resets", buffer, extent, Unit.MASK, member);
    }

    private void read(
            String name, @Nullable DeviceBuffer buffer, TensorExtent extent, Unit unit, MemorySegment member) {
        if (buffer != null) {
            lnrnnConstTensor_t.pointer(member, operands.read(name, buffer, extent.bytes(), unit));
            lnrnnConstTensor_t.bytes(member, buffer.byteSize());
            lnrnnConstTensor_t.stepStride(member, extent.strides().step());
            lnrnnConstTensor_t.rowStride(member, extent.strides().row());
            add(name, buffer, extent.bytes(), extent.rows(), false);
        }
    }

    /** A tensor that the call writes. */
    void written(String name, @Nullable DeviceBuffer buffer, TensorExtent extent, MemorySegment member) {
        if (buffer != null) {
            lnrnnTensor_t.pointer(member, operands.written(name, buffer, extent.bytes(), Unit.DATA));
            extent.checkRowsApart(name);
            lnrnnTensor_t.bytes(member, buffer.byteSize());
            lnrnnTensor_t.stepStride(member, extent.strides().step());
            lnrnnTensor_t.rowStride(member, extent.strides().row());
            add(name, buffer, extent.bytes(), extent.rows(), true);
        }
    }

    /** A state that only an LSTM has, or its gradient, which the call reads. */
    void readCell(String name, @Nullable DeviceBuffer buffer, long bytes, MemorySegment member) {
        Operands.checkCell(plan.spec(), name, buffer);
        read(name, buffer, bytes, Unit.STATE, member);
    }

    /** A state that only an LSTM has, or its gradient, which the call writes. */
    void writtenCell(String name, @Nullable DeviceBuffer buffer, long bytes, MemorySegment member) {
        Operands.checkCell(plan.spec(), name, buffer);
        written(name, buffer, bytes, Unit.STATE, member);
    }

    private void add(String name, DeviceBuffer buffer, long bytes, @Nullable Rows rows, boolean written) {
        overlaps.add(name, buffer.extent().asSlice(0, bytes), rows, written);
        buffers.add(buffer);
    }

    /** What was bound, when all is. */
    BoundCall call() {
        overlaps.checkApart();
        Handle handle = plan.handle();
        // The default stream is NULL; as one with the plan's lifetime it is one less to hold.
        MemorySegment none = handle.tie(MemorySegment.NULL);
        MemorySegment queue = stream.isDefault() ? none : operands.stream(stream);
        return new BoundCall(plan, stream, handle.segment(), queue,
                HeldCalls.fill(none, held(handle.segment(), queue)), List.copyOf(buffers));
    }

    /** A segment of each arena that neither the plan nor the stream is in; what is always there needs no holding. */
    private MemorySegment[] held(MemorySegment handle, MemorySegment queue) {
        List<MemorySegment> held = new ArrayList<>(List.of(MemorySegment.NULL, handle, queue));
        int others = held.size();
        for (DeviceBuffer buffer : buffers) {
            MemorySegment segment = buffer.segment();
            if (held.stream().noneMatch(other -> other.scope().equals(segment.scope()))) {
                held.add(segment);
            }
        }
        return held.subList(others, held.size()).toArray(MemorySegment[]::new);
    }
}
