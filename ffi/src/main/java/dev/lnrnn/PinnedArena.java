package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.MemoryBudget;
import dev.lnrnn.internal.NativeDevice;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * An arena of page-locked host memory. Java reads and writes its segments, and copies between them and the device do
 * not wait. On the CPU it is ordinary memory with the same rules.
 *
 * <p>Any thread may use and close the arena and its segments. Closing twice is harmless, unlike for other arenas,
 * because the device closes the arena as well.
 *
 * {@snippet :
 * try (PinnedArena pinned = device.pinnedArena()) {
 *     MemorySegment x = pinned.allocate(ValueLayout.JAVA_FLOAT, steps * batch * inputSize);
 *     device.defaultStream().copy(buffer, x);
 * }
 * }
 */
public final class PinnedArena implements Arena {
    /** What the native library aligns to. */
    private static final long ALIGNMENT = 64;

    private final NativeDevice device;
    private final Arena arena = Arena.ofShared();
    private final NativeDevice.Owned ownership = this::close;

    private PinnedArena(NativeDevice device) {
        this.device = device;
    }

    /** An arena that the device owns until it is closed. */
    static PinnedArena open(Device device) {
        PinnedArena pinned = new PinnedArena(device.handle());
        pinned.device.own(pinned.ownership);
        return pinned;
    }

    /**
     * Allocates zeroed page-locked memory.
     *
     * @param byteSize the size, 0 allowed
     * @param byteAlignment a power of two
     * @return a segment that lives until this arena is closed
     * @throws IllegalArgumentException if an argument is out of range
     * @throws LnrnnException with {@link Status#OUT_OF_MEMORY} if there is not enough
     */
    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
        if (byteSize < 0) {
            throw new IllegalArgumentException("byteSize is " + byteSize + ", expected at least 0");
        }
        if (byteAlignment <= 0 || Long.bitCount(byteAlignment) != 1) {
            throw new IllegalArgumentException("byteAlignment is " + byteAlignment + ", expected a power of two");
        }
        long slack = byteAlignment > ALIGNMENT ? byteAlignment - ALIGNMENT : 0;
        if (byteSize > Long.MAX_VALUE - slack) {
            throw new IllegalArgumentException("byteSize is " + byteSize + ", too large for byteAlignment "
                    + byteAlignment);
        }
        Lifetime.check(arena, name());
        MemorySegment block = allocateBlock(byteSize + slack);
        long start = -block.address() & (byteAlignment - 1);
        return block.asSlice(start, byteSize).fill((byte) 0);
    }

    private MemorySegment allocateBlock(long bytes) {
        String function = "lnrnnHostAlloc";
        return device.create("pinned memory on " + device.name(), bytes, function, arena,
                (handle, out) -> MemoryBudget.allocate(
                        bytes, function, () -> lnrnn_h.lnrnnHostAlloc(handle, bytes, out)),
                (handle, memory) -> {
                    MemoryBudget.release(bytes);
                    return lnrnn_h.lnrnnHostFree(handle, memory);
                })
                .segment();
    }

    /** {@return the scope of all segments of this arena} */
    @Override
    public MemorySegment.Scope scope() {
        return arena.scope();
    }

    /**
     * Closes the arena. Its memory is released once all previously queued work, and every graph, has finished with it.
     * Closing twice is harmless.
     *
     * @throws IllegalStateException if a call in another thread uses part of it
     */
    @Override
    public synchronized void close() {
        if (arena.scope().isAlive()) {
            Lifetime.end(arena, name());
            device.disown(ownership);
        }
    }

    private String name() {
        return "pinned arena on " + device.name();
    }
}
