package dev.lnrnn.internal;

import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * An {@code lnrnnHandle_t} and what was made through it.
 *
 * <p>The native handle may only be destroyed after everything made through it. Most of that is owned here and closed by
 * {@link #close()}; what lives in an arena of the caller's may outlive this object, and so the handle is counted: each
 * native object holds a reference, and the last one to go destroys it.
 */
public final class NativeDevice implements AutoCloseable {
    /** Makes a native object: writes its address to {@code out} and answers a status. */
    @FunctionalInterface
    public interface Constructor {
        int create(MemorySegment device, MemorySegment out);
    }

    /** Destroys a native object and answers a status. */
    @FunctionalInterface
    public interface Destructor {
        int destroy(MemorySegment device, MemorySegment object);
    }

    /** Something that a device closes at the latest when it is closed itself. */
    @FunctionalInterface
    public interface Owned extends AutoCloseable {
        @Override
        void close();
    }

    private final String name;
    private final MemorySegment address;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment segment;
    private final AtomicInteger references = new AtomicInteger(1);
    private final Set<Owned> owned = new LinkedHashSet<>();
    private boolean closed;

    private NativeDevice(String name, MemorySegment address) {
        this.name = name;
        this.address = address;
        this.segment = address.reinterpret(0, arena, null);
    }

    /** Opens a device, of the loaded library; the arguments are those of {@code lnrnnCreate}. */
    public static NativeDevice open(String name, int kind, int ordinal, int threads, @Nullable String isa) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment out = scratch.allocate(ValueLayout.ADDRESS);
            MemorySegment isaName = isa == null ? MemorySegment.NULL : scratch.allocateFrom(isa);
            Native.call("lnrnnCreate", () -> lnrnn_h.lnrnnCreate(kind, ordinal, threads, isaName, out));
            return new NativeDevice(name, out.get(ValueLayout.ADDRESS, 0));
        }
    }

    /** The handle, to be passed to the native library; refused once the device is closed. */
    public MemorySegment segment() {
        Lifetime.check(arena, "device " + name);
        return segment;
    }

    public String name() {
        return name;
    }

    public boolean isCpu() {
        return name.equals("cpu");
    }

    /**
     * Makes a native object that lives in {@code arena}; without one it gets an arena of its own, which this device
     * closes at the latest.
     *
     * @param bytes the extent of the segment that stands for it: 0 for opaque objects
     * @param function the C function that {@code constructor} calls
     */
    public Handle create(String objectName, long bytes, String function, @Nullable Arena arena,
            Constructor constructor, Destructor destructor) {
        retain();
        MemorySegment object;
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment out = scratch.allocate(ValueLayout.ADDRESS);
            Native.call(function, () -> constructor.create(segment(), out));
            object = out.get(ValueLayout.ADDRESS, 0);
        } catch (RuntimeException | Error e) {
            release();
            throw e;
        }
        Arena lifetime = arena != null ? arena : Arena.ofShared();
        MemorySegment alive = tie(objectName, object, bytes, lifetime, destructor);
        Handle handle = new Handle(objectName, alive, lifetime, arena == null, this);
        if (arena == null) {
            own(handle);
        }
        return handle;
    }

    /** Makes the object die with the arena, and this device's reference with the object. */
    private MemorySegment tie(String objectName, MemorySegment object, long bytes, Arena lifetime,
            Destructor destructor) {
        try {
            return object.reinterpret(bytes, lifetime, dead -> destroy(objectName, dead, destructor));
        } catch (RuntimeException | Error e) {
            // The caller's arena is closed or another thread's: the object never had an owner.
            destroy(objectName, object, destructor);
            throw e;
        }
    }

    private void destroy(String objectName, MemorySegment object, Destructor destructor) {
        try {
            Native.call("destruction of " + objectName, () -> destructor.destroy(address, object));
        } finally {
            release();
        }
    }

    /** Makes this device close {@code child} at the latest when it is closed itself, before what was owned earlier. */
    public void own(Owned child) {
        boolean late;
        synchronized (owned) {
            late = closed;
            if (!late) {
                owned.add(child);
            }
        }
        if (late) {
            child.close();
            throw closedException();
        }
    }

    /** Forgets a child that was closed by itself. */
    public void disown(Owned child) {
        synchronized (owned) {
            owned.remove(child);
        }
    }

    /**
     * Closes what is owned, latest first, then the device. Where a call in another thread uses some of it, that is an
     * {@link IllegalStateException}, the rest is closed all the same, and closing can be repeated.
     */
    @Override
    public void close() {
        RuntimeException first = closeOwned();
        if (first != null) {
            throw first;
        }
        synchronized (this) {
            if (!arena.scope().isAlive()) {
                return;
            }
            Lifetime.end(arena, "device " + name);
        }
        release();
    }

    private @Nullable RuntimeException closeOwned() {
        List<Owned> children;
        synchronized (owned) {
            closed = true;
            children = new ArrayList<>(owned).reversed();
        }
        RuntimeException first = null;
        for (Owned child : children) {
            try {
                child.close();
            } catch (RuntimeException e) {
                if (first == null) {
                    first = e;
                } else {
                    first.addSuppressed(e);
                }
            }
        }
        return first;
    }

    private void retain() {
        int count;
        do {
            count = references.get();
            if (count == 0) {
                throw closedException();
            }
        } while (!references.compareAndSet(count, count + 1));
    }

    private void release() {
        if (references.decrementAndGet() == 0) {
            Native.call("lnrnnDestroy", () -> lnrnn_h.lnrnnDestroy(address));
        }
    }

    private IllegalStateException closedException() {
        return Lifetime.closed("device " + name);
    }
}
