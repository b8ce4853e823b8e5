package dev.lnrnn;

import dev.lnrnn.raw.lnrnnDeviceProperties_t;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Describes what a CUDA device has beyond every {@link DeviceInfo}.
 */
public final class CudaInfo {
    private final String computeCapability;
    private final int multiprocessors;
    private final String driverVersion;
    private final String runtimeVersion;
    private final @Nullable String cublasVersion;

    CudaInfo(String computeCapability, int multiprocessors, String driverVersion, String runtimeVersion,
            @Nullable String cublasVersion) {
        this.computeCapability = computeCapability;
        this.multiprocessors = multiprocessors;
        this.driverVersion = driverVersion;
        this.runtimeVersion = runtimeVersion;
        this.cublasVersion = cublasVersion;
    }

    /** {@return the compute capability of the hardware, for instance {@code "9.0"}} */
    public String computeCapability() {
        return computeCapability;
    }

    /** {@return the number of streaming multiprocessors} */
    public int multiprocessors() {
        return multiprocessors;
    }

    /** {@return the newest CUDA version that the driver supports, for instance {@code "13.0"}} */
    public String driverVersion() {
        return driverVersion;
    }

    /** {@return the CUDA version that the native library was built with} */
    public String runtimeVersion() {
        return runtimeVersion;
    }

    /**
     * {@return the version of the cuBLAS that does the large products, for instance {@code "13.0.2"}; null where no
     * cuBLAS was found and the library's own kernels do them}
     */
    public @Nullable String cublasVersion() {
        return cublasVersion;
    }

    static CudaInfo read(MemorySegment properties) {
        int cublas = lnrnnDeviceProperties_t.cublasVersion(properties);
        return new CudaInfo(
                lnrnnDeviceProperties_t.computeCapabilityMajor(properties) + "."
                        + lnrnnDeviceProperties_t.computeCapabilityMinor(properties),
                lnrnnDeviceProperties_t.multiprocessors(properties),
                cudaVersion(lnrnnDeviceProperties_t.driverVersion(properties)),
                cudaVersion(lnrnnDeviceProperties_t.runtimeVersion(properties)),
                cublas == 0 ? null : cublas / 10_000 + "." + cublas / 100 % 100 + "." + cublas % 100);
    }

    /** As CUDA writes its versions: 12020 is 12.2. */
    private static String cudaVersion(int number) {
        return number / 1000 + "." + number % 1000 / 10;
    }

    /** {@return whether both have the same values} */
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof CudaInfo that && values().equals(that.values());
    }

    /** {@return a hash code of the values} */
    @Override
    public int hashCode() {
        return values().hashCode();
    }

    /** {@return the values by name} */
    @Override
    public String toString() {
        return "CudaInfo" + values();
    }

    private Map<String, Object> values() {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("computeCapability", computeCapability);
        values.put("multiprocessors", multiprocessors);
        values.put("driverVersion", driverVersion);
        values.put("runtimeVersion", runtimeVersion);
        if (cublasVersion != null) {
            values.put("cublasVersion", cublasVersion);
        }
        return values;
    }
}
