package dev.lnrnn;

import dev.lnrnn.internal.DeviceAccess;
import dev.lnrnn.memory.DeviceBuffer;
import dev.lnrnn.memory.PinnedArena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Copies between a device and host memory that native code cannot or should not read: heap arrays and mapped files.
 * Java itself copies to and from the CPU's memory. For other devices they go through a pool of pinned chunks that fit
 * into a processor's cache, so that the detour is short.
 */
final class Staging {
    private static final long CHUNK_BYTES = 256 << 10;

    private final Device device;
    private final Deque<MemorySegment> free = new ArrayDeque<>();
    private @Nullable PinnedArena arena;

    Staging(Device device) {
        this.device = device;
    }

    void upload(Stream stream, DeviceBuffer destination, MemorySegment source) {
        if (device.handle().isCpu()) {
            stream.synchronize();
            DeviceAccess.extent(destination).copyFrom(source);
            return;
        }
        MemorySegment chunk = take();
        try {
            for (long done = 0; done < source.byteSize(); done += CHUNK_BYTES) {
                long bytes = Math.min(CHUNK_BYTES, source.byteSize() - done);
                MemorySegment.copy(source, done, chunk, 0, bytes);
                stream.copy(destination.slice(done, bytes).segment(), chunk, bytes);
                stream.synchronize();
            }
        } finally {
            give(chunk);
        }
    }

    void download(Stream stream, MemorySegment destination, DeviceBuffer source) {
        if (device.handle().isCpu()) {
            stream.synchronize();
            MemorySegment.copy(DeviceAccess.extent(source), 0, destination, 0, destination.byteSize());
            return;
        }
        MemorySegment chunk = take();
        try {
            for (long done = 0; done < destination.byteSize(); done += CHUNK_BYTES) {
                long bytes = Math.min(CHUNK_BYTES, destination.byteSize() - done);
                stream.copy(chunk, source.slice(done, bytes).segment(), bytes);
                stream.synchronize();
                MemorySegment.copy(chunk, 0, destination, done, bytes);
            }
        } finally {
            give(chunk);
        }
    }

    private synchronized MemorySegment take() {
        MemorySegment chunk = free.poll();
        if (chunk != null) {
            return chunk;
        }
        if (arena == null) {
            arena = device.pinnedArena();
        }
        return arena.allocate(CHUNK_BYTES);
    }

    private synchronized void give(MemorySegment chunk) {
        free.push(chunk);
    }
}
