package dev.lnrnn;

import dev.lnrnn.internal.Native;
import dev.lnrnn.internal.NativeLibrary;
import dev.lnrnn.raw.lnrnnUsage_t;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The loaded native library.
 *
 * <p>The first use loads it: the file that the system property {@code lnrnn.library} names, or else the first on
 * {@code java.library.path}, or else the one in the jar for this platform. The latter is extracted to a cache directory
 * ({@code lnrnn.cache}, or {@code $XDG_CACHE_HOME/lnrnn}, or {@code ~/.cache/lnrnn}). If no library can be loaded,
 * every method here and the first use of a {@link Device} throw {@link LnrnnException} with {@link
 * Status#DEVICE_UNAVAILABLE}; the message lists every attempt.
 */
public final class Library {
    private Library() {}

    /** {@return the version of the native library, for instance {@code "0.1.0"}} */
    public static String version() {
        NativeLibrary.load();
        return Native.value(lnrnn_h::lnrnnGetVersionString).getString(0);
    }

    /** {@return the version of the native library's binary interface} */
    public static int abiVersion() {
        NativeLibrary.load();
        return Native.value(lnrnn_h::lnrnnGetAbiVersion);
    }

    /** {@return the file that the native library was loaded from} */
    public static String location() {
        return NativeLibrary.load();
    }

    /** {@return the number of native objects that exist now} */
    public static Usage usage() {
        NativeLibrary.load();
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment usage = lnrnnUsage_t.allocate(scratch);
            lnrnnUsage_t.structSize(usage, usage.byteSize());
            Native.call("lnrnnGetUsage", () -> lnrnn_h.lnrnnGetUsage(usage));
            return new Usage(
                    lnrnnUsage_t.handles(usage),
                    lnrnnUsage_t.plans(usage),
                    lnrnnUsage_t.streams(usage),
                    lnrnnUsage_t.events(usage),
                    lnrnnUsage_t.deviceBytes(usage),
                    lnrnnUsage_t.deviceAllocations(usage),
                    lnrnnUsage_t.hostBytes(usage),
                    lnrnnUsage_t.hostAllocations(usage),
                    lnrnnUsage_t.graphs(usage),
                    lnrnnUsage_t.registeredBytes(usage),
                    lnrnnUsage_t.registrations(usage));
        }
    }
}
