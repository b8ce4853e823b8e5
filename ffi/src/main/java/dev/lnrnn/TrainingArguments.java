package dev.lnrnn;

import dev.lnrnn.Operands.Unit;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The buffers that a forward pass and its backward passes share, by name; created by {@link Plan#training}.
 *
 * {@snippet :
 * TrainingPasses training = plan.training(sequence, stream).parameters(parameters).x(x).reserve(reserve).bind();
 * ForwardPass forward = training.forward().y(y).workspace(workspace).bind();
 * BackwardPass backward = training.backward().dy(dy).gradients(gradients).workspace(workspace).bind();
 * }
 *
 * <p>{@code parameters}, {@code x} and {@code reserve} are required, the others are optional; null removes one again.
 * Buffers may be larger than needed. Only one thread at a time may change the arguments. {@link #bind} can be repeated:
 * each {@link TrainingPasses} is independent of the others, and of later changes here.
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
    private @Nullable DeviceBuffer resets;
    private final Map<MaskKind, DeviceBuffer> masks = new EnumMap<>(MaskKind.class);
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

    /**
     * {@return the bytes of a mask in the shape that {@link MaskKind} says}
     *
     * @param kind which mask
     */
    public long maskBytes(MaskKind kind) {
        return kind.bytes(plan.spec(), sequence);
    }

    /**
     * Sets the parameters, in their own layout and not packed.
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
     * @param x (T,N,C), with the sequence's strides
     * @return this
     */
    public TrainingArguments x(DeviceBuffer x) {
        this.x = Objects.requireNonNull(x, "x");
        return this;
    }

    /**
     * Sets the steps at which a new sequence begins inside a row. No state crosses from the step before into such a
     * step, in any layer or direction, and no gradient flows back. The device reads the memory when it executes the
     * work.
     *
     * @param resets (T,N) bytes, with the sequence's strides, not 0 = a new sequence begins at the step; or null if
     *     none does
     * @return this
     */
    public TrainingArguments resets(@Nullable DeviceBuffer resets) {
        this.resets = resets;
        return this;
    }

    /**
     * Sets a mask, so that it is not drawn at random.
     *
     * @param kind which mask
     * @param mask at least {@link #maskBytes} bytes in the shape that the kind says, or null to draw it
     * @return this
     */
    public TrainingArguments mask(MaskKind kind, @Nullable DeviceBuffer mask) {
        Objects.requireNonNull(kind, "kind");
        if (mask == null) {
            masks.remove(kind);
        } else {
            masks.put(kind, mask);
        }
        return this;
    }

    /**
     * Sets device memory with the seed and offsets of the masks, which then replace those of
     * {@link TrainingPasses#setSeed} and {@link TrainingPasses#setOffsets}. The device reads the memory when it
     * executes the work, so that each launch of a {@link Graph} can draw new masks. The numbers must not change between
     * a forward pass and its backward passes.
     *
     * @param random three 64-bit numbers, 8-byte aligned: the seed, the first step and the first row, whose sums with
     *     steps and rows wrap at 2<sup>32</sup>; or null for the settings of the pass
     * @return this
     */
    public TrainingArguments random(@Nullable DeviceBuffer random) {
        this.random = random;
        return this;
    }

    /**
     * Sets the memory that forward passes fill with activations and backward passes read.
     *
     * @param reserve at least {@link PlanSizes#reserveBytes()} bytes, 64-byte aligned
     * @return this
     */
    public TrainingArguments reserve(DeviceBuffer reserve) {
        this.reserve = Objects.requireNonNull(reserve, "reserve");
        return this;
    }

    /**
     * Checks the arguments and binds the shared part of forward and backward passes to them.
     *
     * @return an object from which forward and backward passes are bound; closing it only makes their later runs throw
     * @throws IllegalArgumentException if a required buffer is missing; if a buffer is too small, of another device,
     *     misaligned, or a read-only output; or if a mask is given whose probability in the plan is 0
     * @throws IllegalStateException if the plan, the stream or a buffer is closed
     */
    public TrainingPasses bind() {
        plan.handle().checkAlive();
        Operands operands = plan.operands();
        operands.stream(stream);
        TrainingPasses.Shared shared = new TrainingPasses.Shared(Binding.required("parameters", parameters),
                Binding.required("x", x), resets, Map.copyOf(masks), random,
                Binding.required("reserve", reserve));
        operands.read("parameters", shared.parameters(), sizes.parameterBytes(), Unit.DATA);
        operands.read("x", shared.x(), extents.x().bytes(), Unit.DATA);
        check("resets", shared.resets(), extents.resets().bytes(), Unit.MASK);
        masks.forEach((kind, mask) -> {
            kind.checkGiven(plan.spec());
            check(kind.argument(), mask, maskBytes(kind), Unit.MASK);
        });
        check("random", shared.random(), RANDOM_BYTES, Unit.RANDOM);
        operands.written("reserve", shared.reserve(), sizes.reserveBytes(), Unit.SPACE);
        return new TrainingPasses(plan, sequence, stream, extents, sizes, shared);
    }

    private void check(String name, @Nullable DeviceBuffer buffer, long bytes, Unit unit) {
        if (buffer != null) {
            plan.operands().read(name, buffer, bytes, unit);
        }
    }
}
