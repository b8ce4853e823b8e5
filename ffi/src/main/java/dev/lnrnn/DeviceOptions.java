package dev.lnrnn;

import org.jspecify.annotations.Nullable;

/**
 * How a device is opened.
 *
 * @param threads CPU: threads that share one call, 1...1024, the caller's among them; 0 for the least of the
 *     processors that the process may run on, the CPU time that its control groups allow (rounded down, at least 1)
 *     and {@link Runtime#availableProcessors()}; {@link DeviceInfo#threadsFrom()} says which. Elsewhere 0
 * @param isa CPU: the instruction set to use, a name of {@link DeviceInfo#isaAvailable()}; null for the best. Elsewhere
 *     null
 */
public record DeviceOptions(int threads, @Nullable String isa) {
    /** As many threads as the process may keep busy, the best instruction set. */
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
