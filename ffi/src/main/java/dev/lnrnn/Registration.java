package dev.lnrnn;

import dev.lnrnn.internal.Handle;
import dev.lnrnn.internal.NativeDevice;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * Page-locks host memory of the caller's for a device, so that copies of it do not wait. Closing the registration, its
 * device or the memory's arena ends it; each of them first waits until queued work has finished with the memory. A
 * {@link Graph} that uses the memory cannot be launched afterwards.
 *
 * {@snippet :
 * MemorySegment x = arena.allocate(ValueLayout.JAVA_FLOAT, elements);
 * try (Registration registration = device.register(x, arena)) {
 *     stream.copy(buffer, x);   // returns at once; x may be changed after stream.synchronize()
 * }
 * }
 */
public final class Registration implements AutoCloseable {
    /** A thread that no arena is confined to. */
    private static final Thread NOBODY = Thread.ofPlatform().unstarted(() -> {});

    private final Handle handle;
    private final ArenaRegistrations arena;

    private Registration(Handle handle, ArenaRegistrations arena) {
        this.handle = handle;
        this.arena = arena;
    }

    /** As {@link Device#register} says. */
    static Registration of(Device device, MemorySegment host, Arena arena) {
        NativeDevice owner = device.handle();
        Objects.requireNonNull(host, "host");
        Objects.requireNonNull(arena, "arena");
        if (!host.isNative() || host.isMapped()) {
            throw new IllegalArgumentException("host is " + (host.isMapped() ? "a mapped file" : "on the Java heap")
                    + ", expected native memory");
        }
        if (host.byteSize() == 0) {
            throw new IllegalArgumentException("host has 0 bytes, expected at least 1");
        }
        if (!host.scope().equals(arena.scope())) {
            throw new IllegalArgumentException("host is not memory of arena, expected a segment that arena allocated");
        }
        if (!host.isAccessibleBy(NOBODY)) {
            throw new IllegalArgumentException(
                    "host is in a confined arena, which may free it while it is pinned: expected a shared one");
        }
        long bytes = host.byteSize();
        Handle handle = owner.create("registration of " + bytes + " bytes on " + owner.name(), 0,
                "lnrnnHostRegister", null,
                (registrar, out) -> {
                    out.set(ValueLayout.ADDRESS, 0, host);
                    return lnrnn_h.lnrnnHostRegister(registrar, host, bytes);
                },
                (registrar, start) -> lnrnn_h.lnrnnHostUnregister(registrar, start));
        try {
            // The latest cleanup comes first, before the memory is freed: but in a confined arena, where that which
            // was added first comes before all.
            ArenaRegistrations registrations = ArenaRegistrations.of(arena);
            registrations.add(handle, host, arena);
            return new Registration(handle, registrations);
        } catch (RuntimeException | Error e) {
            handle.close();
            throw e;
        }
    }

    /** Unlocks the memory once queued work has finished with it. Closing twice is harmless. */
    @Override
    public void close() {
        handle.close();
        arena.remove(handle);
    }
}
