package dev.lnrnn;

import dev.lnrnn.raw.lnrnnDeviceProperties_t;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a device is.
 *
 * @param name what {@link Device#open(String)} calls it: {@code "cpu"} or {@code "cuda:0"}
 * @param description what its maker calls it
 * @param isa the kernels in use. CPU: an instruction set. CUDA: the architecture they were compiled for, as
 *     {@code "sm_90"}; {@code "sm_90 cuBLAS"} where cuBLAS does the large products
 * @param isaAvailable CPU: the instruction sets that may be asked for here. CUDA: the architectures that the native
 *     library has kernels for
 * @param threads CPU: threads that share one call; elsewhere 0
 * @param threadsFrom CPU: what {@code threads} is for. {@code "asked for"}; {@code "affinity"}, the processors that the
 *     process may run on; {@code "cgroup quota"}, the CPU time that its control groups allow; {@code "JVM"},
 *     {@link Runtime#availableProcessors()}. Elsewhere empty
 * @param maxThreads CPU: processors that the process may run on; elsewhere 0
 * @param totalMemory its memory in bytes
 * @param cuda what a CUDA device is besides; null for the CPU
 */
public record DeviceInfo(
        String name,
        String description,
        String isa,
        List<String> isaAvailable,
        int threads,
        String threadsFrom,
        int maxThreads,
        long totalMemory,
        @Nullable CudaInfo cuda) {

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
                lnrnnDeviceProperties_t.threadsFrom(properties).getString(0),
                lnrnnDeviceProperties_t.maxThreads(properties),
                lnrnnDeviceProperties_t.totalMemory(properties),
                lnrnnDeviceProperties_t.kind(properties) == lnrnn_h.LNRNN_DEVICE_CUDA()
                        ? CudaInfo.read(properties)
                        : null);
    }

    /** Of a processor that nobody has asked for a number of threads: the JVM's count limits it, too. */
    DeviceInfo withinJvm() {
        int most = Runtime.getRuntime().availableProcessors();
        return cuda != null || threads <= most ? this : withThreads(most, "JVM");
    }

    DeviceInfo withThreads(int number, String from) {
        return new DeviceInfo(name, description, isa, isaAvailable, number, from, maxThreads, totalMemory, cuda);
    }
}
