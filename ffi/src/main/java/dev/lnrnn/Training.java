package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.NativeDevice;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Trains a {@link Layer} on host memory: forward and backward passes. The activations that backward needs stay on the
 * device, and so do the gradients of the parameters.
 *
 * {@snippet :
 * try (Training training = layer.training(Sequence.timeMajor(steps, batch))) {
 *     for (int i = 0; i < batches; i++) {
 *         float[] y = training.forward(x[i]);        // draws fresh masks of zoneout, DropConnect and dropout
 *         training.backward(dy(y, i));               // dy: the gradient of your loss by y
 *         float[] gradient = training.gradient("weight_hh_l0");
 *         // ... and the optimiser sets the parameters
 *     }
 * }
 * }
 *
 * <p><b>Masks.</b> Each forward pass draws new masks, and its backward passes use the same ones. {@link #mask} returns
 * them, and {@link #setMask} sets one of {@link MaskKind} instead of drawing it. Drawn masks depend on the
 * {@link #setSeed seed}, which is 0 at first, and on the {@link #position}, the number of forward passes since the seed
 * was set. A program that runs again draws the same masks. To continue a stopped training exactly, save the seed and
 * the position with the parameters, and set them again. Each training of a layer has a seed of its own, so give
 * several trainings different seeds. {@link TrainingPasses} draw the same masks with this seed: at position 0 the seed
 * itself, at position p &gt; 0 the result of the p-th {@code nextLong()} of
 * {@code new java.util.SplittableRandom(seed)} (SplitMix64).
 *
 * <p><b>Memory.</b> Host segments may be on the heap or native (pinned is fastest), and larger than needed. x, y and
 * their gradients have the layer's own type; states, their gradients and the gradients of parameters have the
 * accumulation type ({@link DataType#accumulation()}). A call reads and writes its segments before it returns. Outputs
 * may overlap inputs, because inputs are copied first, but not each other.
 *
 * <p><b>Order.</b> The layer's parameters, and this training's seed, lengths and masks must not change between a
 * forward pass and its backward passes. If one of them was set, backward throws. The training notices a write to
 * {@link Parameters#buffer()} only if {@link Parameters#changed()} is called. A call that throws because of its
 * arguments changes nothing: backward can still run from the forward pass before it.
 *
 * <p><b>Threads.</b> Any thread may call; each call holds the layer's lock. But a training stores only its latest
 * forward pass. So backward throws if another thread ran the latest forward pass, and reading a gradient throws if
 * another thread's backward pass has replaced it. Threads that train at the same time need a training each.
 */
public final class Training implements AutoCloseable {
    private final Layer layer;
    private final NativeDevice.Owned ownership = this::close;
    private final HostTraining passes;
    private final TrainingTurns turns;
    private SeedSequence seeds = new SeedSequence(0, 0);

    Training(Layer layer, Sequence sequence) {
        this.layer = layer;
        turns = new TrainingTurns(layer);
        passes = new HostTraining(layer, sequence);
        layer.own(ownership);
    }

    /**
     * Starts a new sequence of masks for later forward passes, and sets {@link #position} to 0.
     *
     * @param seed all 64 bits count; 0 at first
     */
    public void setSeed(long seed) {
        setSequence(new SeedSequence(seed, 0));
    }

    /** {@return the seed of the masks} */
    public long seed() {
        synchronized (layer) {
            return seeds.seed();
        }
    }

    /**
     * Continues the sequence of masks from a position. To resume a stopped training, call {@link #setSeed} first.
     *
     * @param position a former {@link #position()}, at least 0
     * @throws IllegalArgumentException if it is negative or 2<sup>63</sup> - 1
     */
    public void setPosition(long position) {
        synchronized (layer) {
            setSequence(new SeedSequence(seeds.seed(), position));
        }
    }

    /** {@return the number of forward passes since the seed was set; failed ones do not count} */
    public long position() {
        synchronized (layer) {
            return seeds.position();
        }
    }

    private void setSequence(SeedSequence sequence) {
        synchronized (layer) {
            checkOpen();
            turns.forgetForward();
            seeds = sequence;
        }
    }

    /**
     * Sets the number of steps of each row for later forward passes.
     *
     * @param lengths N lengths, each 0...T, which are copied; or null if every row has T steps
     * @throws IllegalArgumentException if the number of lengths or one of them is wrong
     */
    public void setLengths(long @Nullable [] lengths) {
        synchronized (layer) {
            checkOpen();
            passes.setLengths(lengths);
            turns.forgetForward();
        }
    }

    /**
     * Sets whether a backward pass adds the gradients of parameters to those of the passes before, or replaces them.
     *
     * @param accumulate true to add, false to replace; false at first
     */
    public void setAccumulate(boolean accumulate) {
        synchronized (layer) {
            checkOpen();
            passes.setAccumulate(accumulate);
        }
    }

    /**
     * Sets where new sequences begin inside the rows of later forward passes: no state crosses into such a step from the
     * one before it, in any layer or direction, and no gradient comes back that way. The array is copied.
     *
     * @param resets (T,N), with the sequence's strides, not 0 where a new sequence begins; or null if none does
     * @throws IllegalArgumentException if the array has the wrong number of elements
     */
    public void setResets(byte @Nullable [] resets) {
        synchronized (layer) {
            checkOpen();
            passes.setResets(resets);
            turns.forgetForward();
        }
    }

    /**
     * Sets a mask of later forward passes, so that it is not drawn at random. The array is copied.
     *
     * @param kind which mask
     * @param mask in the shape that the kind says, not 0 = keep; or null to draw it
     * @throws IllegalArgumentException if the mask has the wrong number of elements, or its probability in the layer is
     *     0
     */
    public void setMask(MaskKind kind, byte @Nullable [] mask) {
        Objects.requireNonNull(kind, "kind");
        synchronized (layer) {
            checkOpen();
            passes.setMask(kind, mask);
            turns.forgetForward();
        }
    }

    /**
     * {@return a copy of a mask that the latest forward pass used, drawn or given, in the shape that the kind says: not 0
     * = kept}
     *
     * @param kind which mask
     * @throws IllegalArgumentException if its probability in the layer is 0, or it has more elements than an array can
     *     hold; {@link TrainingPasses#drawMask} writes those to the device
     * @throws IllegalStateException if this is closed or there was no forward pass; or if the seed, lengths or masks were
     *     set after it
     */
    public byte[] mask(MaskKind kind) {
        Objects.requireNonNull(kind, "kind");
        synchronized (layer) {
            checkOpen();
            turns.checkMasks();
            return passes.mask(kind);
        }
    }

    /**
     * Runs forward with the layer's parameters and the next masks, and stores the activations that {@link #backward}
     * needs.
     *
     * @param x the input (T,N,C), with the sequence's strides
     * @param h0 the initial h (L&middot;D,N,P), or null for zeros
     * @param c0 the initial c (L&middot;D,N,H), or null for zeros; only for an LSTM
     * @param y the output (T,N,D&middot;P), with the sequence's strides, or null if it is not needed
     * @param hn h at each row's length (L&middot;D,N,P), or null if it is not needed
     * @param cn c at each row's length (L&middot;D,N,H), or null if it is not needed; only for an LSTM
     * @throws IllegalArgumentException if a segment is too small, an output is read-only, or outputs overlap
     * @throws IllegalStateException if this, the layer or a segment is closed, or a parameter of the layer was never
     *     set
     */
    public void forward(
            MemorySegment x,
            @Nullable MemorySegment h0,
            @Nullable MemorySegment c0,
            @Nullable MemorySegment y,
            @Nullable MemorySegment hn,
            @Nullable MemorySegment cn) {
        Objects.requireNonNull(x, "x");
        synchronized (layer) {
            checkOpen();
            layer.checkParametersSet();
            passes.checkForward(x, h0, c0, y, hn, cn);
            turns.forgetForward();
            passes.forward(seeds.passSeed(), x, h0, c0, y, hn, cn);
            turns.forwardDone();
            seeds = seeds.next();
        }
    }

    /**
     * Runs backward from the latest forward pass. Computes the gradients of a scalar loss whose gradients by y, hn and
     * cn are dy, dhn and dcn. It can be repeated.
     *
     * @param dy (T,N,D&middot;P), with the sequence's strides, or null for zeros
     * @param dhn (L&middot;D,N,P), or null for zeros
     * @param dcn (L&middot;D,N,H), or null for zeros; only for an LSTM
     * @param gradients receives the gradients of the parameters, {@link PlanSizes#gradientBytes()} bytes with tensors
     *     at their {@link Parameter#gradientOffsetBytes()}; or null if {@link #gradients()} is enough
     * @param dx receives the gradient by x (T,N,C), with the sequence's strides; or null if it is not needed
     * @param dh0 receives the gradient by h0 (L&middot;D,N,P); or null if it is not needed
     * @param dc0 receives the gradient by c0 (L&middot;D,N,H); or null if it is not needed; only for an LSTM
     * @throws IllegalArgumentException if a segment is too small, an output is read-only, or outputs overlap
     * @throws IllegalStateException if this, the layer or a segment is closed; if there was no forward pass, or another
     *     thread ran the latest one; or if the seed, lengths, masks or parameters were set after it
     */
    public void backward(
            @Nullable MemorySegment dy,
            @Nullable MemorySegment dhn,
            @Nullable MemorySegment dcn,
            @Nullable MemorySegment gradients,
            @Nullable MemorySegment dx,
            @Nullable MemorySegment dh0,
            @Nullable MemorySegment dc0) {
        synchronized (layer) {
            checkOpen();
            turns.checkForward();
            passes.checkBackward(dy, dhn, dcn, gradients, dx, dh0, dc0);
            turns.backwardBegins();
            passes.backward(dy, dhn, dcn, gradients, dx, dh0, dc0);
            turns.backwardDone();
        }
    }

    /**
     * Runs forward from a state of zeros; for all layers but those in {@link DataType#F64}.
     *
     * @param x the input, all elements of its extent
     * @return the output, all elements of its extent
     */
    public float[] forward(float[] x) {
        Objects.requireNonNull(x, "x");
        HostArray.checkType(layer.spec(), DataType.F32);
        return forwardArray(HostArray.of(x, layer.spec().dataType())).floats();
    }

    /**
     * Runs forward from a state of zeros; for layers in {@link DataType#F64}.
     *
     * @param x the input, all elements of its extent
     * @return the output, all elements of its extent
     */
    public double[] forward(double[] x) {
        Objects.requireNonNull(x, "x");
        HostArray.checkType(layer.spec(), DataType.F64);
        return forwardArray(HostArray.of(x)).doubles();
    }

    private HostArray forwardArray(HostArray input) {
        HostArray.checkBytes(input.segment(), passes.extents().x().bytes(), layer.spec().dataType(), "x");
        HostArray output = HostArray.allocate(layer.spec().dataType(), passes.extents().y().bytes(), "y");
        forward(input.segment(), null, null, output.segment(), null, null);
        return output;
    }

    /**
     * Runs backward for the gradients of the parameters only; for all layers but those in {@link DataType#F64}.
     *
     * @param dy the loss's gradient by y, all elements of its extent
     */
    public void backward(float[] dy) {
        Objects.requireNonNull(dy, "dy");
        HostArray.checkType(layer.spec(), DataType.F32);
        backwardArray(HostArray.of(dy, layer.spec().dataType()));
    }

    /**
     * Runs backward for the gradients of the parameters only; for layers in {@link DataType#F64}.
     *
     * @param dy the loss's gradient by y, all elements of its extent
     */
    public void backward(double[] dy) {
        Objects.requireNonNull(dy, "dy");
        HostArray.checkType(layer.spec(), DataType.F64);
        backwardArray(HostArray.of(dy));
    }

    private void backwardArray(HostArray gradient) {
        HostArray.checkBytes(gradient.segment(), passes.extents().dy().bytes(), layer.spec().dataType(), "dy");
        backward(gradient.segment(), null, null, null, null, null, null);
    }

    /**
     * {@return the gradients of the parameters in one flat buffer, with tensors at their
     * {@link Parameter#gradientOffsetBytes()}} This object owns the buffer, and each backward pass writes to it.
     *
     * @throws IllegalStateException if this is closed, there was no backward pass, the latest one failed, or another
     *     thread's backward pass has replaced this thread's gradients
     */
    public DeviceBuffer gradients() {
        synchronized (layer) {
            return filledGradients().buffer();
        }
    }

    private FlatTensors filledGradients() {
        checkOpen();
        turns.checkGradients();
        return passes.gradients();
    }

    /**
     * {@return a copy of one parameter's gradient; for all layers but those in {@link DataType#F64}}
     *
     * @param name a name of {@link Parameters#names()}
     * @throws IllegalArgumentException if there is no such parameter
     * @throws IllegalStateException as {@link #gradients()}
     */
    public float[] gradient(String name) {
        synchronized (layer) {
            return filledGradients().floats(name);
        }
    }

    /**
     * {@return a copy of one parameter's gradient; for layers in {@link DataType#F64}}
     *
     * @param name a name of {@link Parameters#names()}
     * @throws IllegalArgumentException if there is no such parameter
     * @throws IllegalStateException as {@link #gradients()}
     */
    public double[] gradientDoubles(String name) {
        synchronized (layer) {
            return filledGradients().doubles(name);
        }
    }

    /** Frees its memory on the device. Closing twice is harmless. */
    @Override
    public void close() {
        synchronized (layer) {
            if (passes.isAlive()) {
                passes.close(toString());
                layer.disown(ownership);
            }
        }
    }

    /** {@return "training of" its layer} */
    @Override
    public String toString() {
        return "training of " + layer;
    }

    private void checkOpen() {
        if (!passes.isAlive()) {
            throw Lifetime.closed(toString());
        }
    }
}
