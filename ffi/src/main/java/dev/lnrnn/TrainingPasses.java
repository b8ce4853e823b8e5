package dev.lnrnn;

import dev.lnrnn.Operands.Unit;
import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.Native;
import dev.lnrnn.raw.lnrnnMaskDraw_t;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The buffers and settings that a forward pass and its backward passes share, so that they cannot disagree: the buffers
 * of {@link TrainingArguments}, the seed and offsets of the masks, and the lengths of the rows. Any number of forward
 * and backward passes can be bound from here.
 *
 * <p>Any thread may change a setting. The change applies to later runs of all passes that were bound from here.
 * Settings must not change between a forward pass and its backward passes.
 */
public final class TrainingPasses implements AutoCloseable {

    /** The buffers that both directions read, but for the reserve, which forward fills. */
    record Shared(DeviceBuffer parameters, DeviceBuffer x, @Nullable DeviceBuffer resets,
            Map<MaskKind, DeviceBuffer> masks, @Nullable DeviceBuffer random, DeviceBuffer reserve) {}

    private final Plan plan;
    private final Sequence sequence;
    private final Stream stream;
    private final SequenceExtents extents;
    private final PlanSizes sizes;
    private final Shared shared;
    /** Null when it is closed. */
    private volatile @Nullable SequenceSettings settings = SequenceSettings.DEFAULTS;

    TrainingPasses(
            Plan plan, Sequence sequence, Stream stream, SequenceExtents extents, PlanSizes sizes, Shared shared) {
        this.plan = plan;
        this.sequence = sequence;
        this.stream = stream;
        this.extents = extents;
        this.sizes = sizes;
        this.shared = shared;
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
     * Sets the number of steps of each row for later runs. Beyond a row's length, y is 0, the state does not change, dy
     * is ignored and dx is 0.
     *
     * @param lengths N lengths, each 0...T, in any order, which are copied; or null if every row has T steps, as at
     *     first
     * @throws IllegalArgumentException if the number of lengths or one of them is wrong
     */
    public synchronized void setLengths(long @Nullable [] lengths) {
        settings = settings().withLengths(sequence, lengths);
    }

    /**
     * Sets the seed of the masks. The same seed gives the same masks on every device.
     *
     * @param seed all 64 bits count; 0 at first
     */
    public synchronized void setSeed(long seed) {
        settings = settings().withSeed(seed);
    }

    /**
     * Sets the position of this data in a longer sequence or larger batch. A chunk then draws the same masks as it
     * would as a part of the whole.
     *
     * @param step the first step, 0...2<sup>32</sup> - T; 0 at first
     * @param row the first row, 0...2<sup>32</sup> - N; 0 at first
     * @throws IllegalArgumentException if one is out of its range
     */
    public synchronized void setOffsets(long step, long row) {
        settings = settings().withOffsets(sequence, step, row);
    }

    /**
     * {@return the arguments of a forward pass, still to be given}
     *
     * @throws IllegalStateException if this is closed
     */
    public ForwardArguments forward() {
        settings();
        return new ForwardArguments(this);
    }

    /**
     * {@return the arguments of a backward pass, still to be given}
     *
     * @throws IllegalStateException if this is closed
     */
    public BackwardArguments backward() {
        settings();
        return new BackwardArguments(this);
    }

    /**
     * Writes a mask as forward passes draw it with the present seed and offsets, or with those in the memory of
     * {@link TrainingArguments#random}. The same mask, given to {@link TrainingArguments#mask}, leaves every bit of the
     * results as it is. Queued on the stream; a mask that was given has no part in it.
     *
     * @param kind which mask
     * @param mask receives 1 or 0 in each byte; at least {@link TrainingArguments#maskBytes} bytes in the shape that the
     *     kind says
     * @throws IllegalArgumentException if the buffer is too small, read-only, or of another device, or the kind's
     *     probability in the plan is 0
     * @throws IllegalStateException if this, the plan, the stream or a buffer is closed
     */
    public void drawMask(MaskKind kind, DeviceBuffer mask) {
        SequenceSettings current = settings();
        LayerSpec spec = plan.spec();
        kind.checkDrawn(spec);
        Operands operands = plan.operands();
        MemorySegment queue = operands.stream(stream);
        MemorySegment out = operands.written("mask", mask, kind.bytes(spec, sequence), Unit.MASK);
        DeviceBuffer numbers = shared.random();
        MemorySegment random = numbers == null
                ? MemorySegment.NULL
                : operands.read("random", numbers, TrainingArguments.RANDOM_BYTES, Unit.RANDOM);
        plan.handle().checkAlive();
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment draw = lnrnnMaskDraw_t.allocate(scratch);
            lnrnnMaskDraw_t.structSize(draw, draw.byteSize());
            lnrnnMaskDraw_t.kind(draw, kind.code());
            lnrnnMaskDraw_t.steps(draw, sequence.steps());
            lnrnnMaskDraw_t.batch(draw, sequence.batch());
            lnrnnMaskDraw_t.seed(draw, current.seed());
            lnrnnMaskDraw_t.stepOffset(draw, current.stepOffset());
            lnrnnMaskDraw_t.rowOffset(draw, current.rowOffset());
            Native.call("lnrnnDrawMask", () -> lnrnn_h.lnrnnDrawMask(plan.handle().segment(), queue, draw, random,
                    numbers == null ? 0 : numbers.byteSize(), out, mask.byteSize()));
        }
    }

    /** Closes all passes bound from here: later runs throw, and a run under way finishes. Closing twice is harmless. */
    @Override
    public synchronized void close() {
        settings = null;
    }

    /** Goes on with the settings of another. */
    synchronized void takeSettings(TrainingPasses other) {
        settings = other.settings();
    }

    Sequence sequence() {
        return sequence;
    }

    SequenceExtents extents() {
        return extents;
    }

    Shared shared() {
        return shared;
    }

    Binding binding() {
        settings();
        return new Binding(plan, stream);
    }

    boolean isLatest(SequenceSettings known) {
        return known == settings;
    }

    /** The latest, for a pass that has others: refused when this is closed. */
    SequenceSettings settings() {
        SequenceSettings current = settings;
        if (current == null) {
            throw Lifetime.closed("this TrainingPasses");
        }
        return current;
    }
}
