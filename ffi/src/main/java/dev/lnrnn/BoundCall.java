package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.Native;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What all runs of a pass have in common: the handles, and what the linker holds open meanwhile.
 *
 * @param handle of the plan
 * @param queue of the stream
 * @param held a segment of each further arena, filled up with NULL of the plan's
 * @param buffers all of them, to name the one that a run is refused for
 */
record BoundCall(Plan plan, Stream stream, MemorySegment handle, MemorySegment queue, MemorySegment[] held,
        List<DeviceBuffer> buffers) {

    /** What the linker's refusal of a run means, with a name where something is closed. */
    RuntimeException refusal(AssertionError wrapper) {
        RuntimeException refusal = Native.refusal(wrapper);
        if (!plan.handle().isAlive()) {
            return Lifetime.closed(plan.handle().name());
        }
        stream.checkAlive();
        buffers.forEach(DeviceBuffer::checkAlive);
        return refusal;
    }
}
