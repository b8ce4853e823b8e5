package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The device's side of one host argument of a layer: memory that grows to what the largest call needed. A device that
 * can use the host's memory as it is needs no such copy, where the layer allows it. {@link HostOperands} has checked
 * the argument.
 */
final class Mirror {
    private final Device device;
    private final boolean inPlace;
    private final long alignment;
    private @Nullable DeviceBuffer memory;

    /**
     * @param inPlace whether the host's memory may be used as it is: only where a call does not outlive its arguments
     */
    Mirror(Device device, DataType type, boolean inPlace) {
        this(device, type.byteSize(), inPlace);
    }

    /**
     * @param alignment what the device's calls ask of the memory
     */
    Mirror(Device device, long alignment, boolean inPlace) {
        this.device = device;
        this.inPlace = inPlace && device.handle().isCpu();
        this.alignment = alignment;
    }

    /** A buffer with the content of a host segment, null for null. */
    @Nullable
    DeviceBuffer input(@Nullable MemorySegment host, long bytes) {
        return host == null ? null : requiredInput(host, bytes);
    }

    DeviceBuffer requiredInput(MemorySegment host, long bytes) {
        if (isUsable(host)) {
            return DeviceBuffer.ofHost(device, host);
        }
        DeviceBuffer buffer = atLeast(bytes);
        device.defaultStream().copy(buffer, host.asSlice(0, bytes));
        return buffer;
    }

    /**
     * A buffer that {@link #download} brings to a host segment later, null for null. What a call leaves out, between the
     * rows, is there before.
     */
    @Nullable
    DeviceBuffer output(@Nullable MemorySegment host, TensorExtent extent) {
        return extent.isDense() ? output(host, extent.bytes()) : input(host, extent.bytes());
    }

    /** The same where a call writes all of it. */
    @Nullable
    DeviceBuffer output(@Nullable MemorySegment host, long bytes) {
        return host == null || isUsable(host) ? input(host, bytes) : atLeast(bytes);
    }

    void download(@Nullable MemorySegment host, long bytes) {
        if (host != null && memory != null && !isUsable(host)) {
            device.defaultStream().copy(host.asSlice(0, bytes), memory);
        }
    }

    /** Memory of the device alone. */
    DeviceBuffer atLeast(long bytes) {
        DeviceBuffer current = memory;
        if (current == null || current.byteSize() < bytes) {
            close();
            current = device.allocate(bytes);
            memory = current;
        }
        return current;
    }

    void close() {
        if (memory != null) {
            memory.close();
            memory = null;
        }
    }

    private boolean isUsable(MemorySegment host) {
        return inPlace && host.isNative() && !host.isMapped() && host.address() % alignment == 0;
    }
}
