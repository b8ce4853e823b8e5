package dev.lnrnn;

import dev.lnrnn.Operands.Unit;
import dev.lnrnn.raw.lnrnnForwardInferenceArguments_t;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The buffers of a forward pass for inference, by name; created by {@link Plan#inference}.
 *
 * {@snippet :
 * InferencePass pass = plan.inference(sequence, stream).packed(packed).x(x).y(y).workspace(workspace).bind();
 * }
 *
 * <p>{@code packed}, {@code x} and {@code workspace} are required, the others are optional; null removes one again.
 * Buffers may be larger than needed. Outputs must not overlap inputs or each other, except that hn and cn may be h0 and
 * c0. Only one thread at a time may change the arguments. {@link #bind} can be repeated: each pass is independent of
 * the others, and of later changes here.
 */
public final class InferenceArguments {
    private final Plan plan;
    private final Sequence sequence;
    private final Stream stream;
    private final SequenceExtents extents;
    private final PlanSizes sizes;
    private @Nullable DeviceBuffer packed;
    private @Nullable DeviceBuffer x;
    private @Nullable DeviceBuffer resets;
    private @Nullable DeviceBuffer h0;
    private @Nullable DeviceBuffer c0;
    private @Nullable DeviceBuffer y;
    private @Nullable DeviceBuffer hn;
    private @Nullable DeviceBuffer cn;
    private @Nullable DeviceBuffer workspace;

    private InferenceArguments(
            Plan plan, Sequence sequence, Stream stream, SequenceExtents extents, PlanSizes sizes) {
        this.plan = plan;
        this.sequence = sequence;
        this.stream = stream;
        this.extents = extents;
        this.sizes = sizes;
    }

    static InferenceArguments of(Plan plan, Sequence sequence, Stream stream) {
        plan.operands().stream(stream);
        return new InferenceArguments(plan, sequence, stream, SequenceExtents.of(plan.spec(), sequence),
                plan.sizes(sequence.steps(), sequence.batch()));
    }

    /** Others of this shape. */
    InferenceArguments withoutBuffers() {
        return new InferenceArguments(plan, sequence, stream, extents, sizes);
    }

    List<@Nullable DeviceBuffer> buffers() {
        return Arrays.asList(packed, x, resets, h0, c0, y, hn, cn, workspace);
    }

    Sequence sequence() {
        return sequence;
    }

    /** {@return the bytes that the pass needs} */
    public PlanSizes sizes() {
        return sizes;
    }

    SequenceExtents extents() {
        return extents;
    }

    /**
     * Sets the weights.
     *
     * @param packed weights that {@link Plan#pack} wrote
     * @return this
     */
    public InferenceArguments packed(DeviceBuffer packed) {
        this.packed = Objects.requireNonNull(packed, "packed");
        return this;
    }

    /**
     * Sets the input.
     *
     * @param x (T,N,C), with the sequence's strides
     * @return this
     */
    public InferenceArguments x(DeviceBuffer x) {
        this.x = Objects.requireNonNull(x, "x");
        return this;
    }

    /**
     * Sets the steps at which a new sequence begins inside a row. No state crosses from the step before into such a
     * step, in any layer or direction. The device reads the memory when it executes the work.
     *
     * @param resets (T,N) bytes, with the sequence's strides, not 0 = a new sequence begins at the step; or null if
     *     none does
     * @return this
     */
    public InferenceArguments resets(@Nullable DeviceBuffer resets) {
        this.resets = resets;
        return this;
    }

    /**
     * Sets the initial h.
     *
     * @param h0 (L&middot;D,N,P), or null for zeros
     * @return this
     */
    public InferenceArguments h0(@Nullable DeviceBuffer h0) {
        this.h0 = h0;
        return this;
    }

    /**
     * Sets the initial c; only for an LSTM.
     *
     * @param c0 (L&middot;D,N,H), or null for zeros
     * @return this
     */
    public InferenceArguments c0(@Nullable DeviceBuffer c0) {
        this.c0 = c0;
        return this;
    }

    /**
     * Sets the output.
     *
     * @param y (T,N,D&middot;P), with the sequence's strides, or null if it is not needed
     * @return this
     */
    public InferenceArguments y(@Nullable DeviceBuffer y) {
        this.y = y;
        return this;
    }

    /**
     * Sets the buffer for h at each row's length.
     *
     * @param hn (L&middot;D,N,P), or null if it is not needed; may be h0
     * @return this
     */
    public InferenceArguments hn(@Nullable DeviceBuffer hn) {
        this.hn = hn;
        return this;
    }

    /**
     * Sets the buffer for c at each row's length; only for an LSTM.
     *
     * @param cn (L&middot;D,N,H), or null if it is not needed; may be c0
     * @return this
     */
    public InferenceArguments cn(@Nullable DeviceBuffer cn) {
        this.cn = cn;
        return this;
    }

    /**
     * Sets the scratch memory. It holds nothing between runs.
     *
     * @param workspace at least {@link PlanSizes#inferenceWorkspaceBytes()} bytes, 64-byte aligned
     * @return this
     */
    public InferenceArguments workspace(DeviceBuffer workspace) {
        this.workspace = Objects.requireNonNull(workspace, "workspace");
        return this;
    }

    /**
     * Checks the arguments and binds a pass to them.
     *
     * @return a pass that can run any number of times; closing it only makes later runs throw
     * @throws IllegalArgumentException if a required buffer is missing; if a buffer is too small, of another device,
     *     misaligned, a read-only output, or overlaps another one; or if c0 or cn is given and the cell has no c
     * @throws IllegalStateException if the plan, the stream or a buffer is closed
     */
    public InferencePass bind() {
        MemorySegment struct = PassArguments.allocate(lnrnnForwardInferenceArguments_t.sizeof());
        lnrnnForwardInferenceArguments_t.structSize(struct, struct.byteSize());
        long stateBytes = sizes.stateBytes();
        long cellStateBytes = sizes.cellStateBytes();
        Binding b = new Binding(plan, stream);
        b.read("packed", Binding.required("packed", packed), sizes.packedBytes(), Unit.SPACE,
                lnrnnForwardInferenceArguments_t.packed(struct));
        b.read("x", Binding.required("x", x), extents.x(), lnrnnForwardInferenceArguments_t.x(struct));
        b.readResets(resets, extents.resets(), lnrnnForwardInferenceArguments_t.resets(struct));
        b.read("h0", h0, stateBytes, Unit.STATE, lnrnnForwardInferenceArguments_t.h0(struct));
        b.readCell("c0", c0, cellStateBytes, lnrnnForwardInferenceArguments_t.c0(struct));
        b.written("y", y, extents.y(), lnrnnForwardInferenceArguments_t.y(struct));
        b.written("hn", hn, stateBytes, Unit.STATE, lnrnnForwardInferenceArguments_t.hn(struct));
        b.writtenCell("cn", cn, cellStateBytes, lnrnnForwardInferenceArguments_t.cn(struct));
        b.written("workspace", Binding.required("workspace", workspace), sizes.inferenceWorkspaceBytes(), Unit.SPACE,
                lnrnnForwardInferenceArguments_t.workspace(struct));
        return new InferencePass(b.call(), sequence,
                PassArguments.of(struct, lnrnnForwardInferenceArguments_t.sequence$offset(), sequence));
    }
}
