package dev.lnrnn;

import dev.lnrnn.internal.HeldCalls;
import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.Native;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A forward pass for inference, bound to its buffers by {@link InferenceArguments#bind}. It uses the expectation of
 * zoneout, and neither DropConnect nor dropout of either kind.
 */
public final class InferencePass implements Pass {
    private final BoundCall call;
    // Of the call, here where a run need not ask it.
    private final MemorySegment handle;
    private final MemorySegment queue;
    private final MemorySegment[] held;
    private final Sequence sequence;
    /** What a change of the settings starts from; null when this is closed. */
    private @Nullable PassArguments arguments;
    /** The struct alone, for runs; null when this is closed. */
    private volatile @Nullable MemorySegment struct;

    InferencePass(BoundCall call, Sequence sequence, PassArguments arguments) {
        this.call = call;
        this.handle = call.handle();
        this.queue = call.queue();
        this.held = call.held();
        this.sequence = sequence;
        this.arguments = arguments;
        this.struct = arguments.struct();
    }

    @Override
    public Plan plan() {
        return call.plan();
    }

    /**
     * Sets the number of steps of each row for later runs. Beyond a row's length, y is 0 and the state does not change.
     *
     * @param lengths N lengths, each 0...T, in any order, which are copied; or null if every row has T steps, as at
     *     first
     * @throws IllegalArgumentException if the number of lengths or one of them is wrong
     */
    public synchronized void setLengths(long @Nullable [] lengths) {
        PassArguments current = arguments;
        if (current == null) {
            throw closed();
        }
        SequenceSettings changed = current.settings().withLengths(sequence, lengths);
        if (changed != current.settings()) {
            arguments = current.with(changed);
            struct = arguments.struct();
        }
    }

    @Override
    public void run() {
        MemorySegment current = struct;
        if (current == null) {
            throw closed();
        }
        int status;
        try {
            status = HeldCalls.forwardInference(handle, queue, current, held);
        } catch (AssertionError wrapper) {
            throw call.refusal(wrapper);
        }
        Native.check(status, "lnrnnForwardInference");
    }

    @Override
    public synchronized void close() {
        arguments = null;
        struct = null;
    }

    private static IllegalStateException closed() {
        return Lifetime.closed("this InferencePass");
    }
}
