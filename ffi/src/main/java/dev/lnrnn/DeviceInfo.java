package dev.lnrnn;

import dev.lnrnn.raw.lnrnnDeviceProperties_t;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Describes a device. */
public final class DeviceInfo {
    private final String name;
    private final String description;
    private final String isa;
    private final List<String> isaAvailable;
    private final int threads;
    private final String threadsFrom;
    private final int maxThreads;
    private final long totalMemory;
    private final @Nullable CudaInfo cuda;

    DeviceInfo(String name, String description, String isa, List<String> isaAvailable, int threads, String threadsFrom,
            int maxThreads, long totalMemory, @Nullable CudaInfo cuda) {
        this.name = name;
        this.description = description;
        this.isa = isa;
        this.isaAvailable = List.copyOf(isaAvailable);
        this.threads = threads;
        this.threadsFrom = threadsFrom;
        this.maxThreads = maxThreads;
        this.totalMemory = totalMemory;
        this.cuda = cuda;
    }

    /** {@return the name for {@link Device#open(String)}, for instance {@code "cpu"} or {@code "cuda:0"}} */
    public String name() {
        return name;
    }

    /** {@return the maker's name of the device} */
    public String description() {
        return description;
    }

    /**
     * {@return the kernels in use. On the CPU this is an instruction set. On CUDA it is the architecture that they were
     * compiled for, for instance {@code "sm_90"}, or {@code "sm_90 cuBLAS"} where cuBLAS does the large products}
     */
    public String isa() {
        return isa;
    }

    /**
     * {@return the instruction sets that this CPU supports; on CUDA the architectures that the native library has
     * kernels for}
     */
    public List<String> isaAvailable() {
        return isaAvailable;
    }

    /** {@return the number of CPU threads that share one call; 0 on CUDA} */
    public int threads() {
        return threads;
    }

    /**
     * {@return what decided the number of threads: {@code "asked for"}; {@code "affinity"}, the processors that the
     * process may run on; {@code "cgroup quota"}, the CPU time that its control groups allow; or {@code "JVM"}, {@link
     * Runtime#availableProcessors()}. Empty on CUDA}
     */
    public String threadsFrom() {
        return threadsFrom;
    }

    /** {@return the number of processors that the process may run on; 0 on CUDA} */
    public int maxThreads() {
        return maxThreads;
    }

    /** {@return the device's memory in bytes} */
    public long totalMemory() {
        return totalMemory;
    }

    /** {@return the properties of a CUDA device; null for the CPU} */
    public @Nullable CudaInfo cuda() {
        return cuda;
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

    /** Of a processor without a given number of threads: the JVM's count limits it, too. */
    DeviceInfo withinJvm() {
        int most = Runtime.getRuntime().availableProcessors();
        return cuda != null || threads <= most ? this : withThreads(most, "JVM");
    }

    DeviceInfo withThreads(int number, String from) {
        return new DeviceInfo(name, description, isa, isaAvailable, number, from, maxThreads, totalMemory, cuda);
    }

    /** {@return whether both have the same values} */
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof DeviceInfo that && values().equals(that.values());
    }

    /** {@return a hash code of the values} */
    @Override
    public int hashCode() {
        return values().hashCode();
    }

    /** {@return the values by name} */
    @Override
    public String toString() {
        return "DeviceInfo" + values();
    }

    private Map<String, Object> values() {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("name", name);
        values.put("description", description);
        values.put("isa", isa);
        values.put("isaAvailable", isaAvailable);
        values.put("threads", threads);
        values.put("threadsFrom", threadsFrom);
        values.put("maxThreads", maxThreads);
        values.put("totalMemory", totalMemory);
        if (cuda != null) {
            values.put("cuda", cuda);
        }
        return values;
    }
}
