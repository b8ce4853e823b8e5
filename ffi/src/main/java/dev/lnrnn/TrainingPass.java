package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.Native;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Forward passes that keep what their backward passes need, of one shape on one stream. Zoneout, DropConnect and
 * dropout are drawn: from a seed set here or in memory of the device, or, the former two, given as masks.
 *
 * <p>A run is one call of the native library and allocates nothing. What is set here holds for later runs of every
 * thread; between a forward pass and its backward passes it has to stay, except {@link #setAccumulate}.
 */
public final class TrainingPass implements AutoCloseable {
    /** A seed, a first step and a first row. */
    private static final long RANDOM_BYTES = 3 * Long.BYTES;

    private final Plan plan;
    private final MemorySegment planSegment;
    private final Stream stream;
    private final MemorySegment streamSegment;
    private final Operands operands;
    private final PlanSizes sizes;
    private final SequenceArguments sequence;
    private final long zoneoutMaskBytes;
    private final long dropconnectMaskBytes;
    private @Nullable DeviceBuffer zoneoutMask;
    private @Nullable DeviceBuffer dropconnectMask;
    private @Nullable DeviceBuffer random;
    private boolean closed;

    TrainingPass(Plan plan, Sequence sequence, Stream stream) {
        this.plan = plan;
        this.planSegment = plan.handle().segment();
        this.stream = stream;
        this.operands = plan.operands();
        this.streamSegment = operands.stream(stream);
        this.sequence = new SequenceArguments(plan.spec(), sequence);
        this.sizes = plan.sizes(sequence.steps(), sequence.batch());
        this.zoneoutMaskBytes = zoneoutMaskBytes(plan.spec(), sequence);
        this.dropconnectMaskBytes = dropconnectMaskBytes(plan.spec());
    }

    /** (L D, T, N, H) bytes; the reserve, whose size the native library knows to fit into 64 bits, is larger. */
    static long zoneoutMaskBytes(LayerSpec spec, Sequence sequence) {
        return spec.states() * sequence.steps() * sequence.batch() * spec.hiddenSize();
    }

    /** (L D, G H, H) bytes; the parameters are larger. */
    static long dropconnectMaskBytes(LayerSpec spec) {
        return spec.states() * spec.cell().gates() * spec.hiddenSize() * spec.hiddenSize();
    }

    /** {@return the plan that is run} */
    public Plan plan() {
        return plan;
    }

    /** {@return the bytes that the passes need} */
    public PlanSizes sizes() {
        return sizes;
    }

    /**
     * Sets the number of steps of each row for later runs: from there on y is 0, the state stays, dy is ignored and dx
     * is 0.
     *
     * @param lengths N lengths, each 0...T, in any order, which are copied; or null for T each
     * @throws IllegalArgumentException if the number of lengths or one of them is wrong
     */
    public void setLengths(long @Nullable [] lengths) {
        checkOpen();
        sequence.setLengths(lengths);
    }

    /**
     * Sets what masks are drawn from. The same seed gives the same masks on every device.
     *
     * @param seed all 64 bits count; 0 at first
     */
    public void setSeed(long seed) {
        checkOpen();
        sequence.setSeed(seed);
    }

    /**
     * Sets where in a larger whole this data is, so that a chunk of a sequence or batch draws what the whole would.
     *
     * @param step the first step, 0...2<sup>32</sup> - T; 0 at first
     * @param row the first row, 0...2<sup>32</sup> - N; 0 at first
     * @throws IllegalArgumentException if one is out of its range
     */
    public void setOffsets(long step, long row) {
        checkOpen();
        sequence.setOffsets(step, row);
    }

    /**
     * Sets whether gradients of parameters are added to what their buffer holds, instead of replacing it.
     *
     * @param accumulate true to add; false at first
     */
    public void setAccumulate(boolean accumulate) {
        checkOpen();
        sequence.setAccumulate(accumulate);
    }

    /**
     * Sets masks instead of drawing them. They stay borrowed: the buffers must live while passes run.
     *
     * @param zoneoutMask (L&middot;D,T,N,H) bytes, not 0 = update, 0 = keep the old h; or null to draw it
     * @param dropconnectMask (L&middot;D,G&middot;H,H) bytes, not 0 = keep the weight, 0 = drop it; or null to draw it
     * @throws IllegalArgumentException if a mask is too small or of another device, or the plan draws no such mask
     */
    public void setMasks(@Nullable DeviceBuffer zoneoutMask, @Nullable DeviceBuffer dropconnectMask) {
        checkOpen();
        checkDrawn(plan.spec(), zoneoutMask, dropconnectMask);
        // Bytes may begin anywhere.
        operands.checkKept(zoneoutMask, "zoneoutMask", zoneoutMaskBytes, 1);
        operands.checkKept(dropconnectMask, "dropconnectMask", dropconnectMaskBytes, 1);
        this.zoneoutMask = zoneoutMask;
        this.dropconnectMask = dropconnectMask;
    }

    /** A mask is refused where it would decide nothing. */
    static void checkDrawn(LayerSpec spec, @Nullable Object zoneoutMask, @Nullable Object dropconnectMask) {
        if (zoneoutMask != null && spec.zoneout() == 0) {
            throw new IllegalArgumentException("zoneoutMask is given, expected null where zoneout is 0");
        }
        if (dropconnectMask != null && spec.dropconnect() == 0) {
            throw new IllegalArgumentException("dropconnectMask is given, expected null where dropconnect is 0");
        }
    }

    /**
     * Sets where masks are drawn from on the device instead of from {@link #setSeed} and {@link #setOffsets}: memory
     * that is read when the work is carried out, so that a {@link Graph} that is launched again draws other masks. It
     * stays borrowed, and holds the same numbers for a forward pass and its backward passes.
     *
     * @param random three 64-bit numbers, 8-byte aligned: the seed, the first step and the first row, whose sums with
     *     steps and rows wrap at 2<sup>32</sup>; or null for what was set here
     * @throws IllegalArgumentException if it is too small, misaligned or of another device
     */
    public void setRandom(@Nullable DeviceBuffer random) {
        checkOpen();
        operands.checkKept(random, "random", RANDOM_BYTES, Long.BYTES);
        this.random = random;
    }

    /**
     * Queues a forward pass. Buffers may be larger than needed; inputs and outputs may not overlap, except that hn and
     * cn may be h0 and c0.
     *
     * @param parameters the parameters themselves, at least {@link PlanSizes#parameterBytes()} bytes
     * @param x the input (T,N,C), strided as the sequence says
     * @param h0 the initial h (L&middot;D,N,H), or null for zeros
     * @param c0 the initial c (L&middot;D,N,H), or null for zeros; only for an LSTM
     * @param y the output (T,N,D&middot;H), strided as the sequence says, or null where not wanted
     * @param hn h at each row's length (L&middot;D,N,H), or null where not wanted
     * @param cn c at each row's length (L&middot;D,N,H), or null where not wanted; only for an LSTM
     * @param reserve at least {@link PlanSizes#reserveBytes()} bytes, 64-byte aligned, filled for {@link #backward}
     * @param workspace at least {@link PlanSizes#trainingWorkspaceBytes()} bytes, 64-byte aligned
     * @throws IllegalArgumentException if a buffer is too small, of another device, misaligned, or read-only where
     *     it is written
     * @throws IllegalStateException if this pass, its plan, its stream or a buffer is closed
     * @throws LnrnnException with {@link Status#INVALID_ARGUMENT} if buffers overlap where they may not
     */
    public void forward(
            DeviceBuffer parameters,
            DeviceBuffer x,
            @Nullable DeviceBuffer h0,
            @Nullable DeviceBuffer c0,
            @Nullable DeviceBuffer y,
            @Nullable DeviceBuffer hn,
            @Nullable DeviceBuffer cn,
            DeviceBuffer reserve,
            DeviceBuffer workspace) {
        checkOpen();
        long stateBytes = sizes.stateBytes();
        DeviceBuffer zoneout = zoneoutMask;
        DeviceBuffer dropconnect = dropconnectMask;
        DeviceBuffer drawn = random;
        int status;
        try {
            status = lnrnn_h.lnrnnForwardTraining(
                    planSegment,
                    streamSegment,
                    sequence.struct(),
                    sequence.lengths(),
                    operands.input(parameters, "parameters", sizes.parameterBytes()),
                    parameters.byteSize(),
                    operands.input(x, "x", sequence.xBytes),
                    x.byteSize(),
                    operands.optionalStateInput(h0, "h0", stateBytes),
                    operands.cellInput(c0, "c0", stateBytes),
                    Operands.segment(zoneout),
                    Operands.bytes(zoneout),
                    Operands.segment(dropconnect),
                    Operands.bytes(dropconnect),
                    Operands.segment(drawn),
                    operands.optionalOutput(y, "y", sequence.yBytes),
                    Operands.bytes(y),
                    operands.optionalStateOutput(hn, "hn", stateBytes),
                    operands.cellOutput(cn, "cn", stateBytes),
                    stateBytes,
                    operands.space(reserve, "reserve", sizes.reserveBytes()),
                    reserve.byteSize(),
                    operands.space(workspace, "workspace", sizes.trainingWorkspaceBytes()),
                    workspace.byteSize());
        } catch (AssertionError wrapper) {
            throw operands.refusal(wrapper, stream, parameters, x, h0, c0, zoneout, dropconnect, drawn, y, hn, cn,
                    reserve, workspace);
        }
        Native.check(status, "lnrnnForwardTraining");
    }

    /**
     * Queues the backward pass of the forward pass that filled {@code reserve}: the gradients of a scalar loss whose
     * gradients by y, hn and cn are dy, dhn and dcn. It can be repeated.
     *
     * @param parameters those of the forward pass
     * @param x that of the forward pass
     * @param dy (T,N,D&middot;H), strided as the sequence says, or null for zeros
     * @param dhn (L&middot;D,N,H), or null for zeros
     * @param dcn (L&middot;D,N,H), or null for zeros; only for an LSTM
     * @param reserve what the forward pass filled; only read
     * @param gradients at least {@link PlanSizes#gradientBytes()} bytes, tensors at their
     *     {@link Parameter#gradientOffsetBytes()}, replaced or added to; or null where not wanted
     * @param dx (T,N,C), strided as the sequence says, replaced; or null where not wanted
     * @param dh0 (L&middot;D,N,H), replaced; or null where not wanted; may be dhn
     * @param dc0 (L&middot;D,N,H), replaced; or null where not wanted; may be dcn; only for an LSTM
     * @param workspace at least {@link PlanSizes#backwardWorkspaceBytes()} bytes, 64-byte aligned
     * @throws IllegalArgumentException if a buffer is too small, of another device, misaligned, or read-only where
     *     it is written
     * @throws IllegalStateException if this pass, its plan, its stream or a buffer is closed
     * @throws LnrnnException with {@link Status#INVALID_ARGUMENT} if buffers overlap where they may not
     */
    public void backward(
            DeviceBuffer parameters,
            DeviceBuffer x,
            @Nullable DeviceBuffer dy,
            @Nullable DeviceBuffer dhn,
            @Nullable DeviceBuffer dcn,
            DeviceBuffer reserve,
            @Nullable DeviceBuffer gradients,
            @Nullable DeviceBuffer dx,
            @Nullable DeviceBuffer dh0,
            @Nullable DeviceBuffer dc0,
            DeviceBuffer workspace) {
        checkOpen();
        long stateBytes = sizes.stateBytes();
        DeviceBuffer zoneout = zoneoutMask;
        DeviceBuffer dropconnect = dropconnectMask;
        DeviceBuffer drawn = random;
        int status;
        try {
            status = lnrnn_h.lnrnnBackward(
                    planSegment,
                    streamSegment,
                    sequence.struct(),
                    sequence.lengths(),
                    operands.input(parameters, "parameters", sizes.parameterBytes()),
                    parameters.byteSize(),
                    operands.input(x, "x", sequence.xBytes),
                    x.byteSize(),
                    Operands.segment(zoneout),
                    Operands.bytes(zoneout),
                    Operands.segment(dropconnect),
                    Operands.bytes(dropconnect),
                    Operands.segment(drawn),
                    operands.optionalInput(dy, "dy", sequence.dyBytes),
                    Operands.bytes(dy),
                    operands.optionalStateInput(dhn, "dhn", stateBytes),
                    operands.cellInput(dcn, "dcn", stateBytes),
                    operands.filledSpace(reserve, "reserve", sizes.reserveBytes()),
                    reserve.byteSize(),
                    operands.optionalStateOutput(gradients, "gradients", sizes.gradientBytes()),
                    Operands.bytes(gradients),
                    operands.optionalOutput(dx, "dx", sequence.dxBytes),
                    Operands.bytes(dx),
                    operands.optionalStateOutput(dh0, "dh0", stateBytes),
                    operands.cellOutput(dc0, "dc0", stateBytes),
                    stateBytes,
                    operands.space(workspace, "workspace", sizes.backwardWorkspaceBytes()),
                    workspace.byteSize());
        } catch (AssertionError wrapper) {
            throw operands.refusal(wrapper, stream, parameters, x, zoneout, dropconnect, drawn, dy, dhn, dcn,
                    reserve, gradients, dx, dh0, dc0, workspace);
        }
        Native.check(status, "lnrnnBackward");
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
            throw Lifetime.closed("this TrainingPass");
        }
    }
}
