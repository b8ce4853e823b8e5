package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.NativeDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
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
    private final LayerSpec spec;
    private final Sequence sequence;
    private final Stream queue;
    private final Arena arena = Arena.ofShared();
    private final NativeDevice.Owned ownership = this::close;
    private final TrainingPass pass;
    private final SequenceArguments extents;
    private final long stateBytes;
    private final DeviceBuffer reserve;
    private final DeviceBuffer workspace;
    private final FlatTensors gradients;
    private final List<Mirror> mirrors = new ArrayList<>();
    private final Mirror x;
    private final Mirror y;
    private final Mirror dy;
    private final Mirror dx;
    private final Mirror h0;
    private final Mirror c0;
    private final Mirror hn;
    private final Mirror cn;
    private @Nullable DeviceBuffer zoneoutMask;
    private @Nullable DeviceBuffer dropconnectMask;
    private SeedSequence seeds = new SeedSequence(0, 0);
    /** Null before the first, and when what it depended on was set anew. */
    private @Nullable ForwardPass latestForward;
    /** Which backward pass filled the gradients, counted from 1; 0 where they are no pass's. */
    private long latestBackward;
    private long backwardPasses;
    /** Each thread's own latest backward pass. */
    private final ThreadLocal<Long> ownBackward = new ThreadLocal<>();

    /** What backward needs to know of a forward pass. */
    private record ForwardPass(DeviceBuffer x, long parametersVersion, long threadId, String threadName) {}

    Training(Layer layer, Sequence sequence) {
        this.layer = layer;
        this.spec = layer.spec();
        this.sequence = Objects.requireNonNull(sequence, "sequence");
        Device device = layer.device();
        queue = device.defaultStream();
        DataType type = spec.dataType();
        x = mirror(type);
        y = mirror(type);
        dy = mirror(type);
        dx = mirror(type);
        // The states of forward and their gradients in backward have one shape, and are never needed at once.
        DataType stateType = type.accumulation();
        h0 = mirror(stateType);
        c0 = mirror(stateType);
        hn = mirror(stateType);
        cn = mirror(stateType);
        try {
            pass = layer.plan().trainingPass(sequence, queue);
            extents = pass.extents();
            PlanSizes sizes = pass.sizes();
            stateBytes = sizes.stateBytes();
            reserve = device.allocate(sizes.reserveBytes(), arena);
            workspace = device.allocate(
                    Math.max(sizes.trainingWorkspaceBytes(), sizes.backwardWorkspaceBytes()), arena);
            DeviceBuffer flat = device.zeros(sizes.gradientBytes(), arena);
            gradients = FlatTensors.gradients(layer.plan(), flat);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
        layer.own(ownership);
    }

    /** Never in place: x has to stay as it was until backward, and the rest goes where it is fastest. */
    private Mirror mirror(DataType type) {
        Mirror mirror = new Mirror(layer.device(), type, false);
        mirrors.add(mirror);
        return mirror;
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
            latestForward = null;
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
            pass.setLengths(lengths);
            latestForward = null;
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
            pass.setAccumulate(accumulate);
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
            TrainingPass.checkDrawn(spec, zoneout, dropconnect);
            checkMask(zoneout, TrainingPass.zoneoutMaskBytes(spec, sequence), "zoneout");
            checkMask(dropconnect, TrainingPass.dropconnectMaskBytes(spec), "dropconnect");
            // Not over the masks in use: where there is no memory for the second, they stay both.
            DeviceBuffer newZoneout = maskOf(zoneout);
            DeviceBuffer newDropconnect;
            try {
                newDropconnect = maskOf(dropconnect);
            } catch (RuntimeException | Error e) {
                closeMask(newZoneout);
                throw e;
            }
            pass.setMasks(newZoneout, newDropconnect);
            latestForward = null;
            closeMasks();
            zoneoutMask = newZoneout;
            dropconnectMask = newDropconnect;
        }
    }

    private static void checkMask(byte @Nullable [] mask, long bytes, String name) {
        if (mask != null && mask.length != bytes) {
            throw new IllegalArgumentException(name + " has " + mask.length + " elements, expected " + bytes);
        }
    }

    private @Nullable DeviceBuffer maskOf(byte @Nullable [] mask) {
        if (mask == null) {
            return null;
        }
        DeviceBuffer buffer = layer.device().allocate(mask.length);
        try {
            queue.copy(buffer, MemorySegment.ofArray(mask));
        } catch (RuntimeException | Error e) {
            buffer.close();
            throw e;
        }
        return buffer;
    }

    private void closeMasks() {
        closeMask(zoneoutMask);
        closeMask(dropconnectMask);
    }

    private static void closeMask(@Nullable DeviceBuffer mask) {
        if (mask != null) {
            mask.close();
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
            HostOperands.ofForward(spec, extents, stateBytes, x, h0, c0, y, hn, cn).checkOutputsApart();
            latestForward = null;
            pass.setSeed(seeds.passSeed());
            DeviceBuffer input = this.x.requiredInput(x, extents.xBytes);
            pass.forward(
                    layer.parameters().buffer(),
                    input,
                    this.h0.input(h0, stateBytes),
                    this.c0.input(c0, stateBytes),
                    this.y.output(y, extents.yBytes, extents.yRows() == null),
                    this.hn.output(hn, stateBytes, true),
                    this.cn.output(cn, stateBytes, true),
                    reserve,
                    workspace);
            this.y.download(y, extents.yBytes);
            this.hn.download(hn, stateBytes);
            this.cn.download(cn, stateBytes);
            queue.synchronize();
            Thread thread = Thread.currentThread();
            latestForward = new ForwardPass(input, layer.parametersVersion(), thread.threadId(), thread.getName());
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
            ForwardPass forward = checkForward();
            DeviceBuffer flat = this.gradients.buffer();
            new HostOperands(spec)
                    .read("dy", dy, extents.dyBytes)
                    .read("dhn", dhn, stateBytes)
                    .readCell("dcn", dcn, stateBytes)
                    .written("gradients", gradients, flat.byteSize())
                    .written("dx", dx, extents.dxBytes, extents.dxRows())
                    .written("dh0", dh0, stateBytes)
                    .writtenCell("dc0", dc0, stateBytes)
                    .checkOutputsApart();
            latestBackward = 0;
            pass.backward(
                    layer.parameters().buffer(),
                    forward.x,
                    this.dy.input(dy, extents.dyBytes),
                    h0.input(dhn, stateBytes),
                    c0.input(dcn, stateBytes),
                    reserve,
                    flat,
                    this.dx.output(dx, extents.dxBytes, extents.dxRows() == null),
                    hn.output(dh0, stateBytes, true),
                    cn.output(dc0, stateBytes, true),
                    workspace);
            this.dx.download(dx, extents.dxBytes);
            hn.download(dh0, stateBytes);
            cn.download(dc0, stateBytes);
            if (gradients != null) {
                queue.copy(gradients.asSlice(0, flat.byteSize()), flat);
            }
            queue.synchronize();
            latestBackward = ++backwardPasses;
            ownBackward.set(latestBackward);
        }
    }

    private ForwardPass checkForward() {
        ForwardPass forward = latestForward;
        if (forward == null) {
            throw new IllegalStateException(
                    "backward needs a forward pass: there was none, it failed, or seed, lengths or masks were set since");
        }
        if (forward.parametersVersion != layer.parametersVersion()) {
            throw new IllegalStateException(
                    "backward needs a forward pass after the latest change of the parameters of "
                            + layer + ": what it keeps is of those before");
        }
        Thread thread = Thread.currentThread();
        if (forward.threadId != thread.threadId()) {
            throw new IllegalStateException("backward in thread \"" + thread.getName()
                    + "\", but the latest forward pass is that of thread \"" + forward.threadName
                    + "\": threads that train at the same time need trainings of their own");
        }
        return forward;
    }

    /**
     * Runs forward from a zero state; for all layers but those in {@link DataType#F64}.
     *
     * @param x the input, all elements of its extent
     * @return the output, all elements of its extent
     */
    public float[] forward(float[] x) {
        Objects.requireNonNull(x, "x");
        HostArray.checkType(spec, DataType.F32);
        return forwardArray(HostArray.of(x, spec.dataType())).floats();
    }

    /**
     * Runs forward from a zero state; for layers in {@link DataType#F64}.
     *
     * @param x the input, all elements of its extent
     * @return the output, all elements of its extent
     */
    public double[] forward(double[] x) {
        Objects.requireNonNull(x, "x");
        HostArray.checkType(spec, DataType.F64);
        return forwardArray(HostArray.of(x)).doubles();
    }

    private HostArray forwardArray(HostArray input) {
        HostArray.checkBytes(input.segment(), extents.xBytes, spec.dataType(), "x");
        HostArray output = HostArray.allocate(spec.dataType(), extents.yBytes, "y");
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
        HostArray.checkType(spec, DataType.F32);
        backwardArray(HostArray.of(dy, spec.dataType()));
    }

    /**
     * Runs backward, for the gradients of the parameters alone; for layers in {@link DataType#F64}.
     *
     * @param dy the loss's gradient by y, all elements of its extent
     */
    public void backward(double[] dy) {
        Objects.requireNonNull(dy, "dy");
        HostArray.checkType(spec, DataType.F64);
        backwardArray(HostArray.of(dy));
    }

    private void backwardArray(HostArray gradient) {
        HostArray.checkBytes(gradient.segment(), extents.dyBytes, spec.dataType(), "dy");
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
        if (latestBackward == 0) {
            throw new IllegalStateException(backwardPasses == 0
                    ? "there are no gradients before a backward pass"
                    : "there are no gradients: the latest backward pass failed");
        }
        Long own = ownBackward.get();
        if (own != null && own != latestBackward) {
            throw new IllegalStateException("the gradients of thread \"" + Thread.currentThread().getName()
                    + "\" are replaced by another thread's: threads that train at the same time need trainings of "
                    + "their own");
        }
        return gradients;
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
            if (arena.scope().isAlive()) {
                pass.close();
                for (Mirror mirror : mirrors) {
                    mirror.close();
                }
                closeMasks();
                Lifetime.end(arena, toString());
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
        Lifetime.check(arena, toString());
    }
}
