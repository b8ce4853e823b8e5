package dev.lnrnn;

import dev.lnrnn.internal.Native;
import dev.lnrnn.internal.NativeLibrary;
import dev.lnrnn.raw.lnrnnDeviceProperties_t;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which devices there are, before one is opened. */
final class Devices {
    private Devices() {}

    /** How many devices of the same kind can be opened. */
    static int count(DeviceName device) {
        NativeLibrary.load();
        int kind = device.kind();
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment count = scratch.allocate(ValueLayout.JAVA_INT);
            // The status says why there is none, which is no error here; the count is written all the same.
            lnrnn_h.lnrnnGetDeviceCount(kind, count);
            return count.get(ValueLayout.JAVA_INT, 0);
        }
    }

    static List<DeviceInfo> available() {
        List<DeviceInfo> devices = new ArrayList<>();
        for (DeviceName first : List.of(DeviceName.CPU, DeviceName.FIRST_CUDA)) {
            int count = count(first);
            for (int ordinal = 0; ordinal < count; ordinal++) {
                devices.add(info(new DeviceName(first.cuda(), ordinal)));
            }
        }
        return List.copyOf(devices);
    }

    static @Nullable String unavailableReason(DeviceName device) {
        int count = count(device);
        if (device.ordinal() < count) {
            return null;
        }
        return count == 0
                ? Native.lastErrorMessage()
                : "there is no " + device + ", the last one is " + new DeviceName(device.cuda(), count - 1);
    }

    static MemorySegment allocateProperties(Arena arena) {
        MemorySegment properties = lnrnnDeviceProperties_t.allocate(arena);
        lnrnnDeviceProperties_t.structSize(properties, properties.byteSize());
        return properties;
    }

    private static DeviceInfo info(DeviceName device) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment properties = allocateProperties(scratch);
            Native.call("lnrnnGetDeviceProperties",
                    () -> lnrnn_h.lnrnnGetDeviceProperties(device.kind(), device.ordinal(), properties));
            return DeviceInfo.read(device.toString(), properties);
        }
    }
}
