package dev.lnrnn.internal;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A native object and the arena it lives in. The segment that stands for it dies with the arena, so that the linker
 * refuses to pass it afterwards and the arena refuses to close while a call uses it.
 */
public final class Handle implements NativeDevice.Owned {
    private final String name;
    private final MemorySegment segment;
    private final Arena arena;
    private final boolean owned;
    private final NativeDevice device;

    /**
     * @param arena what the object lives in
     * @param owned whether {@link #close()} closes it; where the arena is the caller's, that decides
     */
    Handle(String name, MemorySegment segment, Arena arena, boolean owned, NativeDevice device) {
        this.name = name;
        this.segment = segment;
        this.arena = arena;
        this.owned = owned;
        this.device = device;
    }

    /** The object, to be passed to the native library; not checked, the linker does that. */
    public MemorySegment segment() {
        return segment;
    }

    /**
     * Answers memory with the lifetime of this object, so that the linker holds both for the price of one. Who has the
     * memory itself has to keep it.
     */
    public MemorySegment tie(MemorySegment memory) {
        // Only the thread of a confined arena may give its lifetime away.
        return segment.isAccessibleBy(Thread.currentThread())
                ? memory.reinterpret(memory.byteSize(), arena, null)
                : memory;
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
        if (!owned) {
            return;
        }
        synchronized (this) {
            if (!isAlive()) {
                return;
            }
            try {
                Lifetime.end(arena, name);
            } finally {
                if (!isAlive()) {
                    device.disown(this);
                }
            }
        }
    }
}
