package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Checks what a plan's calls are given before it goes to the native library. */
final class Operands {
    /** What an operand consists of, and what it is aligned to therefore. */
    enum Unit {
        /** Elements of the data type: x, y, their gradients, and parameters. */
        DATA,
        /** Elements of the accumulation type: states, their gradients, and those of parameters. */
        STATE,
        /** What the library arranges as it likes: packed weights, workspaces and reserves. */
        SPACE,
        /** Bytes, which may begin anywhere. */
        MASK,
        /** 64-bit numbers. */
        RANDOM
    }

    private static final long SPACE_ALIGNMENT = 64;

    private final Device device;
    private final DataType type;

    Operands(Device device, LayerSpec spec) {
        this.device = device;
        this.type = spec.dataType();
    }

    private long alignment(Unit unit) {
        return switch (unit) {
            case DATA -> type.byteSize();
            case STATE -> type.accumulation().byteSize();
            case SPACE -> SPACE_ALIGNMENT;
            case MASK -> Byte.BYTES;
            case RANDOM -> Long.BYTES;
        };
    }

    MemorySegment stream(Stream stream) {
        Objects.requireNonNull(stream, "stream");
        if (stream.device() != device) {
            throw new IllegalArgumentException("stream is of " + stream.device() + ", expected one of " + device);
        }
        stream.checkAlive();
        return stream.segment();
    }

    /** Checks memory that is read, and answers it. */
    MemorySegment read(String name, DeviceBuffer buffer, long bytes, Unit unit) {
        Objects.requireNonNull(buffer, name);
        if (buffer.device() != device) {
            throw new IllegalArgumentException(name + " is a " + buffer
                    + " of another Device object, expected one of the plan's " + device);
        }
        if (buffer.byteSize() < bytes) {
            throw new IllegalArgumentException(
                    name + " has " + buffer.byteSize() + " bytes, but " + bytes + " are needed");
        }
        long alignment = alignment(unit);
        if ((buffer.address() & (alignment - 1)) != 0) {
            throw new IllegalArgumentException(
                    name + " begins at 0x" + Long.toHexString(buffer.address()) + ", expected a multiple of "
                            + alignment + " bytes");
        }
        buffer.checkAlive();
        return buffer.segment();
    }

    /** Checks memory that is written, and answers it. */
    MemorySegment written(String name, DeviceBuffer buffer, long bytes, Unit unit) {
        MemorySegment segment = read(name, buffer, bytes, unit);
        if (buffer.isReadOnly()) {
            throw new IllegalArgumentException(name + " is read-only, but the call writes it");
        }
        return segment;
    }

    /** Refuses what only an LSTM has. */
    static void checkCell(LayerSpec spec, String name, @Nullable Object given) {
        if (given != null && !spec.cell().carriesCell()) {
            throw new IllegalArgumentException(name + " is given, expected null because cell is " + spec.cell());
        }
    }
}
