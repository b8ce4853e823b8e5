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
    private static volatile @Nullable Function<DeviceBuffer, MemorySegment> extents;

    private DeviceAccess() {}

    /** For the class initialiser of {@link Device}, which alone can see the handle. */
    public static void register(Function<Device, NativeDevice> handleOf) {
        access = handleOf;
    }

    /** {@return the native handle of a device} */
    public static NativeDevice of(Device device) {
        return Objects.requireNonNull(access, "a Device exists, so its class is initialised").apply(device);
    }

    /** For the class initialiser of {@link DeviceBuffer}, which alone can see the memory. */
    public static void registerExtents(Function<DeviceBuffer, MemorySegment> extentOf) {
        extents = extentOf;
    }

    /** {@return the memory of a buffer, which Java can read and write only where the device is the CPU} */
    public static MemorySegment extent(DeviceBuffer buffer) {
        return Objects.requireNonNull(extents, "a DeviceBuffer exists, so its class is initialised").apply(buffer);
    }
}
