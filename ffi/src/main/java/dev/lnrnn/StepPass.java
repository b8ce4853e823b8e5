package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.Native;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Single time steps, for streaming: as {@link InferencePass} with T = 1 and the state updated in place.
 *
 * <p>A step is one call of the native library and allocates nothing. Keep the plan and all buffers in one arena, and
 * the call checks one lifetime instead of six; where they are the same at every step, {@link #bind} them, and they are
 * checked but once. Any number of threads may run a pass, with states and workspaces of their own.
 */
public final class StepPass implements AutoCloseable {
    private final Plan plan;
    private final MemorySegment planSegment;
    private final Stream stream;
    private final MemorySegment streamSegment;
    private final Operands operands;
    private final long batch;
    private final long packedBytes;
    private final long xBytes;
    private final long stateBytes;
    private final long workspaceBytes;
    private boolean closed;

    StepPass(Plan plan, long batch, Stream stream) {
        if (plan.spec().direction() != Direction.FORWARD) {
            throw new IllegalArgumentException("direction is " + plan.spec().direction() + ", expected FORWARD: "
                    + "a reverse direction begins at the end, which a stream of steps does not have");
        }
        this.plan = plan;
        this.planSegment = plan.handle().segment();
        this.stream = stream;
        this.operands = plan.operands();
        this.streamSegment = operands.stream(stream);
        this.batch = batch;
        this.xBytes = new SequenceArguments(plan.spec(), Sequence.timeMajor(1, batch)).xBytes;
        PlanSizes sizes = plan.sizes(1, batch);
        this.packedBytes = sizes.packedBytes();
        this.stateBytes = sizes.stateBytes();
        this.workspaceBytes = sizes.stepWorkspaceBytes();
    }

    /** {@return the plan that is run} */
    public Plan plan() {
        return plan;
    }

    /** {@return the rows N of a step} */
    public long batch() {
        return batch;
    }

    /** {@return bytes of x (N,C)} */
    public long xBytes() {
        return xBytes;
    }

    /** {@return bytes of h, and of c (L,N,H)} */
    public long stateBytes() {
        return stateBytes;
    }

    /** {@return bytes of the workspace that a step needs} */
    public long workspaceBytes() {
        return workspaceBytes;
    }

    /**
     * Queues one step.
     *
     * @param packed packed weights of {@link Plan#pack}
     * @param x the input (N,C)
     * @param h the state h (L,N,H), read and written; that of the last layer is the output, too
     * @param c the state c (L,N,H), read and written; null for any cell but the LSTM
     * @param workspace at least {@link PlanSizes#stepWorkspaceBytes()} bytes, 64-byte aligned
     * @throws IllegalArgumentException if a buffer is too small, of another device, misaligned, or read-only where
     *     it is written
     * @throws IllegalStateException if this pass, its plan, its stream or a buffer is closed
     * @throws LnrnnException with {@link Status#INVALID_ARGUMENT} if buffers overlap where they may not
     */
    public void run(
            DeviceBuffer packed, DeviceBuffer x, DeviceBuffer h, @Nullable DeviceBuffer c, DeviceBuffer workspace) {
        check(packed, x, h, c, workspace);
        int status;
        try {
            status = lnrnn_h.lnrnnStep(
                    planSegment,
                    streamSegment,
                    batch,
                    packed.segment(),
                    packed.byteSize(),
                    x.segment(),
                    x.byteSize(),
                    h.segment(),
                    Operands.segment(c),
                    stateBytes,
                    workspace.segment(),
                    workspace.byteSize());
        } catch (AssertionError wrapper) {
            throw refusal(wrapper, packed, x, h, c, workspace);
        }
        Native.check(status, "lnrnnStep");
    }

    /**
     * Chooses the buffers of any number of steps. Where the plan and all of them live in one arena they are checked
     * here, once; otherwise at every step.
     *
     * @param packed packed weights of {@link Plan#pack}
     * @param x the input (N,C)
     * @param h the state h (L,N,H), read and written; that of the last layer is the output, too
     * @param c the state c (L,N,H), read and written; null for any cell but the LSTM
     * @param workspace at least {@link PlanSizes#stepWorkspaceBytes()} bytes, 64-byte aligned
     * @return steps with these buffers, for as long as this pass is open
     * @throws IllegalArgumentException if a buffer is too small, of another device, misaligned, or read-only where
     *     it is written
     * @throws IllegalStateException if this pass, its plan, its stream or a buffer is closed
     */
    public BoundStep bind(
            DeviceBuffer packed, DeviceBuffer x, DeviceBuffer h, @Nullable DeviceBuffer c, DeviceBuffer workspace) {
        check(packed, x, h, c, workspace);
        plan.handle().checkAlive();
        stream.checkAlive();
        Operands.checkAlive(packed, x, h, c, workspace);
        return new BoundStep(this, streamSegment, packed, x, h, c, workspace);
    }

    private void check(
            DeviceBuffer packed, DeviceBuffer x, DeviceBuffer h, @Nullable DeviceBuffer c, DeviceBuffer workspace) {
        checkOpen();
        operands.filledSpace(packed, "packed", packedBytes);
        operands.input(x, "x", xBytes);
        operands.stateOutput(h, "h", stateBytes);
        operands.cellState(c, "c", stateBytes);
        operands.space(workspace, "workspace", workspaceBytes);
    }

    /** Makes later steps be refused; harmless when that is done already. */
    @Override
    public void close() {
        closed = true;
    }

    void checkOpen() {
        if (closed) {
            throw Lifetime.closed("this StepPass");
        }
    }

    /** What the linker's refusal of a step means. */
    RuntimeException refusal(AssertionError wrapper, @Nullable DeviceBuffer... buffers) {
        return operands.refusal(wrapper, stream, buffers);
    }
}
