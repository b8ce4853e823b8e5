package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.Native;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Forward passes for inference of one shape on one stream: zoneout as its expectation, DropConnect and dropout off.
 *
 * <p>A run is one call of the native library and allocates nothing. Any number of threads may run a pass, with
 * workspaces of their own; lengths are shared by them.
 */
public final class InferencePass implements AutoCloseable {
    private final Plan plan;
    private final MemorySegment planSegment;
    private final Stream stream;
    private final MemorySegment streamSegment;
    private final Operands operands;
    private final PlanSizes sizes;
    private final SequenceArguments sequence;
    private boolean closed;

    InferencePass(Plan plan, Sequence sequence, Stream stream) {
        this.plan = plan;
        this.planSegment = plan.handle().segment();
        this.stream = stream;
        this.operands = plan.operands();
        this.streamSegment = operands.stream(stream);
        this.sequence = new SequenceArguments(plan.spec(), sequence);
        this.sizes = plan.sizes(sequence.steps(), sequence.batch());
    }

    /** {@return the plan that is run} */
    public Plan plan() {
        return plan;
    }

    /** {@return the bytes that {@link #run} needs} */
    public PlanSizes sizes() {
        return sizes;
    }

    /**
     * Sets the number of steps of each row for later runs: from there on y is 0 and the state stays.
     *
     * @param lengths N lengths, each 0...T, in any order, which are copied; or null for T each
     * @throws IllegalArgumentException if the number of lengths or one of them is wrong
     */
    public void setLengths(long @Nullable [] lengths) {
        checkOpen();
        sequence.setLengths(lengths);
    }

    /**
     * Queues a forward pass. Buffers may be larger than needed; inputs and outputs may not overlap, except that hn and
     * cn may be h0 and c0.
     *
     * @param packed packed weights of {@link Plan#pack}
     * @param x the input (T,N,C), strided as the sequence says
     * @param h0 the initial h (L&middot;D,N,H), or null for zeros
     * @param c0 the initial c (L&middot;D,N,H), or null for zeros; only for an LSTM
     * @param y the output (T,N,D&middot;H), strided as the sequence says, or null where not wanted
     * @param hn h at each row's length (L&middot;D,N,H), or null where not wanted
     * @param cn c at each row's length (L&middot;D,N,H), or null where not wanted; only for an LSTM
     * @param workspace at least {@link PlanSizes#inferenceWorkspaceBytes()} bytes, 64-byte aligned
     * @throws IllegalArgumentException if a buffer is too small, of another device, misaligned, or read-only where
     *     it is written
     * @throws IllegalStateException if this pass, its plan, its stream or a buffer is closed
     * @throws LnrnnException with {@link Status#INVALID_ARGUMENT} if buffers overlap where they may not
     */
    public void run(
            DeviceBuffer packed,
            DeviceBuffer x,
            @Nullable DeviceBuffer h0,
            @Nullable DeviceBuffer c0,
            @Nullable DeviceBuffer y,
            @Nullable DeviceBuffer hn,
            @Nullable DeviceBuffer cn,
            DeviceBuffer workspace) {
        checkOpen();
        long stateBytes = sizes.stateBytes();
        int status;
        try {
            status = lnrnn_h.lnrnnForwardInference(
                    planSegment,
                    streamSegment,
                    sequence.struct(),
                    sequence.lengths(),
                    operands.filledSpace(packed, "packed", sizes.packedBytes()),
                    packed.byteSize(),
                    operands.input(x, "x", sequence.xBytes),
                    x.byteSize(),
                    operands.optionalStateInput(h0, "h0", stateBytes),
                    operands.cellInput(c0, "c0", stateBytes),
                    operands.optionalOutput(y, "y", sequence.yBytes),
                    Operands.bytes(y),
                    operands.optionalStateOutput(hn, "hn", stateBytes),
                    operands.cellOutput(cn, "cn", stateBytes),
                    stateBytes,
                    operands.space(workspace, "workspace", sizes.inferenceWorkspaceBytes()),
                    workspace.byteSize());
        } catch (AssertionError wrapper) {
            throw operands.refusal(wrapper, stream, packed, x, h0, c0, y, hn, cn, workspace);
        }
        Native.check(status, "lnrnnForwardInference");
    }

    /** Makes later runs be refused; harmless when that is done already. Its memory is garbage-collected. */
    @Override
    public void close() {
        closed = true;
    }

    SequenceArguments extents() {
        return sequence;
    }

    private void checkOpen() {
        if (closed) {
            throw Lifetime.closed("this InferencePass");
        }
    }
}
