package dev.lnrnn;

import dev.lnrnn.internal.Handle;
import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.MemoryBudget;
import dev.lnrnn.internal.Native;
import dev.lnrnn.internal.NativeDevice;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Memory of a device: an address, an extent and a lifetime. A program hands it to passes and copies it. Java never reads
 * through it, not even on the CPU, so a program behaves the same with and without a GPU.
 *
 * <p>A device owns a buffer ({@link Device#allocate(long)}), or an arena does ({@link Device#allocate(long, Arena)}). A
 * {@link #slice} and {@link #wrap wrapped memory} are borrowed: they live as long as what they were made from. Using a
 * closed buffer throws {@link IllegalStateException}. Any thread may use a buffer, unless its arena is confined to one.
 */
public final class DeviceBuffer implements AutoCloseable {
    private final Device device;
    /** The memory with its whole extent, which a user never sees. */
    private final MemorySegment extent;
    private final MemorySegment segment;
    // What every pass asks of each of its buffers, here where it need not ask a segment.
    private final long address;
    private final long bytes;
    private final boolean readOnly;
    private final @Nullable Handle handle;

    private DeviceBuffer(Device device, MemorySegment extent, @Nullable Handle handle) {
        this.device = device;
        this.extent = extent;
        this.segment = extent.asSlice(0, 0);
        this.address = extent.address();
        this.bytes = extent.byteSize();
        this.readOnly = extent.isReadOnly();
        this.handle = handle;
    }

    /** Memory that lives in an arena, or that the device owns where that is null. */
    static DeviceBuffer allocate(Device device, long bytes, @Nullable Arena arena) {
        NativeDevice owner = device.handle();
        if (bytes < 0) {
            throw new IllegalArgumentException("bytes is " + bytes + ", expected at least 0");
        }
        String function = "lnrnnMalloc";
        Handle handle = owner.create("buffer of " + bytes + " bytes on " + owner.name(), bytes, function, arena,
                (owning, out) -> MemoryBudget.allocate(
                        bytes, function, () -> lnrnn_h.lnrnnMalloc(owning, MemorySegment.NULL, bytes, out)),
                (owning, memory) -> {
                    MemoryBudget.release(bytes);
                    return lnrnn_h.lnrnnFree(owning, MemorySegment.NULL, memory);
                });
        return new DeviceBuffer(device, handle.segment(), handle);
    }

    /**
     * Borrows native memory that exists already: host memory for the CPU, which works on it in place, or memory that other
     * code allocated on a CUDA device. The buffer lives as long as the segment. Closing the segment's arena ends it; the
     * buffer itself frees nothing. Only the thread of a confined arena can use the buffer. A read-only segment makes a
     * buffer that is an input only.
     *
     * <p>On a GPU the memory must stay until queued work that uses it has finished ({@link Stream#synchronize}), and as long
     * as a graph that uses it is launched: closing the segment's arena waits for neither.
     *
     * <p>An address becomes a segment by {@link MemorySegment#reinterpret(long, Arena, java.util.function.Consumer)}, a
     * restricted method: whoever calls it vouches for the extent and the lifetime.
     *
     * {@snippet :
     * MemorySegment memory = MemorySegment.ofAddress(address).reinterpret(bytes, arena, null);
     * DeviceBuffer buffer = DeviceBuffer.wrap(device, memory);
     * }
     *
     * @param device the device that the memory is of
     * @param memory a native segment of at least one byte, not of a mapped file
     * @return a borrowed buffer over the whole segment
     * @throws IllegalArgumentException if the segment is on the Java heap, mapped or empty
     * @throws IllegalStateException if the device or the segment is closed
     * @throws LnrnnException with {@link Status#INVALID_ARGUMENT} if a CUDA device finds that the memory is not its own
     */
    public static DeviceBuffer wrap(Device device, MemorySegment memory) {
        Objects.requireNonNull(memory, "memory");
        if (memory.isMapped()) {
            throw new IllegalArgumentException(
                    "memory is a mapped file, expected other native memory: wrapMapped takes a"
                            + " file that stays as long as it is, copyFrom takes any");
        }
        return wrapMapped(device, memory);
    }

    /**
     * Borrows native memory as {@link #wrap} does, and also that of a mapped file. The caller vouches that nobody truncates
     * the file while it is mapped: native code that reads or writes beyond its end crashes the JVM.
     *
     * @param device the device that the memory is of; only the CPU can use a mapped file
     * @param memory a native segment of at least one byte
     * @return a borrowed buffer over the whole segment
     * @throws IllegalArgumentException if the segment is on the Java heap or empty
     * @throws IllegalStateException if the device or the segment is closed
     * @throws LnrnnException with {@link Status#INVALID_ARGUMENT} if a CUDA device finds that the memory is not its own
     */
    public static DeviceBuffer wrapMapped(Device device, MemorySegment memory) {
        Objects.requireNonNull(device, "device");
        Objects.requireNonNull(memory, "memory");
        if (!memory.isNative()) {
            throw new IllegalArgumentException(
                    "memory is on the Java heap, expected native memory: copyFrom takes any");
        }
        if (memory.byteSize() == 0) {
            throw new IllegalArgumentException(
                    "memory has 0 bytes, expected at least 1: memory.reinterpret(bytes, arena,"
                            + " null) gives an address its extent and lifetime");
        }
        MemorySegment owner = device.handle().segment();
        if (!memory.scope().isAlive()) {
            throw Lifetime.closed("memory");
        }
        if (!device.handle().isCpu()) {
            Native.call("lnrnnCheckMemory", () -> lnrnn_h.lnrnnCheckMemory(owner, memory, memory.byteSize()));
        }
        return new DeviceBuffer(device, memory, null);
    }

    /** Native memory of any extent, for the CPU; the caller has checked it. */
    static DeviceBuffer ofHost(Device cpu, MemorySegment host) {
        return new DeviceBuffer(cpu, host, null);
    }

    /** {@return the device whose memory it is} */
    public Device device() {
        return device;
    }

    /** {@return its extent in bytes} */
    public long byteSize() {
        return bytes;
    }

    /** {@return where it begins, as the device's native functions have it} */
    public long address() {
        return address;
    }

    /** {@return whether calls may only read it} */
    public boolean isReadOnly() {
        return readOnly;
    }

    /** {@return a segment of length zero at its address and with its lifetime, to be passed to native functions} */
    public MemorySegment segment() {
        return segment;
    }

    /** The memory with its extent and lifetime, for Java to write where the device is the CPU. */
    MemorySegment extent() {
        return extent;
    }

    /** Whether something else than this buffer or its arena decides when the memory is freed. */
    boolean isBorrowed() {
        return handle == null;
    }

    /** {@return whether it can still be used} */
    public boolean isAlive() {
        return segment.scope().isAlive();
    }

    /**
     * Borrows a part of this buffer, which lives as long as this buffer.
     *
     * @param offset where the part begins, in bytes
     * @param bytes its extent
     * @return a borrowed buffer
     * @throws IndexOutOfBoundsException if the part is not inside this buffer
     * @throws IllegalStateException if this buffer is closed
     */
    public DeviceBuffer slice(long offset, long bytes) {
        if ((offset | bytes) < 0 || bytes > byteSize() - offset) {
            throw new IndexOutOfBoundsException(
                    "offset " + offset + " and bytes " + bytes + " are not inside a " + this);
        }
        checkAlive();
        return new DeviceBuffer(device, extent.asSlice(offset, bytes), null);
    }

    /**
     * Copies a host segment, heap or native, to the beginning of this buffer, on the default stream, and waits.
     *
     * @param host all of which is copied; at most as large as this buffer
     * @throws IllegalArgumentException if it is larger
     */
    public void copyFrom(MemorySegment host) {
        device.defaultStream().copy(this, host);
        device.synchronize();
    }

    /**
     * Fills a host segment, heap or native, from the beginning of this buffer, on the default stream, and waits.
     *
     * @param host all of which is filled; at most as large as this buffer
     * @throws IllegalArgumentException if it is larger or read-only
     */
    public void copyTo(MemorySegment host) {
        device.defaultStream().copy(host, this);
        device.synchronize();
    }

    /**
     * Closes a buffer that its device owns. The memory is released once all previously queued work on any stream, and
     * every graph, has finished with it. Does nothing to a borrowed buffer or one in an arena of the caller's. Closing
     * twice is harmless.
     *
     * @throws IllegalStateException if a call in another thread uses it
     */
    @Override
    public void close() {
        if (handle != null) {
            handle.close();
        }
    }

    /** Refuses to go on with a closed buffer. */
    void checkAlive() {
        if (!isAlive()) {
            throw Lifetime.closed(describe());
        }
    }

    /** {@return its extent, its device, and whether it is closed} */
    @Override
    public String toString() {
        return describe() + (isAlive() ? "" : " (closed)");
    }

    private String describe() {
        return "buffer of " + byteSize() + " bytes on " + device.handle().name();
    }
}
