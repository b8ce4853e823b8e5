package dev.lnrnn;

import dev.lnrnn.raw.lnrnnDeviceProperties_t;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What a device is.
 *
 * @param name what {@link Device#open(String)} calls it: {@code "cpu"} or {@code "cuda:0"}
 * @param description what its maker calls it
 * @param isa CPU: the instruction set in use; elsewhere empty
 * @param isaAvailable CPU: the instruction sets that may be asked for here
 * @param threads CPU: threads that share one call
 * @param maxThreads CPU: processors that the process may run on
 * @param totalMemory its memory in bytes
 */
public record DeviceInfo(
        String name,
        String description,
        String isa,
        List<String> isaAvailable,
        int threads,
        int maxThreads,
        long totalMemory) {

    /** Keeps a copy of the list. */
    public DeviceInfo {
        isaAvailable = List.copyOf(isaAvailable);
    }

    static DeviceInfo read(String name, MemorySegment properties) {
        String available = lnrnnDeviceProperties_t.isaAvailable(properties).getString(0);
        return new DeviceInfo(
                name,
                lnrnnDeviceProperties_t.name(properties).getString(0),
                lnrnnDeviceProperties_t.isa(properties).getString(0),
                available.isEmpty() ? List.of() : List.of(available.split(" ")),
                lnrnnDeviceProperties_t.threads(properties),
                lnrnnDeviceProperties_t.maxThreads(properties),
                lnrnnDeviceProperties_t.totalMemory(properties));
    }
}
