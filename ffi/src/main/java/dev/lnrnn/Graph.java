package dev.lnrnn;

import dev.lnrnn.internal.Handle;
import dev.lnrnn.internal.Native;
import dev.lnrnn.raw.lnrnn_h;
import java.util.Objects;

/**
 * Work that was recorded from a {@link Stream} once and can be queued again with one call.
 *
 * {@snippet :
 * Graph step = stream.capture(() -> {
 *     stream.copy(x, pinnedX);
 *     pass.run();
 *     stream.copy(pinnedH, h);
 * });
 * while (next(pinnedX)) {
 *     step.launch(stream);
 *     stream.synchronize();
 *     use(pinnedH);
 * }
 * }
 *
 * <p>A graph keeps the arguments of its calls: buffers, sizes, lengths, seed. Each launch reads the current contents of
 * the buffers. Memory that a graph uses is released when the graph is closed, even if its buffer, arena or plan is
 * closed earlier. There are two exceptions: registered memory, see {@link Registration}, and wrapped memory, which its owner
 * must keep as long as the graph is launched. Any thread may launch a graph.
 */
public final class Graph implements AutoCloseable {
    private final Device device;
    private final Handle handle;

    Graph(Device device, Handle handle) {
        this.device = device;
        this.handle = handle;
    }

    /** {@return the device it belongs to} */
    public Device device() {
        return device;
    }

    /**
     * Queues the work. Launches of one graph run one after the other.
     *
     * @param stream a stream of the same device
     * @throws IllegalArgumentException if the stream is of another device
     * @throws IllegalStateException if this graph or the stream is closed
     * @throws LnrnnException with {@link Status#INVALID_STATE} if the stream is being captured, or memory that the
     *     graph uses is no longer registered
     */
    public void launch(Stream stream) {
        Objects.requireNonNull(stream, "stream");
        if (stream.device() != device) {
            throw new IllegalArgumentException("stream is of " + stream.device() + ", expected one of " + device);
        }
        int status;
        try {
            status = lnrnn_h.lnrnnGraphLaunch(handle.segment(), stream.segment());
        } catch (AssertionError wrapper) {
            handle.checkAlive();
            stream.checkAlive();
            throw Native.refusal(wrapper);
        }
        Native.check(status, "lnrnnGraphLaunch");
    }

    /**
     * Destroys the graph; launches already queued still run. Closing twice is harmless.
     *
     * @throws IllegalStateException if a call in another thread uses it
     */
    @Override
    public void close() {
        handle.close();
    }
}
