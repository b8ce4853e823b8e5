package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.NativeDevice;
import dev.lnrnn.memory.DeviceBuffer;
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
 *     training.setSeed(epoch);                       // draws the masks of zoneout and DropConnect
 *     float[] y = training.forward(x);
 *     training.backward(dy);                         // dy: the loss's gradient by y
 *     float[] gradient = training.gradient("weight_hh_l0");
 * }
 * }
 *
 * <p>Host segments may be on the heap or native (pinned is fastest), and larger than needed; x, y and their gradients
 * are of the layer's own type, states and gradients of parameters of the accumulation type
 * ({@link DataType#accumulation()}). They are read and written before the call returns. Safe for use by several threads; the layer's lock is held
 * meanwhile. The layer's parameters must not change between forward and backward.
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
    private final Mirror zoneoutMask;
    private final Mirror dropconnectMask;
    /** The input of the latest forward pass; null before it, and when what it depended on was set anew. */
    private @Nullable DeviceBuffer forwardInput;

    Training(Layer layer, Sequence sequence) {
        this.layer = layer;
        this.spec = layer.spec();
        this.sequence = Objects.requireNonNull(sequence, "sequence");
        Device device = layer.device();
        queue = device.defaultStream();
        DataType type = spec.dataType();
        x = mirror("x", type);
        y = mirror("y", type);
        dy = mirror("dy", type);
        dx = mirror("dx", type);
        // The states of forward and their gradients in backward have one shape, and are never needed at once.
        DataType stateType = type.accumulation();
        h0 = mirror("h0 or dhn", stateType);
        c0 = mirror("c0 or dcn", stateType);
        hn = mirror("hn or dh0", stateType);
        cn = mirror("cn or dc0", stateType);
        zoneoutMask = mirror("zoneout", type);
        dropconnectMask = mirror("dropconnect", type);
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
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
        layer.own(ownership);
    }

    /** Never in place: x has to stay as it was until backward, and the rest goes where it is fastest. */
    private Mirror mirror(String name, DataType type) {
        Mirror mirror = new Mirror(layer.device(), name, type, false);
        mirrors.add(mirror);
        return mirror;
    }

    /**
     * Sets what masks are drawn from in later forward passes.
     *
     * @param seed all 64 bits count; 0 at first
     */
    public void setSeed(long seed) {
        synchronized (layer) {
            checkOpen();
            forwardInput = null;
            pass.setSeed(seed);
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
            forwardInput = null;
            pass.setLengths(lengths);
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
            forwardInput = null;
            TrainingPass.checkDrawn(spec, zoneout, dropconnect);
            pass.setMasks(
                    mask(zoneoutMask, zoneout, TrainingPass.zoneoutMaskBytes(spec, sequence), "zoneout"),
                    mask(dropconnectMask, dropconnect, TrainingPass.dropconnectMaskBytes(spec), "dropconnect"));
        }
    }

    private static @Nullable DeviceBuffer mask(Mirror mirror, byte @Nullable [] mask, long bytes, String name) {
        if (mask == null) {
            return null;
        }
        if (mask.length != bytes) {
            throw new IllegalArgumentException(name + " has " + mask.length + " elements, expected " + bytes);
        }
        return mirror.requiredInput(MemorySegment.ofArray(mask), bytes);
    }

    /**
     * Runs forward from the layer's parameters and keeps what {@link #backward} needs.
     *
     * @param x the input (T,N,C), strided as the sequence says
     * @param h0 the initial h (L&middot;D,N,H), or null for zeros
     * @param c0 the initial c (L&middot;D,N,H), or null for zeros; only for an LSTM
     * @param y the output (T,N,D&middot;H), strided as the sequence says, or null where not wanted
     * @param hn h at each row's length (L&middot;D,N,H), or null where not wanted
     * @param cn c at each row's length (L&middot;D,N,H), or null where not wanted; only for an LSTM
     * @throws IllegalArgumentException if a segment is too small, or read-only where it is written
     * @throws IllegalStateException if this or the layer is closed, or the layer's parameters were never set
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
            forwardInput = null;
            DeviceBuffer input = this.x.requiredInput(x, extents.xBytes);
            pass.forward(
                    layer.parameters().buffer(),
                    input,
                    this.h0.input(h0, stateBytes),
                    this.c0.input(c0, stateBytes),
                    this.y.output(y, extents.yBytes, extents.isYDense()),
                    this.hn.output(hn, stateBytes, true),
                    this.cn.output(cn, stateBytes, true),
                    reserve,
                    workspace);
            this.y.download(y, extents.yBytes);
            this.hn.download(hn, stateBytes);
            this.cn.download(cn, stateBytes);
            queue.synchronize();
            forwardInput = input;
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
     * @throws IllegalArgumentException if a segment is too small, or read-only where it is written
     * @throws IllegalStateException if this or the layer is closed, or there was no forward pass since the seed, the
     *     lengths or the masks were set
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
            DeviceBuffer input = forwardInput;
            if (input == null) {
                throw new IllegalStateException(
                        "backward needs a forward pass after the latest change of seed, lengths or masks");
            }
            DeviceBuffer flat = gradients();
            checkGradients(gradients, flat.byteSize());
            pass.backward(
                    layer.parameters().buffer(),
                    input,
                    this.dy.input(dy, extents.dyBytes),
                    h0.input(dhn, stateBytes),
                    c0.input(dcn, stateBytes),
                    reserve,
                    flat,
                    this.dx.output(dx, extents.dxBytes, extents.isDxDense()),
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
        }
    }

    private static void checkGradients(@Nullable MemorySegment gradients, long bytes) {
        if (gradients != null && gradients.byteSize() < bytes) {
            throw new IllegalArgumentException(
                    "gradients has " + gradients.byteSize() + " bytes, but " + bytes + " are needed");
        }
        if (gradients != null && gradients.isReadOnly()) {
            throw new IllegalArgumentException("gradients is read-only, but is written");
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
     * owned by this object}
     */
    public DeviceBuffer gradients() {
        return gradients.buffer();
    }

    /**
     * {@return a copy of one parameter's gradient; for all layers but those in {@link DataType#F64}}
     *
     * @param name a name of {@link Parameters#names()}
     * @throws IllegalArgumentException if there is no such parameter
     */
    public float[] gradient(String name) {
        synchronized (layer) {
            checkOpen();
            return gradients.floats(name);
        }
    }

    /**
     * {@return a copy of one parameter's gradient; for layers in {@link DataType#F64}}
     *
     * @param name a name of {@link Parameters#names()}
     * @throws IllegalArgumentException if there is no such parameter
     */
    public double[] gradientDoubles(String name) {
        synchronized (layer) {
            checkOpen();
            return gradients.doubles(name);
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
