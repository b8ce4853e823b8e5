package dev.lnrnn;

import dev.lnrnn.Operands.Unit;
import dev.lnrnn.raw.lnrnnStepArguments_t;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The buffers of a single time step, by name; created by {@link Plan#step}.
 *
 * {@snippet :
 * StepPass step = plan.step(batch, stream).packed(packed).x(x).h(h).c(c).workspace(workspace).bind();
 * }
 *
 * <p>All are required, but {@code c} only for an LSTM. Buffers may be larger than needed, and must not overlap. Only
 * one thread at a time may change the arguments. {@link #bind} can be repeated: each pass is independent of the others,
 * and of later changes here.
 */
public final class StepArguments {
    private final Plan plan;
    private final long batch;
    private final Stream stream;
    private final SequenceExtents extents;
    private final PlanSizes sizes;
    private @Nullable DeviceBuffer packed;
    private @Nullable DeviceBuffer x;
    private @Nullable DeviceBuffer resets;
    private @Nullable DeviceBuffer h;
    private @Nullable DeviceBuffer c;
    private @Nullable DeviceBuffer workspace;

    StepArguments(Plan plan, long batch, Stream stream) {
        if (plan.spec().direction() != Direction.FORWARD) {
            throw new IllegalArgumentException("direction is " + plan.spec().direction() + ", expected FORWARD: "
                    + "a reverse direction begins at the end, which a stream of steps does not have");
        }
        this.plan = plan;
        this.batch = batch;
        this.stream = stream;
        plan.operands().stream(stream);
        extents = SequenceExtents.of(plan.spec(), Sequence.timeMajor(1, batch));
        sizes = plan.sizes(1, batch);
    }

    /** {@return the bytes that a step needs} */
    public PlanSizes sizes() {
        return sizes;
    }

    /** Bytes of x. */
    long xBytes() {
        return extents.x().bytes();
    }

    /**
     * Sets the weights.
     *
     * @param packed weights that {@link Plan#pack} wrote
     * @return this
     */
    public StepArguments packed(DeviceBuffer packed) {
        this.packed = Objects.requireNonNull(packed, "packed");
        return this;
    }

    /**
     * Sets the input.
     *
     * @param x (N,C)
     * @return this
     */
    public StepArguments x(DeviceBuffer x) {
        this.x = Objects.requireNonNull(x, "x");
        return this;
    }

    /**
     * Sets the rows that begin a new sequence: their state before the step is zeros. The device reads the memory when
     * it executes the work.
     *
     * @param resets (N) bytes, not 0 = the row begins a new sequence; or null if none does
     * @return this
     */
    public StepArguments resets(@Nullable DeviceBuffer resets) {
        this.resets = resets;
        return this;
    }

    /**
     * Sets the state h, which a step reads and writes. Its part for the last layer is also the output.
     *
     * @param h (L,N,P)
     * @return this
     */
    public StepArguments h(DeviceBuffer h) {
        this.h = Objects.requireNonNull(h, "h");
        return this;
    }

    /**
     * Sets the state c, which a step reads and writes.
     *
     * @param c (L,N,H); null for any cell but the LSTM
     * @return this
     */
    public StepArguments c(@Nullable DeviceBuffer c) {
        this.c = c;
        return this;
    }

    /**
     * Sets the scratch memory. It holds nothing between steps.
     *
     * @param workspace at least {@link PlanSizes#stepWorkspaceBytes()} bytes, 64-byte aligned
     * @return this
     */
    public StepArguments workspace(DeviceBuffer workspace) {
        this.workspace = Objects.requireNonNull(workspace, "workspace");
        return this;
    }

    /**
     * Checks the arguments and binds a pass to them.
     *
     * @return a pass that can run any number of times; closing it only makes later runs throw
     * @throws IllegalArgumentException if a required buffer is missing; if a buffer is too small, of another device,
     *     misaligned, a read-only output, or overlaps another one; or if c is given and the cell has no c
     * @throws IllegalStateException if the plan, the stream or a buffer is closed
     */
    public StepPass bind() {
        MemorySegment struct = PassArguments.allocate(lnrnnStepArguments_t.sizeof());
        lnrnnStepArguments_t.structSize(struct, struct.byteSize());
        lnrnnStepArguments_t.batch(struct, batch);
        DeviceBuffer cell = plan.spec().cell().carriesCell() ? Binding.required("c", c) : c;
        Binding b = new Binding(plan, stream);
        b.read("packed", Binding.required("packed", packed), sizes.packedBytes(), Unit.SPACE,
                lnrnnStepArguments_t.packed(struct));
        b.read("x", Binding.required("x", x), extents.x(), lnrnnStepArguments_t.x(struct));
        b.readResets(resets, extents.resets(), lnrnnStepArguments_t.resets(struct));
        b.written("h", Binding.required("h", h), sizes.stateBytes(), Unit.STATE, lnrnnStepArguments_t.h(struct));
        b.writtenCell("c", cell, sizes.cellStateBytes(), lnrnnStepArguments_t.c(struct));
        b.written("workspace", Binding.required("workspace", workspace), sizes.stepWorkspaceBytes(), Unit.SPACE,
                lnrnnStepArguments_t.workspace(struct));
        return new StepPass(b.call(), struct);
    }
}
