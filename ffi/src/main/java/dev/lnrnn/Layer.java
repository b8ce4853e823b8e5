package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.NativeDevice;
import dev.lnrnn.interop.Safetensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A layer, or a stack of them, with its parameters: Java arrays and memory segments go in and come out, and all memory
 * of the device is managed.
 *
 * {@snippet :
 * try (Device device = Device.best();
 *         Layer lstm = device.createLayer(LayerSpec.lstm(64, 128).withZoneout(0.1)).initialize(42)) {
 *     LayerOutput out = lstm.forward(x, steps, batch);   // x: float[steps * batch * 64]
 *     float[] y = out.y();                               // float[steps * batch * 128]
 *     lstm.save(Path.of("lstm.safetensors"));
 * }
 * }
 *
 * <p>Arrays are {@code double[]} where the layer is in {@link DataType#F64}, and {@code float[]} else: in a 16-bit type
 * x and parameters are rounded to the nearest, and y is exact. Memory segments are never converted.
 *
 * <p>Safe for use by several threads, which wait for each other; for calls at the same time make a layer for each
 * thread, or use a {@link Plan}. Memory that a call needed is kept for the next one until the layer is closed.
 */
public final class Layer implements AutoCloseable {
    private final Device device;
    private final LayerSpec spec;
    /** One arena for what lives as long as the layer: its calls then check few lifetimes. */
    private final Arena arena = Arena.ofShared();
    private final NativeDevice.Owned ownership = this::close;
    private final Set<NativeDevice.Owned> children = new LinkedHashSet<>();
    private final Plan plan;
    private final DeviceBuffer packed;
    private final Parameters parameters;
    private final HostForward forward;
    private long parametersVersion;
    private boolean packedStale = true;

    Layer(Device device, LayerSpec spec) {
        this.device = device;
        this.spec = spec;
        try {
            plan = device.createPlan(spec, arena);
            PlanSizes sizes = plan.sizes(0, 0);
            DeviceBuffer flat = device.zeros(sizes.parameterBytes(), arena);
            packed = device.allocate(sizes.packedBytes(), arena);
            parameters = new Parameters(this, FlatTensors.parameters(plan, flat));
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
        forward = new HostForward(plan);
        String caution = spec.caution();
        if (caution != null) {
            System.getLogger(Layer.class.getName()).log(System.Logger.Level.WARNING, caution);
        }
        device.handle().own(ownership);
    }

    /** {@return what this layer computes} */
    public LayerSpec spec() {
        return spec;
    }

    /** {@return the device that it computes on} */
    public Device device() {
        return device;
    }

    /** {@return the plan below it, which the layer owns} */
    public Plan plan() {
        return plan;
    }

    /** {@return its parameters} */
    public Parameters parameters() {
        return parameters;
    }

    /**
     * Sets the parameters as {@link Plan#initialize} does: the same seed gives the same numbers on every device.
     *
     * @param seed all 64 bits count
     * @return this layer
     */
    public synchronized Layer initialize(long seed) {
        checkOpen();
        plan.initialize(device.defaultStream(), seed, parameters.buffer());
        parameters.changed();
        return this;
    }

    /**
     * Runs the layer from a zero state; for all layers but those in {@link DataType#F64}.
     *
     * @param x the input (T,N,C)
     * @param steps time steps T, at least 0
     * @param batch rows N, at least 0
     * @return the output and the state after it
     * @throws IllegalArgumentException if x does not have T&middot;N&middot;C elements
     * @throws IllegalStateException if the layer is closed, has another type, or a parameter was never set
     */
    public LayerOutput forward(float[] x, long steps, long batch) {
        return forward(x, steps, batch, null, null);
    }

    /**
     * Runs the layer; for all layers but those in {@link DataType#F64}.
     *
     * @param x the input (T,N,C)
     * @param steps time steps T, at least 0
     * @param batch rows N, at least 0
     * @param initial the state to start from, or null for zeros
     * @param lengths steps of each row, each 0...T, beyond which y is 0 and the state stays; or null for T each
     * @return the output and the state after it
     * @throws IllegalArgumentException if x does not have T&middot;N&middot;C elements, or another size is wrong
     * @throws IllegalStateException if the layer is closed, has another type, or a parameter was never set
     */
    public LayerOutput forward(
            float[] x, long steps, long batch, @Nullable LayerState initial, long @Nullable [] lengths) {
        Objects.requireNonNull(x, "x");
        HostArray.checkType(spec, DataType.F32);
        MemorySegment h0 = initial == null ? null : MemorySegment.ofArray(initial.h());
        MemorySegment c0 = initial == null ? null : HostArray.segmentOrNull(initial.c());
        return forwardArray(HostArray.of(x, spec.dataType()), Sequence.timeMajor(steps, batch), h0, c0, lengths);
    }

    /**
     * Runs the layer from a zero state; for layers in {@link DataType#F64}. Otherwise as
     * {@link #forward(float[], long, long)}.
     *
     * @param x the input (T,N,C)
     * @param steps time steps T, at least 0
     * @param batch rows N, at least 0
     * @return the output and the state after it
     */
    public LayerOutput forward(double[] x, long steps, long batch) {
        return forward(x, steps, batch, null, null);
    }

    /**
     * Runs the layer; for layers in {@link DataType#F64}. Otherwise as
     * {@link #forward(float[], long, long, LayerState, long[])}.
     *
     * @param x the input (T,N,C)
     * @param steps time steps T, at least 0
     * @param batch rows N, at least 0
     * @param initial the state to start from, or null for zeros
     * @param lengths steps of each row, each 0...T; or null for T each
     * @return the output and the state after it
     */
    public LayerOutput forward(
            double[] x, long steps, long batch, @Nullable DoubleLayerState initial, long @Nullable [] lengths) {
        Objects.requireNonNull(x, "x");
        HostArray.checkType(spec, DataType.F64);
        MemorySegment h0 = initial == null ? null : MemorySegment.ofArray(initial.h());
        MemorySegment c0 = initial == null ? null : HostArray.segmentOrNull(initial.c());
        return forwardArray(HostArray.of(x), Sequence.timeMajor(steps, batch), h0, c0, lengths);
    }

    private synchronized LayerOutput forwardArray(HostArray x, Sequence sequence, @Nullable MemorySegment h0,
            @Nullable MemorySegment c0, long @Nullable [] lengths) {
        checkOpen();
        return forward.run(packed(), x.segment(), sequence, h0, c0, lengths);
    }

    /**
     * Runs the layer on host memory, on the heap or native: x and y of its own type, states of the accumulation
     * type ({@link DataType#accumulation()}). Native memory is read and written in place on the CPU. Segments may
     * be larger than needed. y, hn and cn may overlap neither an input nor each other, on the heap neither, except that
     * hn and cn may be h0 and c0; x and y may be columns of one matrix. Returns when the results are there.
     *
     * @param x the input (T,N,C), strided as the sequence says
     * @param sequence the shape of the data
     * @param h0 the initial h (L&middot;D,N,H), or null for zeros
     * @param c0 the initial c (L&middot;D,N,H), or null for zeros; only for an LSTM
     * @param lengths steps of each row, each 0...T; or null for T each
     * @param y the output (T,N,D&middot;H), strided as the sequence says, or null where not wanted
     * @param hn h at each row's length (L&middot;D,N,H), or null where not wanted
     * @param cn c at each row's length (L&middot;D,N,H), or null where not wanted; only for an LSTM
     * @throws IllegalArgumentException if a segment is too small, or read-only where it is written, or overlaps another
     *     one where it may not
     * @throws IllegalStateException if the layer or a segment is closed, or a parameter was never set
     */
    public synchronized void forward(
            MemorySegment x,
            Sequence sequence,
            @Nullable MemorySegment h0,
            @Nullable MemorySegment c0,
            long @Nullable [] lengths,
            @Nullable MemorySegment y,
            @Nullable MemorySegment hn,
            @Nullable MemorySegment cn) {
        Objects.requireNonNull(x, "x");
        Objects.requireNonNull(sequence, "sequence");
        checkOpen();
        forward.run(packed(), x, sequence, h0, c0, lengths, y, hn, cn);
    }

    /**
     * {@return a new stream of single steps from a zero state, which the layer owns until it is closed}
     *
     * @param batch rows N, at least 0
     * @throws IllegalArgumentException if batch is negative, or the layer is bidirectional
     */
    public synchronized Streaming streaming(long batch) {
        checkOpen();
        return new Streaming(this, batch);
    }

    /**
     * {@return new forward and backward passes, which the layer owns until it is closed}
     *
     * @param sequence the shape of the data
     */
    public synchronized Training training(Sequence sequence) {
        checkOpen();
        return new Training(this, sequence);
    }

    /**
     * Writes the parameters to a safetensors file, in their own type and with this layer's {@link #spec()} as metadata,
     * from which {@link Device#loadLayer(Path)} makes the layer again. It appears complete or not at all, as
     * {@link dev.lnrnn.interop.FileReplacement} does. For a file with more in it see {@link Parameters#toTensors}.
     *
     * @param safetensors the file, replaced if it is there
     * @throws IOException if it cannot be written
     */
    public synchronized void save(Path safetensors) throws IOException {
        Objects.requireNonNull(safetensors, "safetensors");
        checkOpen();
        checkParametersSet();
        Checkpoint.save(this, safetensors);
    }

    /**
     * Reads the parameters from a safetensors file, with {@link LoadOptions#DEFAULTS}: exactly this layer's, in its type
     * or one that it holds without loss. What a file of {@link #save} says of all that changes results
     * ({@link LoadOptions#COMPARED}) has to be true of this layer. {@link Device#loadLayer(Path)} makes the layer that
     * such a file describes.
     *
     * @param safetensors the file
     * @throws IOException if it cannot be read, is malformed, or does not have what is asked for: then the message lists
     *     every difference, and the layer is as it was
     */
    public void load(Path safetensors) throws IOException {
        load(safetensors, LoadOptions.DEFAULTS);
    }

    /**
     * Reads the parameters from a safetensors file, or some of them.
     *
     * @param safetensors the file
     * @param options which tensors are taken, and what may differ
     * @throws IllegalArgumentException if the options name a parameter that this layer does not have
     * @throws IOException if it cannot be read, is malformed, or does not have what is asked for: then the message lists
     *     every difference, and the layer is as it was
     */
    public void load(Path safetensors, LoadOptions options) throws IOException {
        Objects.requireNonNull(options, "options");
        checkOpen();
        try (Safetensors file = Safetensors.read(safetensors)) {
            load(file, options);
        }
    }

    /**
     * Reads the parameters, or some of them, from a safetensors file that is open.
     *
     * @param safetensors the file, which stays open
     * @param options which tensors are taken, and what may differ
     * @throws IllegalArgumentException if the options name a parameter that this layer does not have
     * @throws IOException if it cannot be read or does not have what is asked for: then the message lists every
     *     difference, and the layer is as it was
     */
    public synchronized void load(Safetensors safetensors, LoadOptions options) throws IOException {
        Objects.requireNonNull(safetensors, "safetensors");
        Objects.requireNonNull(options, "options");
        checkOpen();
        Checkpoint.load(this, safetensors, options);
    }

    /** Frees the layer's memory on the device, after closing what it still owns; harmless when that is done already. */
    @Override
    public synchronized void close() {
        if (!arena.scope().isAlive()) {
            return;
        }
        for (NativeDevice.Owned child : List.copyOf(children)) {
            child.close();
        }
        forward.close();
        Lifetime.end(arena, toString());
        device.handle().disown(ownership);
    }

    /** {@return its cell, sizes and device} */
    @Override
    public String toString() {
        return "layer " + spec.cell() + " " + spec.inputSize() + " to " + spec.hiddenSize() + " on "
                + device.handle().name();
    }

    /** The parameters, packed again if they changed; the caller holds the lock. */
    DeviceBuffer packed() {
        checkParametersSet();
        if (packedStale) {
            plan.pack(device.defaultStream(), parameters.buffer(), packed);
            packedStale = false;
        }
        return packed;
    }

    /** The caller holds the lock. */
    void parametersChanged() {
        parametersVersion++;
        packedStale = true;
    }

    /** Another number after every change of the parameters; the caller holds the lock. */
    long parametersVersion() {
        return parametersVersion;
    }

    /** The caller holds the lock. */
    void checkParametersSet() {
        parameters.checkSet();
    }

    void checkOpen() {
        Lifetime.check(arena, toString());
    }

    void own(NativeDevice.Owned child) {
        children.add(child);
    }

    void disown(NativeDevice.Owned child) {
        children.remove(child);
    }
}
