package dev.lnrnn.internal;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A native object and the arena it lives in. The segment that stands for it dies with the arena, so that the linker
 * refuses to pass it afterwards and the arena refuses to close while a call uses it.
 */
public final class Handle implements NativeDevice.Owned {
    private final String name;
    private final MemorySegment segment;
    private final @Nullable Arena own;
    private final NativeDevice device;

    /**
     * @param own the arena that {@link #close()} closes; null where the arena is the caller's, whose closing decides
     */
    Handle(String name, MemorySegment segment, @Nullable Arena own, NativeDevice device) {
        this.name = name;
        this.segment = segment;
        this.own = own;
        this.device = device;
    }

    /** The object, to be passed to the native library; not checked, the linker does that. */
    public MemorySegment segment() {
        return segment;
    }

    public String name() {
        return name;
    }

    public NativeDevice device() {
        return device;
    }

    public boolean isAlive() {
        return segment.scope().isAlive();
    }

    /** Refuses to go on with a closed object. */
    public void checkAlive() {
        if (!isAlive()) {
            throw Lifetime.closed(name);
        }
    }

    /** Destroys the object if it has an arena of its own; harmless when that is done already. */
    @Override
    public void close() {
        if (own == null) {
            return;
        }
        synchronized (this) {
            if (!isAlive()) {
                return;
            }
            try {
                Lifetime.end(own, name);
            } finally {
                if (!isAlive()) {
                    device.disown(this);
                }
            }
        }
    }
}
