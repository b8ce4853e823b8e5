package dev.lnrnn;

import dev.lnrnn.Operands.Unit;
import dev.lnrnn.raw.lnrnnForwardTrainingArguments_t;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The buffers of a forward pass for training that its backward passes do not need, by name; created by
 * {@link TrainingPasses#forward}.
 *
 * <p>{@code workspace} is required, the others are optional; null removes one again. Buffers may be larger than needed.
 * Outputs must not overlap inputs or each other, except that hn and cn may be h0 and c0. Only one thread at a time may
 * change the arguments. {@link #bind} can be repeated: each pass is independent of the others, and of later changes
 * here.
 */
public final class ForwardArguments {
    private final TrainingPasses training;
    private @Nullable DeviceBuffer h0;
    private @Nullable DeviceBuffer c0;
    private @Nullable DeviceBuffer y;
    private @Nullable DeviceBuffer hn;
    private @Nullable DeviceBuffer cn;
    private @Nullable DeviceBuffer workspace;

    ForwardArguments(TrainingPasses training) {
        this.training = training;
    }

    /**
     * Sets the initial h.
     *
     * @param h0 (L&middot;D,N,P), or null for zeros
     * @return this
     */
    public ForwardArguments h0(@Nullable DeviceBuffer h0) {
        this.h0 = h0;
        return this;
    }

    /**
     * Sets the initial c; only for an LSTM.
     *
     * @param c0 (L&middot;D,N,H), or null for zeros
     * @return this
     */
    public ForwardArguments c0(@Nullable DeviceBuffer c0) {
        this.c0 = c0;
        return this;
    }

    /**
     * Sets the output.
     *
     * @param y (T,N,D&middot;P), with the sequence's strides, or null if it is not needed
     * @return this
     */
    public ForwardArguments y(@Nullable DeviceBuffer y) {
        this.y = y;
        return this;
    }

    /**
     * Sets the buffer for h at each row's length.
     *
     * @param hn (L&middot;D,N,P), or null if it is not needed; may be h0
     * @return this
     */
    public ForwardArguments hn(@Nullable DeviceBuffer hn) {
        this.hn = hn;
        return this;
    }

    /**
     * Sets the buffer for c at each row's length; only for an LSTM.
     *
     * @param cn (L&middot;D,N,H), or null if it is not needed; may be c0
     * @return this
     */
    public ForwardArguments cn(@Nullable DeviceBuffer cn) {
        this.cn = cn;
        return this;
    }

    /**
     * Sets the scratch memory. It holds nothing between runs, and the backward passes may use the same.
     *
     * @param workspace at least {@link PlanSizes#trainingWorkspaceBytes()} bytes, 64-byte aligned
     * @return this
     */
    public ForwardArguments workspace(DeviceBuffer workspace) {
        this.workspace = Objects.requireNonNull(workspace, "workspace");
        return this;
    }

    /**
     * Checks the arguments and binds a pass to them.
     *
     * @return a pass that can run any number of times; closing it only makes later runs throw
     * @throws IllegalArgumentException if a required buffer is missing; if a buffer is too small, of another device,
     *     misaligned, a read-only output, or overlaps another one; or if c0 or cn is given and the cell has no c
     * @throws IllegalStateException if the {@link TrainingPasses}, their plan, their stream or a buffer is closed
     */
    public ForwardPass bind() {
        MemorySegment struct = PassArguments.allocate(lnrnnForwardTrainingArguments_t.sizeof());
        lnrnnForwardTrainingArguments_t.structSize(struct, struct.byteSize());
        PlanSizes sizes = training.sizes();
        long stateBytes = sizes.stateBytes();
        long cellStateBytes = sizes.cellStateBytes();
        SequenceExtents extents = training.extents();
        TrainingPasses.Shared shared = training.shared();
        LayerSpec spec = training.plan().spec();
        Binding b = training.binding();
        b.read("parameters", shared.parameters(), sizes.parameterBytes(), Unit.DATA,
                lnrnnForwardTrainingArguments_t.parameters(struct));
        b.read("x", shared.x(), extents.x(), lnrnnForwardTrainingArguments_t.x(struct));
        b.read("h0", h0, stateBytes, Unit.STATE, lnrnnForwardTrainingArguments_t.h0(struct));
        b.readCell("c0", c0, cellStateBytes, lnrnnForwardTrainingArguments_t.c0(struct));
        b.readResets(shared.resets(), extents.resets(), lnrnnForwardTrainingArguments_t.resets(struct));
        for (MaskKind kind : MaskKind.values()) {
            b.read(kind.argument(), shared.masks().get(kind), kind.bytes(spec, training.sequence()), Unit.MASK,
                    mask(struct, kind));
        }
        b.read("random", shared.random(), TrainingArguments.RANDOM_BYTES, Unit.RANDOM,
                lnrnnForwardTrainingArguments_t.random(struct));
        b.written("y", y, extents.y(), lnrnnForwardTrainingArguments_t.y(struct));
        b.written("hn", hn, stateBytes, Unit.STATE, lnrnnForwardTrainingArguments_t.hn(struct));
        b.writtenCell("cn", cn, cellStateBytes, lnrnnForwardTrainingArguments_t.cn(struct));
        b.written("reserve", shared.reserve(), sizes.reserveBytes(), Unit.SPACE,
                lnrnnForwardTrainingArguments_t.reserve(struct));
        b.written("workspace", Binding.required("workspace", workspace), sizes.trainingWorkspaceBytes(), Unit.SPACE,
                lnrnnForwardTrainingArguments_t.workspace(struct));
        return new ForwardPass(training, b.call(), PassArguments.of(
                struct, lnrnnForwardTrainingArguments_t.sequence$offset(), training.sequence()));
    }

    private static MemorySegment mask(MemorySegment struct, MaskKind kind) {
        return switch (kind) {
            case ZONEOUT -> lnrnnForwardTrainingArguments_t.zoneoutMask(struct);
            case ZONEOUT_CELL -> lnrnnForwardTrainingArguments_t.zoneoutCellMask(struct);
            case DROPCONNECT -> lnrnnForwardTrainingArguments_t.dropconnectMask(struct);
            case DROPOUT -> lnrnnForwardTrainingArguments_t.dropoutMask(struct);
            case DROPOUT_CANDIDATE -> lnrnnForwardTrainingArguments_t.dropoutCandidateMask(struct);
        };
    }
}
