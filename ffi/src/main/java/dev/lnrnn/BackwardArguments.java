package dev.lnrnn;

import dev.lnrnn.Operands.Unit;
import dev.lnrnn.raw.lnrnnBackwardArguments_t;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The buffers of a backward pass that its forward pass does not need, by name; created by
 * {@link TrainingPasses#backward}.
 *
 * <p>{@code workspace} is required, the others are optional; null removes one again. Buffers may be larger than needed.
 * Outputs must not overlap inputs or each other, except that dh0 and dc0 may be dhn and dcn. Only one thread at a time
 * may change the arguments. {@link #bind} can be repeated: each pass is independent of the others, and of later changes
 * here.
 */
public final class BackwardArguments {
    private final TrainingPasses training;
    private @Nullable DeviceBuffer dy;
    private @Nullable DeviceBuffer dhn;
    private @Nullable DeviceBuffer dcn;
    private @Nullable DeviceBuffer gradients;
    private @Nullable DeviceBuffer dx;
    private @Nullable DeviceBuffer dh0;
    private @Nullable DeviceBuffer dc0;
    private @Nullable DeviceBuffer workspace;

    BackwardArguments(TrainingPasses training) {
        this.training = training;
    }

    /**
     * Sets the gradient by y.
     *
     * @param dy (T,N,D&middot;P), with the sequence's strides, or null for zeros
     * @return this
     */
    public BackwardArguments dy(@Nullable DeviceBuffer dy) {
        this.dy = dy;
        return this;
    }

    /**
     * Sets the gradient by hn.
     *
     * @param dhn (L&middot;D,N,P), or null for zeros
     * @return this
     */
    public BackwardArguments dhn(@Nullable DeviceBuffer dhn) {
        this.dhn = dhn;
        return this;
    }

    /**
     * Sets the gradient by cn; only for an LSTM.
     *
     * @param dcn (L&middot;D,N,H), or null for zeros
     * @return this
     */
    public BackwardArguments dcn(@Nullable DeviceBuffer dcn) {
        this.dcn = dcn;
        return this;
    }

    /**
     * Sets the buffer for the gradients of the parameters. They replace its contents or are added to them:
     * {@link BackwardPass#setAccumulate}.
     *
     * @param gradients at least {@link PlanSizes#gradientBytes()} bytes, with tensors at their
     *     {@link Parameter#gradientOffsetBytes()}; or null if they are not needed
     * @return this
     */
    public BackwardArguments gradients(@Nullable DeviceBuffer gradients) {
        this.gradients = gradients;
        return this;
    }

    /**
     * Sets the buffer for the gradient by x.
     *
     * @param dx (T,N,C), with the sequence's strides, or null if it is not needed
     * @return this
     */
    public BackwardArguments dx(@Nullable DeviceBuffer dx) {
        this.dx = dx;
        return this;
    }

    /**
     * Sets the buffer for the gradient by h0.
     *
     * @param dh0 (L&middot;D,N,P), or null if it is not needed; may be dhn
     * @return this
     */
    public BackwardArguments dh0(@Nullable DeviceBuffer dh0) {
        this.dh0 = dh0;
        return this;
    }

    /**
     * Sets the buffer for the gradient by c0; only for an LSTM.
     *
     * @param dc0 (L&middot;D,N,H), or null if it is not needed; may be dcn
     * @return this
     */
    public BackwardArguments dc0(@Nullable DeviceBuffer dc0) {
        this.dc0 = dc0;
        return this;
    }

    /**
     * Sets the scratch memory. It holds nothing between runs, and the forward pass may use the same.
     *
     * @param workspace at least {@link PlanSizes#backwardWorkspaceBytes()} bytes, 64-byte aligned
     * @return this
     */
    public BackwardArguments workspace(DeviceBuffer workspace) {
        this.workspace = Objects.requireNonNull(workspace, "workspace");
        return this;
    }

    /**
     * Checks the arguments and binds a pass to them.
     *
     * @return a pass that can run any number of times; closing it only makes later runs throw
     * @throws IllegalArgumentException if a required buffer is missing; if a buffer is too small, of another device,
     *     misaligned, a read-only output, or overlaps another one; or if dcn or dc0 is given and the cell has no c
     * @throws IllegalStateException if the {@link TrainingPasses}, their plan, their stream or a buffer is closed
     */
    public BackwardPass bind() {
        MemorySegment struct = PassArguments.allocate(lnrnnBackwardArguments_t.sizeof());
        lnrnnBackwardArguments_t.structSize(struct, struct.byteSize());
        PlanSizes sizes = training.sizes();
        long stateBytes = sizes.stateBytes();
        long cellStateBytes = sizes.cellStateBytes();
        SequenceExtents extents = training.extents();
        TrainingPasses.Shared shared = training.shared();
        LayerSpec spec = training.plan().spec();
        Binding b = training.binding();
        b.read("parameters", shared.parameters(), sizes.parameterBytes(), Unit.DATA,
                lnrnnBackwardArguments_t.parameters(struct));
        b.read("x", shared.x(), extents.x(), lnrnnBackwardArguments_t.x(struct));
        b.readResets(shared.resets(), extents.resets(), lnrnnBackwardArguments_t.resets(struct));
        for (MaskKind kind : MaskKind.values()) {
            b.read(kind.argument(), shared.masks().get(kind), kind.bytes(spec, training.sequence()), Unit.MASK,
                    mask(struct, kind));
        }
        b.read("random", shared.random(), TrainingArguments.RANDOM_BYTES, Unit.RANDOM,
                lnrnnBackwardArguments_t.random(struct));
        b.read("reserve", shared.reserve(), sizes.reserveBytes(), Unit.SPACE, lnrnnBackwardArguments_t.reserve(struct));
        b.read("dy", dy, extents.dy(), lnrnnBackwardArguments_t.dy(struct));
        b.read("dhn", dhn, stateBytes, Unit.STATE, lnrnnBackwardArguments_t.dhn(struct));
        b.readCell("dcn", dcn, cellStateBytes, lnrnnBackwardArguments_t.dcn(struct));
        b.written("gradients", gradients, sizes.gradientBytes(), Unit.STATE,
                lnrnnBackwardArguments_t.gradients(struct));
        b.written("dx", dx, extents.dx(), lnrnnBackwardArguments_t.dx(struct));
        b.written("dh0", dh0, stateBytes, Unit.STATE, lnrnnBackwardArguments_t.dh0(struct));
        b.writtenCell("dc0", dc0, cellStateBytes, lnrnnBackwardArguments_t.dc0(struct));
        b.written("workspace", Binding.required("workspace", workspace), sizes.backwardWorkspaceBytes(), Unit.SPACE,
                lnrnnBackwardArguments_t.workspace(struct));
        return new BackwardPass(training, b.call(), PassArguments.of(
                struct, lnrnnBackwardArguments_t.sequence$offset(), training.sequence()));
    }

    private static MemorySegment mask(MemorySegment struct, MaskKind kind) {
        return switch (kind) {
            case ZONEOUT -> lnrnnBackwardArguments_t.zoneoutMask(struct);
            case ZONEOUT_CELL -> lnrnnBackwardArguments_t.zoneoutCellMask(struct);
            case DROPCONNECT -> lnrnnBackwardArguments_t.dropconnectMask(struct);
            case DROPOUT -> lnrnnBackwardArguments_t.dropoutMask(struct);
            case DROPOUT_CANDIDATE -> lnrnnBackwardArguments_t.dropoutCandidateMask(struct);
        };
    }
}
