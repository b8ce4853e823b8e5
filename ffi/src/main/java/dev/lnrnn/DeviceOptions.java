package dev.lnrnn;

import org.jspecify.annotations.Nullable;

/**
 * Options for opening a device.
 *
 * @param threads the number of CPU threads that share one call, 1...1024, including the caller's. 0 means the least of
 *     three: the processors that the process may run on, the CPU time that its control groups allow (rounded down, at
 *     least 1), and {@link Runtime#availableProcessors()}; {@link DeviceInfo#threadsFrom()} says which one it is. 0 on
 *     CUDA
 * @param isa the CPU's instruction set, a name of {@link DeviceInfo#isaAvailable()}; null for the best one. Null on
 *     CUDA
 */
public record DeviceOptions(int threads, @Nullable String isa) {
    /** As many threads as the process may keep busy, and the best instruction set. */
    public static final DeviceOptions DEFAULTS = new DeviceOptions(0, null);

    /**
     * Checks the number of threads.
     *
     * @throws IllegalArgumentException if it is out of its range
     */
    public DeviceOptions {
        if (threads < 0 || threads > 1024) {
            throw new IllegalArgumentException("threads is " + threads + ", expected 0...1024");
        }
    }

    /**
     * {@return these options with another number of threads}
     *
     * @param threads 1...1024, or 0 for as many as the process may keep busy
     */
    public DeviceOptions withThreads(int threads) {
        return new DeviceOptions(threads, isa);
    }

    /**
     * {@return these options with another instruction set}
     *
     * @param isa a name of {@link DeviceInfo#isaAvailable()}, or null for the best
     */
    public DeviceOptions withIsa(@Nullable String isa) {
        return new DeviceOptions(threads, isa);
    }
}
