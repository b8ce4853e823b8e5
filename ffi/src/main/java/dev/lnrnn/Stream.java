package dev.lnrnn;

import dev.lnrnn.internal.Handle;
import dev.lnrnn.internal.Native;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An ordered queue of work. Unless their description says otherwise, calls return before their work is done; on the CPU
 * it is done when they return. Different streams, including the default one, are not ordered with each other: use an
 * {@link Event} or {@link #synchronize} before one reads what another wrote. Any thread may use a stream; calls on one
 * stream run one after the other.
 */
public final class Stream implements AutoCloseable {
    private final Device device;
    private final @Nullable Handle handle;
    private final MemorySegment segment;
    private volatile boolean capturing;

    /** A stream; without a handle the device's default stream, which the C API calls NULL. */
    Stream(Device device, @Nullable Handle handle) {
        this.device = device;
        this.handle = handle;
        this.segment = handle == null ? MemorySegment.NULL : handle.segment();
    }

    /** {@return the device it belongs to} */
    public Device device() {
        return device;
    }

    /** Waits until all queued work is done, and throws if some of it failed. */
    public void synchronize() {
        checkAlive();
        MemorySegment owner = device.handle().segment();
        Native.call("lnrnnStreamSynchronize", () -> lnrnn_h.lnrnnStreamSynchronize(owner, segment));
    }

    /**
     * Records all work queued so far in an event.
     *
     * @param event an event of the same device
     */
    public void record(Event event) {
        MemorySegment eventSegment = checkEvent(event);
        MemorySegment owner = device.handle().segment();
        Native.call("lnrnnEventRecord", () -> lnrnn_h.lnrnnEventRecord(owner, eventSegment, segment));
    }

    /**
     * Makes later work on this stream wait for an event's latest recording.
     *
     * @param event an event of the same device
     */
    public void await(Event event) {
        MemorySegment eventSegment = checkEvent(event);
        MemorySegment owner = device.handle().segment();
        Native.call("lnrnnStreamWaitEvent", () -> lnrnn_h.lnrnnStreamWaitEvent(owner, segment, eventSegment));
    }

    /**
     * Copies a host segment to the beginning of a buffer. The segment may be changed when this returns. If it is pinned
     * ({@link PinnedArena}) or registered ({@link Device#register}), it may be changed when the stream has done the
     * copy.
     *
     * @param destination a buffer of the same device
     * @param source the segment, copied whole; at most as large as the buffer, and not memory of the buffer
     */
    public void copy(DeviceBuffer destination, MemorySegment source) {
        checkBuffer(destination, "destination");
        Objects.requireNonNull(source, "source");
        checkWritable(destination.segment(), "destination");
        checkFits("source", source.byteSize(), "destination", destination.byteSize());
        checkApart(destination.address(), source, source.byteSize());
        if (isPlainNative(source)) {
            copy(destination.segment(), source, source.byteSize());
        } else {
            checkNotCapturing("source");
            device.staging().upload(this, destination, source);
        }
    }

    /**
     * Fills a host segment from the beginning of a buffer. The segment is filled when this returns. If it is pinned
     * ({@link PinnedArena}) or registered ({@link Device#register}), it is filled when the stream has done the copy.
     *
     * @param destination the segment, filled whole; at most as large as the buffer, and not memory of the buffer
     * @param source a buffer of the same device
     */
    public void copy(MemorySegment destination, DeviceBuffer source) {
        Objects.requireNonNull(destination, "destination");
        checkBuffer(source, "source");
        checkWritable(destination, "destination");
        checkFits("destination", destination.byteSize(), "source", source.byteSize());
        checkApart(source.address(), destination, destination.byteSize());
        if (isPlainNative(destination)) {
            copy(destination, source.segment(), destination.byteSize());
        } else {
            checkNotCapturing("destination");
            device.staging().download(this, destination, source);
        }
    }

    /**
     * Copies a buffer to the beginning of another.
     *
     * @param destination a buffer of the same device
     * @param source a buffer of the same device, copied whole; at most as large as the destination
     * @throws IllegalArgumentException if source is larger or overlaps the destination
     */
    public void copy(DeviceBuffer destination, DeviceBuffer source) {
        checkBuffer(destination, "destination");
        checkBuffer(source, "source");
        checkWritable(destination.segment(), "destination");
        checkFits("source", source.byteSize(), "destination", destination.byteSize());
        checkApart(destination.address(), source.segment(), source.byteSize());
        copy(destination.segment(), source.segment(), source.byteSize());
    }

    /**
     * Sets every byte of a buffer.
     *
     * @param destination a buffer of the same device
     * @param value the new value of each byte
     */
    public void fill(DeviceBuffer destination, byte value) {
        checkBuffer(destination, "destination");
        checkWritable(destination.segment(), "destination");
        checkAlive();
        MemorySegment owner = device.handle().segment();
        Native.call("lnrnnMemset", () -> lnrnn_h.lnrnnMemset(
                owner, segment, destination.segment(), value, destination.byteSize()));
    }

    /**
     * Records the work that is queued on this stream, and does not run it. Passes, copies of pinned memory and of
     * buffers, fills, {@link #record} and {@link #await} can be recorded; allocating and freeing memory works as usual.
     * {@link #synchronize}, {@link Plan#initialize} and copies of other host memory cannot be recorded. A second stream
     * that awaits an event recorded here is recorded as well, and this stream must then await it. A device captures one
     * stream at a time.
     *
     * @param work queues the work, in this thread
     * @return the recorded work, owned by this stream's device
     * @throws IllegalStateException if this is the default stream, or closed
     * @throws LnrnnException with {@link Status#NOT_SUPPORTED} if the device cannot capture, as the CPU; with
     *     {@link Status#INVALID_STATE} if another capture is under way; or if the recording is incomplete. An exception
     *     of {@code work} ends the capture and is thrown to the caller
     */
    public Graph capture(Runnable work) {
        Objects.requireNonNull(work, "work");
        if (handle == null) {
            throw new IllegalStateException("the default stream of " + device + " cannot be captured: create a stream");
        }
        handle.checkAlive();
        MemorySegment owner = device.handle().segment();
        Native.call("lnrnnStreamBeginCapture", () -> lnrnn_h.lnrnnStreamBeginCapture(owner, segment));
        capturing = true;
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            discardCapture(e);
            throw e;
        } finally {
            capturing = false;
        }
        return endCapture();
    }

    private void discardCapture(Throwable reason) {
        try {
            endCapture().close();
        } catch (RuntimeException e) {
            reason.addSuppressed(e);
        }
    }

    private Graph endCapture() {
        checkAlive();
        return new Graph(device, device.handle().create("graph on " + device.handle().name(), 0,
                "lnrnnStreamEndCapture", null, (owner, out) -> lnrnn_h.lnrnnStreamEndCapture(owner, segment, out),
                (owner, graph) -> lnrnn_h.lnrnnGraphDestroy(graph)));
    }

    /**
     * Destroys the stream; work already queued is finished first. Closing twice is harmless.
     *
     * @throws IllegalStateException for a default stream, which closes with its device
     */
    @Override
    public void close() {
        if (handle == null) {
            throw new IllegalStateException("the default stream of " + device + " closes with its device");
        }
        handle.close();
    }

    boolean isDefault() {
        return handle == null;
    }

    /** The stream as passes hand it to the native library. */
    MemorySegment segment() {
        return segment;
    }

    void checkAlive() {
        if (handle != null) {
            handle.checkAlive();
        }
    }

    /** Moves bytes between native memory of any two kinds; the linker checks that both are alive. */
    void copy(MemorySegment destination, MemorySegment source, long bytes) {
        checkAlive();
        MemorySegment owner = device.handle().segment();
        Native.call("lnrnnMemcpy", () -> lnrnn_h.lnrnnMemcpy(owner, segment, destination, source, bytes));
    }

    /** Mapped memory goes through staging: where its file was truncated, Java survives touching it and C does not. */
    private static boolean isPlainNative(MemorySegment host) {
        return host.isNative() && !host.isMapped();
    }

    /** A detour through staging memory would be recorded without what goes through it. */
    private void checkNotCapturing(String name) {
        if (capturing) {
            throw new IllegalStateException(name + " is on the heap or a mapped file, which cannot be copied in a "
                    + "capture: use pinned memory");
        }
    }

    private MemorySegment checkEvent(Event event) {
        Objects.requireNonNull(event, "event");
        checkAlive();
        device.checkOwns(event.handle());
        event.handle().checkAlive();
        return event.handle().segment();
    }

    private void checkBuffer(DeviceBuffer buffer, String name) {
        Objects.requireNonNull(buffer, name);
        if (buffer.device() != device) {
            throw new IllegalArgumentException(name + " is a " + buffer + ", expected one on " + device);
        }
        buffer.checkAlive();
    }

    private static void checkWritable(MemorySegment segment, String name) {
        if (segment.isReadOnly()) {
            throw new IllegalArgumentException(name + " is read-only");
        }
    }

    /** Host memory may be that of a buffer of the CPU. */
    private static void checkApart(long buffer, MemorySegment other, long bytes) {
        if (other.isNative() && Math.abs(buffer - other.address()) < bytes) {
            throw new IllegalArgumentException("source and destination overlap: " + bytes
                    + " bytes that begin " + Math.abs(buffer - other.address()) + " bytes apart");
        }
    }

    private static void checkFits(String name, long bytes, String other, long otherBytes) {
        if (bytes > otherBytes) {
            throw new IllegalArgumentException(
                    name + " has " + bytes + " bytes, but " + other + " only " + otherBytes);
        }
    }
}
