package dev.lnrnn;

import dev.lnrnn.raw.lnrnnDeviceProperties_t;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What a CUDA device is, beyond what every {@link DeviceInfo} says.
 *
 * @param computeCapability what its hardware can do, for instance {@code "9.0"}
 * @param multiprocessors its streaming multiprocessors
 * @param driverVersion the newest CUDA that the driver can run, for instance {@code "13.0"}
 * @param runtimeVersion the CUDA that the native library was built with
 * @param cublasVersion the cuBLAS that does the large products, for instance {@code "13.0.2"}; null where none was
 *     found, and the library's own kernels do them
 */
public record CudaInfo(
        String computeCapability,
        int multiprocessors,
        String driverVersion,
        String runtimeVersion,
        @Nullable String cublasVersion) {

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
}
