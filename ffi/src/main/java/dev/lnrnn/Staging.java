package dev.lnrnn;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Copies between a device and host memory that native code cannot or should not read: heap arrays and mapped files.
 * They go through a pool of chunks that fit into a processor's cache, so that the detour is short; pinned ones, where
 * the device is not the CPU.
 */
final class Staging {
    private static final long CHUNK_BYTES = 256 << 10;

    private final Device device;
    private final Deque<MemorySegment> free = new ArrayDeque<>();
    private @Nullable Arena arena;

    Staging(Device device) {
        this.device = device;
    }

    void upload(Stream stream, DeviceBuffer destination, MemorySegment source) {
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
            arena = device.handle().isCpu() ? Arena.ofAuto() : device.pinnedArena();
        }
        return arena.allocate(CHUNK_BYTES);
    }

    private synchronized void give(MemorySegment chunk) {
        free.push(chunk);
    }
}
