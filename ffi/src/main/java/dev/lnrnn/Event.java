package dev.lnrnn;

import dev.lnrnn.internal.Handle;
import dev.lnrnn.internal.Native;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/** A point in a {@link Stream}'s work, with the time when it was reached. Any thread may use an event. */
public final class Event implements AutoCloseable {
    private final Device device;
    private final Handle handle;

    Event(Device device, Handle handle) {
        this.device = device;
        this.handle = handle;
    }

    /** {@return the device it belongs to} */
    public Device device() {
        return device;
    }

    /** {@return whether all recorded work is done; true for an event that was never recorded} */
    public boolean isDone() {
        handle.checkAlive();
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment done = scratch.allocate(ValueLayout.JAVA_INT);
            Native.call("lnrnnEventQuery", () -> lnrnn_h.lnrnnEventQuery(handle.segment(), done));
            return done.get(ValueLayout.JAVA_INT, 0) != 0;
        }
    }

    /** Waits until all recorded work is done. */
    public void synchronize() {
        handle.checkAlive();
        Native.call("lnrnnEventSynchronize", () -> lnrnn_h.lnrnnEventSynchronize(handle.segment()));
    }

    /**
     * {@return the time from this event to another in milliseconds}
     *
     * @param end the later event; both must be recorded and done
     * @throws LnrnnException if one is not recorded or not done
     */
    public double elapsedMilliseconds(Event end) {
        Objects.requireNonNull(end, "end");
        handle.checkAlive();
        device.checkOwns(end.handle);
        end.handle.checkAlive();
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment milliseconds = scratch.allocate(ValueLayout.JAVA_DOUBLE);
            Native.call("lnrnnEventElapsedMilliseconds", () -> lnrnn_h.lnrnnEventElapsedMilliseconds(
                    handle.segment(), end.handle.segment(), milliseconds));
            return milliseconds.get(ValueLayout.JAVA_DOUBLE, 0);
        }
    }

    /** Destroys the event. Closing twice is harmless. */
    @Override
    public void close() {
        handle.close();
    }

    Handle handle() {
        return handle;
    }
}
