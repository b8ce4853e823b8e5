package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.Native;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Checks what a pass is given before it goes to the native library: comparisons with numbers known when the plan was
 * made, nothing else, since this is all that a call costs beside the call. Liveness is left to the linker, which holds
 * every segment's arena open during the call anyway; {@link #refusal} then finds the name for what it refused.
 */
final class Operands {
    /** What packed weights, workspaces and reserves are aligned to. */
    private static final long SPACE_ALIGNMENT = 64;

    private final Plan plan;
    private final Device device;
    private final long elementAlignment;
    private final long stateAlignment;
    private final boolean hasCell;

    Operands(Plan plan) {
        this.plan = plan;
        this.device = plan.device();
        DataType type = plan.spec().dataType();
        this.elementAlignment = type.byteSize();
        this.stateAlignment = type.accumulation().byteSize();
        this.hasCell = plan.spec().cell().carriesCell();
    }

    MemorySegment stream(Stream stream) {
        Objects.requireNonNull(stream, "stream");
        if (stream.device() != device) {
            throw new IllegalArgumentException("stream is of " + stream.device() + ", expected one of " + device);
        }
        stream.checkAlive();
        return stream.segment();
    }

    /** A tensor of the data type that is read. */
    MemorySegment input(DeviceBuffer buffer, String name, long bytes) {
        return check(buffer, name, bytes, elementAlignment);
    }

    /** A tensor of the data type that is written. */
    MemorySegment output(DeviceBuffer buffer, String name, long bytes) {
        return checkWritable(buffer, name, bytes, elementAlignment);
    }

    /** What the library arranges as it likes, read only: packed weights, and a reserve in backward. */
    MemorySegment filledSpace(DeviceBuffer buffer, String name, long bytes) {
        return check(buffer, name, bytes, SPACE_ALIGNMENT);
    }

    /** What the library arranges as it likes. */
    MemorySegment space(DeviceBuffer buffer, String name, long bytes) {
        return checkWritable(buffer, name, bytes, SPACE_ALIGNMENT);
    }

    private MemorySegment check(DeviceBuffer buffer, String name, long bytes, long alignment) {
        if (buffer == null) {
            throw new NullPointerException(name);
        }
        // One sign for both numbers: a branch less at each of a pass's buffers.
        if (buffer.device() != device
                || ((buffer.byteSize() - bytes) | -(buffer.address() & (alignment - 1))) < 0) {
            throw refused(buffer, name, bytes, alignment);
        }
        return buffer.segment();
    }

    private MemorySegment checkWritable(DeviceBuffer buffer, String name, long bytes, long alignment) {
        MemorySegment segment = check(buffer, name, bytes, alignment);
        if (buffer.isReadOnly()) {
            throw new IllegalArgumentException(name + " is read-only memory, but is written");
        }
        return segment;
    }

    MemorySegment optionalInput(@Nullable DeviceBuffer buffer, String name, long bytes) {
        return buffer == null ? MemorySegment.NULL : input(buffer, name, bytes);
    }

    MemorySegment optionalOutput(@Nullable DeviceBuffer buffer, String name, long bytes) {
        return buffer == null ? MemorySegment.NULL : output(buffer, name, bytes);
    }

    /** A tensor of the accumulation type that is written: a state, its gradient, or gradients of parameters. */
    MemorySegment stateOutput(DeviceBuffer buffer, String name, long bytes) {
        return checkWritable(buffer, name, bytes, stateAlignment);
    }

    MemorySegment optionalStateInput(@Nullable DeviceBuffer buffer, String name, long bytes) {
        return buffer == null ? MemorySegment.NULL : check(buffer, name, bytes, stateAlignment);
    }

    MemorySegment optionalStateOutput(@Nullable DeviceBuffer buffer, String name, long bytes) {
        return buffer == null ? MemorySegment.NULL : stateOutput(buffer, name, bytes);
    }

    /** As {@link #optionalStateInput}, for what only an LSTM has. */
    MemorySegment cellInput(@Nullable DeviceBuffer buffer, String name, long bytes) {
        return buffer == null || hasCell ? optionalStateInput(buffer, name, bytes) : throwNoCell(name);
    }

    /** As {@link #optionalStateOutput}, for what only an LSTM has. */
    MemorySegment cellOutput(@Nullable DeviceBuffer buffer, String name, long bytes) {
        return buffer == null || hasCell ? optionalStateOutput(buffer, name, bytes) : throwNoCell(name);
    }

    /** Read and written, and needed by an LSTM; null for any other cell. */
    MemorySegment cellState(@Nullable DeviceBuffer buffer, String name, long bytes) {
        if (buffer == null && hasCell) {
            throw new NullPointerException(name);
        }
        return cellOutput(buffer, name, bytes);
    }

    /** What a pass keeps for its later runs, null for none. */
    void checkKept(@Nullable DeviceBuffer buffer, String name, long bytes, long alignment) {
        if (buffer != null) {
            buffer.checkAlive();
            check(buffer, name, bytes, alignment);
        }
    }

    static MemorySegment segment(@Nullable DeviceBuffer buffer) {
        return buffer == null ? MemorySegment.NULL : buffer.segment();
    }

    static long bytes(@Nullable DeviceBuffer buffer) {
        return buffer == null ? 0 : buffer.byteSize();
    }

    /** What the linker's refusal of a call means, with a name where something is closed. */
    RuntimeException refusal(AssertionError wrapper, Stream stream, @Nullable DeviceBuffer... buffers) {
        RuntimeException refusal = Native.refusal(wrapper);
        if (!plan.handle().isAlive()) {
            return Lifetime.closed(plan.handle().name());
        }
        stream.checkAlive();
        checkAlive(buffers);
        return refusal;
    }

    static void checkAlive(@Nullable DeviceBuffer... buffers) {
        for (DeviceBuffer buffer : buffers) {
            if (buffer != null) {
                buffer.checkAlive();
            }
        }
    }

    private IllegalArgumentException refused(DeviceBuffer buffer, String name, long bytes, long alignment) {
        if (buffer.device() != device) {
            return new IllegalArgumentException(name + " is a " + buffer + " of another " + buffer.device()
                    + " than the plan's, expected one of " + device);
        }
        if (buffer.byteSize() < bytes) {
            return new IllegalArgumentException(
                    name + " has " + buffer.byteSize() + " bytes, but " + bytes + " are needed");
        }
        return new IllegalArgumentException(
                name + " begins at an address that is not a multiple of " + alignment + " bytes");
    }

    private MemorySegment throwNoCell(String name) {
        throw new IllegalArgumentException(name + " is the LSTM's, expected null for " + plan.spec().cell());
    }
}
