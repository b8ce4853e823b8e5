package dev.lnrnn;

import dev.lnrnn.internal.HeldCalls;
import dev.lnrnn.internal.Native;
import java.lang.foreign.MemorySegment;

/**
 * A forward pass that stores the activations that its backward passes need, bound to its buffers by
 * {@link ForwardArguments#bind}. It draws the masks that {@link TrainingArguments#mask} was not given.
 */
public final class ForwardPass extends DirectedPass implements Pass {
    ForwardPass(TrainingPasses training, BoundCall call, PassArguments arguments) {
        super(training, call, arguments);
    }

    @Override
    public Plan plan() {
        return call.plan();
    }

    @Override
    public void run() {
        MemorySegment arguments = latestStruct();
        int status;
        try {
            status = HeldCalls.forwardTraining(handle, queue, arguments, held);
        } catch (AssertionError wrapper) {
            throw call.refusal(wrapper);
        }
        Native.check(status, "lnrnnForwardTraining");
    }

    @Override
    public void close() {
        refuseRuns();
    }
}
