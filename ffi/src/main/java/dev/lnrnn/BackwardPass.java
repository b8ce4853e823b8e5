package dev.lnrnn;

import dev.lnrnn.internal.HeldCalls;
import dev.lnrnn.internal.Native;
import dev.lnrnn.raw.lnrnnBackwardArguments_t;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.MemorySegment;

/**
 * The backward pass of the {@link ForwardPass} that ran before it, bound to its buffers by
 * {@link BackwardArguments#bind}. It computes the gradients of a scalar loss whose gradients by y, hn and cn are dy,
 * dhn and dcn. It can be repeated.
 */
public final class BackwardPass extends DirectedPass implements Pass {
    BackwardPass(TrainingPasses training, BoundCall call, PassArguments arguments) {
        super(training, call, arguments);
    }

    @Override
    public Plan plan() {
        return call.plan();
    }

    /**
     * Sets whether a run adds the gradients of parameters to the contents of their buffer, or replaces the contents.
     *
     * @param accumulate true to add, false to replace; false at first
     */
    public void setAccumulate(boolean accumulate) {
        set(lnrnnBackwardArguments_t.flags$offset(), accumulate ? lnrnn_h.LNRNN_BACKWARD_ACCUMULATE() : 0);
    }

    @Override
    public void run() {
        MemorySegment arguments = latestStruct();
        int status;
        try {
            status = HeldCalls.backward(handle, queue, arguments, held);
        } catch (AssertionError wrapper) {
            throw call.refusal(wrapper);
        }
        Native.check(status, "lnrnnBackward");
    }

    @Override
    public void close() {
        refuseRuns();
    }
}
