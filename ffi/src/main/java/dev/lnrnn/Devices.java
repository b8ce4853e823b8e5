package dev.lnrnn;

import dev.lnrnn.internal.Native;
import dev.lnrnn.internal.NativeLibrary;
import dev.lnrnn.raw.lnrnnDeviceProperties_t;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Which devices there are, before one is opened. */
final class Devices {
    private Devices() {}

    /** How many devices of the same kind there are. */
    static int count(DeviceName device) {
        NativeLibrary.load();
        int kind = device.kind();
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment count = scratch.allocate(ValueLayout.JAVA_INT);
            // The status says why there is none, which is no error here; the count is written all the same.
            Native.value(() -> lnrnn_h.lnrnnGetDeviceCount(kind, count));
            return count.get(ValueLayout.JAVA_INT, 0);
        }
    }

    /** All of one kind, in their order. */
    static List<DeviceName> all(DeviceName first) {
        return IntStream.range(0, count(first)).mapToObj(ordinal -> new DeviceName(first.cuda(), ordinal)).toList();
    }

    static List<DeviceInfo> available() {
        return List.of(DeviceName.CPU, DeviceName.FIRST_CUDA).stream().flatMap(first -> all(first).stream())
                .filter(device -> unavailableReason(device) == null).map(Devices::info).toList();
    }

    static Map<String, String> unavailable() {
        Map<String, String> reasons = new LinkedHashMap<>();
        List<DeviceName> gpus = all(DeviceName.FIRST_CUDA);
        for (DeviceName device : gpus.isEmpty() ? List.of(DeviceName.FIRST_CUDA) : gpus) {
            String reason = unavailableReason(device);
            if (reason != null) {
                reasons.put(device.toString(), reason);
            }
        }
        return Collections.unmodifiableMap(reasons);
    }

    static @Nullable String unavailableReason(DeviceName device) {
        int count = count(device);
        if (device.ordinal() < count) {
            try {
                return hasKernels(info(device)) ? null : refusal(device);
            } catch (LnrnnException e) {
                return e.getMessage();
            }
        }
        return count == 0
                ? Native.lastErrorMessage()
                : "there is no " + device + ", the last one is " + new DeviceName(device.cuda(), count - 1);
    }

    private static boolean hasKernels(DeviceInfo info) {
        return !info.isa().isEmpty();
    }

    /** What opening the device is refused with: before anything is made on it, so this costs nothing. */
    private static @Nullable String refusal(DeviceName device) {
        try (Device opened = Device.open(device.toString())) {
            return null;
        } catch (LnrnnException refusal) {
            return refusal.getMessage();
        }
    }

    static MemorySegment allocateProperties(Arena arena) {
        MemorySegment properties = lnrnnDeviceProperties_t.allocate(arena);
        lnrnnDeviceProperties_t.structSize(properties, properties.byteSize());
        return properties;
    }

    /** Of a device that is not opened: with the default number of threads. */
    static DeviceInfo info(DeviceName device) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment properties = allocateProperties(scratch);
            Native.call("lnrnnGetDeviceProperties",
                    () -> lnrnn_h.lnrnnGetDeviceProperties(device.kind(), device.ordinal(), properties));
            return DeviceInfo.read(device.toString(), properties).withinJvm();
        }
    }
}
