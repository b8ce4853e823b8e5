package dev.lnrnn.internal;

import dev.lnrnn.Device;
import dev.lnrnn.memory.DeviceBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The way from a public {@link Device} to its native handle, and from a buffer to its memory, for the other packages of
 * this module.
 */
public final class DeviceAccess {
    private static volatile @Nullable Function<Device, NativeDevice> access;

    private DeviceAccess() {}

    /** For the class initialiser of {@link Device}, which alone can see the handle. */
    public static void register(Function<Device, NativeDevice> handleOf) {
        access = handleOf;
    }

    /** {@return the native handle of a device} */
    public static NativeDevice of(Device device) {
        return Objects.requireNonNull(access, "a Device exists, so its class is initialised").apply(device);
    }

    /** {@return the memory of a buffer with its lifetime, for Java to write where the device is the CPU} */
    public static MemorySegment extent(DeviceBuffer buffer) {
        return buffer.segment().reinterpret(buffer.byteSize());
    }
}
