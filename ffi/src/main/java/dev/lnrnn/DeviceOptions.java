package dev.lnrnn;

import org.jspecify.annotations.Nullable;

/**
 * How a device is opened.
 *
 * @param threads CPU: threads that share one call, 1...1024, the caller's among them; 0 for one per processor that the
 *     process may use. Elsewhere 0
 * @param isa CPU: the instruction set to use, a name of {@link DeviceInfo#isaAvailable()}; null for the best. Elsewhere
 *     null
 */
public record DeviceOptions(int threads, @Nullable String isa) {
    /** One thread per processor, the best instruction set. */
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
     * @param threads 1...1024, or 0 for one per processor
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
