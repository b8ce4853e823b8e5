package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.NativeDevice;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Forward and backward passes of a {@link Layer} on host memory; what backward needs of forward is kept on the device,
 * and so are the gradients of the parameters.
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
 * <p><b>Masks.</b> Each forward pass draws masks of its own, and its backward passes use the same. A program that is run
 * again draws the same again: they depend on the {@link #setSeed seed}, which is 0 at first, and on the
 * {@link #position}, the number of forward passes since the seed was set. A training that stopped goes on as if it had
 * not, where seed and position are kept with the parameters and set again. Each of several trainings of a layer has a
 * sequence of its own: give them different seeds. The seed of a {@link TrainingPass} that draws the same is the seed
 * itself at position 0, and at position p number p of SplitMix64 from the seed on, which is what
 * {@code new java.util.SplittableRandom(seed)} gives at the p-th {@code nextLong()}.
 *
 * <p><b>Memory.</b> Host segments may be on the heap or native (pinned is fastest), and larger than needed; x, y and
 * their gradients are of the layer's own type, states and gradients of parameters of the accumulation type
 * ({@link DataType#accumulation()}). They are read and written before the call returns. Outputs may overlap inputs,
 * which have been copied, but not each other.
 *
 * <p><b>Order.</b> Between a forward pass and its backward passes the layer's parameters have to stay, and so have seed,
 * lengths and masks of this training; backward refuses to go on when they were set. What is written to
 * {@link Parameters#buffer()} is noticed only by {@link Parameters#changed()}. A call that is refused changes nothing:
 * the forward pass before it can still go backward.
 *
 * <p><b>Threads.</b> Any thread may call, and the layer's lock is held meanwhile. But a training keeps what one forward
 * pass left, so a backward pass is refused unless the latest forward pass is the same thread's, and so is the gradient
 * when another thread's backward pass has replaced it: threads that train at the same time need trainings of their own.
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
     * Starts a new sequence of masks, for later forward passes: {@link #position} is 0 again.
     *
     * @param seed all 64 bits count; 0 at first
     */
    public void setSeed(long seed) {
        setSequence(new SeedSequence(seed, 0));
    }

    /** {@return what masks are drawn from} */
    public long seed() {
        synchronized (layer) {
            return seeds.seed();
        }
    }

    /**
     * Goes on with the sequence of masks where it was after so many forward passes; after {@link #setSeed}, as a training
     * does that was stopped.
     *
     * @param position what {@link #position()} was, at least 0
     * @throws IllegalArgumentException if it is negative or 2<sup>63</sup> - 1
     */
    public void setPosition(long position) {
        synchronized (layer) {
            setSequence(new SeedSequence(seeds.seed(), position));
        }
    }

    /** {@return the number of forward passes since the seed was set; one that failed does not count} */
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
     * @param lengths N lengths, each 0...T, which are copied; or null for T each
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
     * Sets whether gradients of parameters are added up over backward passes, instead of replaced by each.
     *
     * @param accumulate true to add; false at first
     */
    public void setAccumulate(boolean accumulate) {
        synchronized (layer) {
            checkOpen();
            passes.setAccumulate(accumulate);
        }
    }

    /**
     * Sets masks for later forward passes, instead of drawing them. They are copied.
     *
     * @param zoneout (L&middot;D,T,N,H), not 0 = update, 0 = keep the old h; or null to draw it
     * @param dropconnect (L&middot;D,G&middot;H,H), not 0 = keep the weight, 0 = drop it; or null to draw it
     * @throws IllegalArgumentException if a mask has the wrong number of elements, or the layer draws no such mask
     */
    public void setMasks(byte @Nullable [] zoneout, byte @Nullable [] dropconnect) {
        synchronized (layer) {
            checkOpen();
            passes.setMasks(zoneout, dropconnect);
            turns.forgetForward();
        }
    }

    /**
     * Runs forward from the layer's parameters, with the masks that come next, and keeps what {@link #backward} needs.
     *
     * @param x the input (T,N,C), strided as the sequence says
     * @param h0 the initial h (L&middot;D,N,H), or null for zeros
     * @param c0 the initial c (L&middot;D,N,H), or null for zeros; only for an LSTM
     * @param y the output (T,N,D&middot;H), strided as the sequence says, or null where not wanted
     * @param hn h at each row's length (L&middot;D,N,H), or null where not wanted
     * @param cn c at each row's length (L&middot;D,N,H), or null where not wanted; only for an LSTM
     * @throws IllegalArgumentException if a segment is too small, or read-only where it is written, or outputs overlap
     * @throws IllegalStateException if this, the layer or a segment is closed, or a parameter of the layer was never set
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
     * Runs backward from the latest forward pass: the gradients of a scalar loss whose gradients by y, hn and cn are
     * dy, dhn and dcn. It can be repeated.
     *
     * @param dy (T,N,D&middot;H), strided as the sequence says, or null for zeros
     * @param dhn (L&middot;D,N,H), or null for zeros
     * @param dcn (L&middot;D,N,H), or null for zeros; only for an LSTM
     * @param gradients filled with the gradients of the parameters, {@link PlanSizes#gradientBytes()} bytes with
     *     tensors at their {@link Parameter#gradientOffsetBytes()}; or null where {@link #gradients()} is enough
     * @param dx filled with the gradient by x (T,N,C), strided as the sequence says; or null where not wanted
     * @param dh0 filled with the gradient by h0 (L&middot;D,N,H); or null where not wanted
     * @param dc0 filled with the gradient by c0 (L&middot;D,N,H); or null where not wanted; only for an LSTM
     * @throws IllegalArgumentException if a segment is too small, or read-only where it is written, or outputs overlap
     * @throws IllegalStateException if this, the layer or a segment is closed, or there was no forward pass since the
     *     seed, the lengths, the masks or parameters of the layer were set, or it is another thread's
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
     * Runs forward from a zero state; for all layers but those in {@link DataType#F64}.
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
     * Runs forward from a zero state; for layers in {@link DataType#F64}.
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
     * Runs backward, for the gradients of the parameters alone; for all layers but those in {@link DataType#F64}.
     *
     * @param dy the loss's gradient by y, all elements of its extent
     */
    public void backward(float[] dy) {
        Objects.requireNonNull(dy, "dy");
        HostArray.checkType(layer.spec(), DataType.F32);
        backwardArray(HostArray.of(dy, layer.spec().dataType()));
    }

    /**
     * Runs backward, for the gradients of the parameters alone; for layers in {@link DataType#F64}.
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
     * {@return the gradients of the parameters, flat, with tensors at their {@link Parameter#gradientOffsetBytes()};
     * owned by this object, and written by each backward pass}
     *
     * @throws IllegalStateException if this is closed, there was no backward pass, the latest failed, or it is another
     *     thread's and came after one of this thread's
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

    /** Frees its memory on the device; harmless when that is done already. */
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
