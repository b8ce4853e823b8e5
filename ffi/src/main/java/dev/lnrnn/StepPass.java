package dev.lnrnn;

import dev.lnrnn.internal.HeldCalls;
import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.Native;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A single time step for streaming, bound to its buffers by {@link StepArguments#bind}. It computes the same as an
 * {@link InferencePass} with T = 1, and updates the state in place.
 */
public final class StepPass implements Pass {
    private final BoundCall call;
    // Of the call, here where a run need not ask it.
    private final MemorySegment handle;
    private final MemorySegment queue;
    private final MemorySegment[] held;
    /** Never written to; null when it is closed. */
    private volatile @Nullable MemorySegment arguments;

    StepPass(BoundCall call, MemorySegment arguments) {
        this.call = call;
        this.handle = call.handle();
        this.queue = call.queue();
        this.held = call.held();
        this.arguments = arguments;
    }

    @Override
    public Plan plan() {
        return call.plan();
    }

    @Override
    public void run() {
        MemorySegment current = arguments;
        if (current == null) {
            throw Lifetime.closed("this StepPass");
        }
        int status;
        try {
            status = HeldCalls.step(handle, queue, current, held);
        } catch (AssertionError wrapper) {
            throw call.refusal(wrapper);
        }
        Native.check(status, "lnrnnStep");
    }

    @Override
    public void close() {
        arguments = null;
    }
}
