package dev.lnrnn;

import dev.lnrnn.internal.Handle;
import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.MemoryBudget;
import dev.lnrnn.internal.NativeDevice;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Memory of a device: an address, an extent and a lifetime. A program hands it to passes and copies it, but never reads
 * through it, on the CPU neither; so it behaves the same with and without a GPU.
 *
 * <p>A buffer is owned by its device ({@link Device#allocate(long)}), lives in an arena
 * ({@link Device#allocate(long, Arena)}), or is borrowed: a {@link #slice}, {@link #ofHost host memory} or
 * {@link #wrap foreign memory}, which die with what they were made from. Using it afterwards is an
 * {@link IllegalStateException}. Any thread may use a buffer, unless its arena is confined to one.
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
     * Borrows native host memory as memory of the CPU, which works on it in place. The buffer dies with the segment's
     * arena; where that is confined, only its thread can use the buffer. Of a read-only segment the buffer is an input
     * only.
     *
     * @param device the CPU
     * @param host a native segment, not of a mapped file: a file that is truncated while native code reads it would end
     *     the process
     * @return a borrowed buffer over the whole segment
     * @throws IllegalArgumentException if the device is not the CPU or the segment not native
     */
    public static DeviceBuffer ofHost(Device device, MemorySegment host) {
        Objects.requireNonNull(device, "device");
        Objects.requireNonNull(host, "host");
        if (!device.handle().isCpu()) {
            throw new IllegalArgumentException(device + " cannot use host memory in place, expected the CPU");
        }
        if (!host.isNative() || host.isMapped()) {
            throw new IllegalArgumentException("host is " + (host.isMapped() ? "a mapped file" : "on the Java heap")
                    + ", expected native memory; copyFrom takes any");
        }
        return new DeviceBuffer(device, host, null);
    }

    /**
     * Borrows foreign memory by its address. This method is <em>restricted</em>: nothing can check that the device may
     * read and write {@code bytes} bytes there for as long as the arena lives, and a wrong address or extent ends the
     * process or corrupts memory. The caller vouches for it.
     *
     * @param device the device that the memory is of
     * @param address where it begins, as the device's native functions have it; not 0
     * @param bytes its extent, 0 allowed
     * @param owner what ends the buffer's lifetime; the memory itself is not freed
     * @return a borrowed buffer
     * @throws IllegalArgumentException if the address is 0 or the extent negative or beyond the address space
     */
    public static DeviceBuffer wrap(Device device, long address, long bytes, Arena owner) {
        Objects.requireNonNull(device, "device");
        Objects.requireNonNull(owner, "owner");
        if (address == 0) {
            throw new IllegalArgumentException("address is 0, expected one of memory");
        }
        if (bytes < 0) {
            throw new IllegalArgumentException("bytes is " + bytes + ", expected at least 0");
        }
        if (Long.compareUnsigned(address + bytes, address) < 0) {
            throw new IllegalArgumentException("bytes is " + bytes + ", beyond the end of the address space");
        }
        return new DeviceBuffer(device, MemorySegment.ofAddress(address).reinterpret(bytes, owner, null), null);
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

    /** {@return whether it is an input only} */
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

    /** {@return whether it can still be used} */
    public boolean isAlive() {
        return segment.scope().isAlive();
    }

    /**
     * Borrows a part of this buffer; it dies with this buffer.
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
     * Frees memory that the device owns; harmless when that is done already. Work queued so far, on any stream, and
     * graphs may still use it: it is freed when they are done with it. A borrowed buffer, or one in an arena of the
     * caller's, is left alone: what it was made from decides.
     *
     * @throws IllegalStateException if a call in another thread uses it
     */
    @Override
    public void close() {
        if (handle != null) {
            handle.close();
        }
    }

    /**
     * Refuses to go on with a closed buffer.
     *
     * @throws IllegalStateException if it is closed, naming it
     */
    public void checkAlive() {
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
