package dev.lnrnn;

import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The pass of a layer's latest call, which the next one can run again where its buffers are the same. */
final class LatestPass<P extends Pass> {
    private List<@Nullable DeviceBuffer> buffers = List.of();
    private @Nullable P pass;

    /** The latest pass if it was bound to these buffers, or else a new one. */
    P of(List<@Nullable DeviceBuffer> wanted, Supplier<P> bind) {
        P current = pass;
        if (current != null && wanted.equals(buffers)) {
            return current;
        }
        P bound = bind.get();
        boolean lasting = wanted.stream().noneMatch(buffer -> buffer != null && buffer.isBorrowed());
        // What is borrowed for a call is not kept beyond it.
        buffers = lasting ? wanted : List.of();
        pass = lasting ? bound : null;
        return bound;
    }

    void forget() {
        buffers = List.of();
        pass = null;
    }
}
