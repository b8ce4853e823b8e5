package dev.lnrnn;

import dev.lnrnn.Operands.Unit;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The buffers that a forward pass and its backward passes have in common, by name; made by {@link Plan#training}.
 *
 * {@snippet :
 * TrainingPass training = plan.training(sequence, stream).parameters(parameters).x(x).reserve(reserve).bind();
 * ForwardPass forward = training.forward().y(y).workspace(workspace).bind();
 * BackwardPass backward = training.backward().dy(dy).gradients(gradients).workspace(workspace).bind();
 * }
 *
 * <p>Required are {@code parameters}, {@code x} and {@code reserve}; others are absent until they are given, and again
 * after null. Buffers may be larger than needed. Only one thread at a time may change the arguments. {@link #bind} can be
 * repeated: what it answers is independent of the others, and of later changes here.
 */
public final class TrainingArguments {
    /** A seed, a first step and a first row. */
    static final long RANDOM_BYTES = 3 * Long.BYTES;

    private final Plan plan;
    private final Sequence sequence;
    private final Stream stream;
    private final SequenceExtents extents;
    private final PlanSizes sizes;
    private @Nullable DeviceBuffer parameters;
    private @Nullable DeviceBuffer x;
    private @Nullable DeviceBuffer zoneoutMask;
    private @Nullable DeviceBuffer dropconnectMask;
    private @Nullable DeviceBuffer random;
    private @Nullable DeviceBuffer reserve;

    TrainingArguments(Plan plan, Sequence sequence, Stream stream) {
        this.plan = plan;
        this.sequence = sequence;
        this.stream = stream;
        plan.operands().stream(stream);
        extents = SequenceExtents.of(plan.spec(), sequence);
        sizes = plan.sizes(sequence.steps(), sequence.batch());
    }

    /** {@return the bytes that the passes need} */
    public PlanSizes sizes() {
        return sizes;
    }

    SequenceExtents extents() {
        return extents;
    }

    /** (L D, T, N, H) bytes; the reserve, whose size the native library knows to fit into 64 bits, is larger. */
    static long zoneoutMaskBytes(LayerSpec spec, Sequence sequence) {
        return spec.states() * sequence.steps() * sequence.batch() * spec.hiddenSize();
    }

    /** (L D, G H, H) bytes; the parameters are larger. */
    static long dropconnectMaskBytes(LayerSpec spec) {
        return spec.states() * spec.cell().gates() * spec.hiddenSize() * spec.hiddenSize();
    }

    /**
     * Sets the parameters themselves, not packed.
     *
     * @param parameters at least {@link PlanSizes#parameterBytes()} bytes
     * @return this
     */
    public TrainingArguments parameters(DeviceBuffer parameters) {
        this.parameters = Objects.requireNonNull(parameters, "parameters");
        return this;
    }

    /**
     * Sets the input.
     *
     * @param x (T,N,C), strided as the sequence says
     * @return this
     */
    public TrainingArguments x(DeviceBuffer x) {
        this.x = Objects.requireNonNull(x, "x");
        return this;
    }

    /**
     * Sets which units zoneout keeps.
     *
     * @param zoneoutMask (L&middot;D,T,N,H) bytes, not 0 = update, 0 = keep the old h; or null to draw it
     * @return this
     */
    public TrainingArguments zoneoutMask(@Nullable DeviceBuffer zoneoutMask) {
        this.zoneoutMask = zoneoutMask;
        return this;
    }

    /**
     * Sets which weights DropConnect drops.
     *
     * @param dropconnectMask (L&middot;D,G&middot;H,H) bytes, not 0 = keep the weight, 0 = drop it; or null to draw it
     * @return this
     */
    public TrainingArguments dropconnectMask(@Nullable DeviceBuffer dropconnectMask) {
        this.dropconnectMask = dropconnectMask;
        return this;
    }

    /**
     * Sets where masks are drawn from on the device, instead of from {@link TrainingPass#setSeed} and
     * {@link TrainingPass#setOffsets}: memory that is read when the work is carried out, so that a {@link Graph} that is
     * launched again draws other masks. It has to hold the same numbers for a forward pass and its backward passes.
     *
     * @param random three 64-bit numbers, 8-byte aligned: the seed, the first step and the first row, whose sums with
     *     steps and rows wrap at 2<sup>32</sup>; or null for what the pass has
     * @return this
     */
    public TrainingArguments random(@Nullable DeviceBuffer random) {
        this.random = random;
        return this;
    }

    /**
     * Sets what forward passes fill and backward passes read.
     *
     * @param reserve at least {@link PlanSizes#reserveBytes()} bytes, 64-byte aligned
     * @return this
     */
    public TrainingArguments reserve(DeviceBuffer reserve) {
        this.reserve = Objects.requireNonNull(reserve, "reserve");
        return this;
    }

    /**
     * Checks the arguments.
     *
     * @return what forward and backward passes are bound from; it needs closing only to refuse their runs afterwards
     * @throws IllegalArgumentException if a required buffer is missing, or one is too small, of another device,
     *     misaligned, or read-only where it is written, or a mask is given that the plan does not draw
     * @throws IllegalStateException if the plan, the stream or a buffer is closed
     */
    public TrainingPass bind() {
        plan.handle().checkAlive();
        Operands operands = plan.operands();
        operands.stream(stream);
        TrainingPass.Shared shared = new TrainingPass.Shared(Binding.required("parameters", parameters),
                Binding.required("x", x), zoneoutMask, dropconnectMask, random, Binding.required("reserve", reserve));
        operands.read("parameters", shared.parameters(), sizes.parameterBytes(), Unit.DATA);
        operands.read("x", shared.x(), extents.x().bytes(), Unit.DATA);
        checkMasks(plan.spec(), shared.zoneoutMask(), shared.dropconnectMask());
        check("zoneoutMask", shared.zoneoutMask(), zoneoutMaskBytes(plan.spec(), sequence), Unit.MASK);
        check("dropconnectMask", shared.dropconnectMask(), dropconnectMaskBytes(plan.spec()), Unit.MASK);
        check("random", shared.random(), RANDOM_BYTES, Unit.RANDOM);
        operands.written("reserve", shared.reserve(), sizes.reserveBytes(), Unit.SPACE);
        return new TrainingPass(plan, sequence, stream, extents, sizes, shared);
    }

    private void check(String name, @Nullable DeviceBuffer buffer, long bytes, Unit unit) {
        if (buffer != null) {
            plan.operands().read(name, buffer, bytes, unit);
        }
    }

    /** A mask is refused where it would decide nothing. */
    static void checkMasks(LayerSpec spec, @Nullable Object zoneoutMask, @Nullable Object dropconnectMask) {
        if (zoneoutMask != null && spec.zoneout() == 0) {
            throw new IllegalArgumentException("zoneoutMask is given, expected null where zoneout is 0");
        }
        if (dropconnectMask != null && spec.dropconnect() == 0) {
            throw new IllegalArgumentException("dropconnectMask is given, expected null where dropconnect is 0");
        }
    }
}
