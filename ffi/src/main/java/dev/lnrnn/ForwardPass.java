package dev.lnrnn;

import dev.lnrnn.internal.HeldCalls;
import dev.lnrnn.internal.Native;
import java.lang.foreign.MemorySegment;

/**
 * A forward pass that keeps what its backward passes need, bound to its buffers by {@link ForwardArguments#bind}. Zoneout,
 * DropConnect and dropout are drawn, or, the former two, given as masks.
 */
public final class ForwardPass extends DirectedPass implements Pass {
    ForwardPass(TrainingPass training, BoundCall call, PassArguments arguments) {
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
