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
 * A layer, or a stack of layers, with its parameters. It takes and returns Java arrays and memory segments, and manages
 * the memory of the device.
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
 * <p>Arrays are {@code double[]} if the layer is in {@link DataType#F64}, and {@code float[]} otherwise. In a 16-bit
 * type x is rounded to the nearest number, beyond the type's range to an infinite one; y is exact. Memory segments are
 * never converted.
 *
 * <p>Safe for use by several threads, which wait for each other. For concurrent calls create a layer for each thread,
 * or use a {@link Plan}. A layer reuses the memory of a call for the next one until it is closed.
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
        String caution = SpecCaution.of(spec);
        if (caution != null) {
            System.getLogger(Layer.class.getName()).log(System.Logger.Level.WARNING, caution);
        }
        device.handle().own(ownership);
    }

    /** {@return the description of this layer} */
    public LayerSpec spec() {
        return spec;
    }

    /** {@return the device of this layer} */
    public Device device() {
        return device;
    }

    /** {@return the plan that this layer owns and runs} */
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
     * @param seed the seed; all 64 bits count
     * @return this layer
     */
    public synchronized Layer initialize(long seed) {
        checkOpen();
        plan.initialize(device.defaultStream(), seed, parameters.buffer());
        parameters.changed();
        return this;
    }

    /**
     * Runs the layer from a zero state. For all layers except those in {@link DataType#F64}.
     *
     * @param x the input (T,N,C)
     * @param steps time steps T, at least 0
     * @param batch rows N, at least 0
     * @return the output and the final state
     * @throws IllegalArgumentException if x does not have T&middot;N&middot;C elements
     * @throws IllegalStateException if the layer is closed, has another type, or a parameter was never set
     */
    public LayerOutput forward(float[] x, long steps, long batch) {
        return forward(x, steps, batch, null, null);
    }

    /**
     * Runs the layer. For all layers except those in {@link DataType#F64}.
     *
     * @param x the input (T,N,C)
     * @param steps time steps T, at least 0
     * @param batch rows N, at least 0
     * @param initial the initial state, or null for zeros
     * @param lengths the number of steps of each row, 0...T, after which y is 0 and the state does not
     *     change; null if every row has T steps
     * @return the output and the final state
     * @throws IllegalArgumentException if x does not have T&middot;N&middot;C elements, or another size is wrong
     * @throws IllegalStateException if the layer is closed, has another type, or a parameter was never set
     */
    public LayerOutput forward(
            float[] x, long steps, long batch, @Nullable LayerState initial, long @Nullable [] lengths) {
        return forward(x, steps, batch, null, initial, lengths);
    }

    /**
     * Runs the layer on rows of several sequences each; otherwise as
     * {@link #forward(float[], long, long, LayerState, long[])}.
     *
     * @param x the input (T,N,C)
     * @param steps time steps T, at least 0
     * @param batch rows N, at least 0
     * @param resets (T,N), not 0 where a new sequence begins: no state crosses into such a step from the one before it,
     *     in any layer or direction; null if none begins inside a row
     * @param initial the initial state, or null for zeros
     * @param lengths the number of steps of each row, 0...T; null if every row has T steps
     * @return the output and the final state
     */
    public LayerOutput forward(float[] x, long steps, long batch, byte @Nullable [] resets,
            @Nullable LayerState initial, long @Nullable [] lengths) {
        Objects.requireNonNull(x, "x");
        HostArray.checkType(spec, DataType.F32);
        MemorySegment h0 = initial == null ? null : MemorySegment.ofArray(initial.h());
        MemorySegment c0 = initial == null ? null : HostArray.segmentOrNull(initial.c());
        return forwardArray(HostArray.of(x, spec.dataType()), Sequence.timeMajor(steps, batch), resets, h0, c0,
                lengths);
    }

    /**
     * Runs the layer from a zero state. For layers in {@link DataType#F64}; otherwise as
     * {@link #forward(float[], long, long)}.
     *
     * @param x the input (T,N,C)
     * @param steps time steps T, at least 0
     * @param batch rows N, at least 0
     * @return the output and the final state
     */
    public LayerOutput forward(double[] x, long steps, long batch) {
        return forward(x, steps, batch, null, null);
    }

    /**
     * Runs the layer. For layers in {@link DataType#F64}; otherwise as
     * {@link #forward(float[], long, long, LayerState, long[])}.
     *
     * @param x the input (T,N,C)
     * @param steps time steps T, at least 0
     * @param batch rows N, at least 0
     * @param initial the initial state, or null for zeros
     * @param lengths the number of steps of each row, 0...T; null if every row has T steps
     * @return the output and the final state
     */
    public LayerOutput forward(
            double[] x, long steps, long batch, @Nullable DoubleLayerState initial, long @Nullable [] lengths) {
        return forward(x, steps, batch, null, initial, lengths);
    }

    /**
     * Runs the layer on rows of several sequences each. For layers in {@link DataType#F64}; otherwise as
     * {@link #forward(float[], long, long, byte[], LayerState, long[])}.
     *
     * @param x the input (T,N,C)
     * @param steps time steps T, at least 0
     * @param batch rows N, at least 0
     * @param resets (T,N), not 0 where a new sequence begins; null if none begins inside a row
     * @param initial the initial state, or null for zeros
     * @param lengths the number of steps of each row, 0...T; null if every row has T steps
     * @return the output and the final state
     */
    public LayerOutput forward(double[] x, long steps, long batch, byte @Nullable [] resets,
            @Nullable DoubleLayerState initial, long @Nullable [] lengths) {
        Objects.requireNonNull(x, "x");
        HostArray.checkType(spec, DataType.F64);
        MemorySegment h0 = initial == null ? null : MemorySegment.ofArray(initial.h());
        MemorySegment c0 = initial == null ? null : HostArray.segmentOrNull(initial.c());
        return forwardArray(HostArray.of(x), Sequence.timeMajor(steps, batch), resets, h0, c0,
                lengths);
    }

    private synchronized LayerOutput forwardArray(HostArray x, Sequence sequence, byte @Nullable [] resets,
            @Nullable MemorySegment h0, @Nullable MemorySegment c0, long @Nullable [] lengths) {
        checkOpen();
        return forward.run(packed(), x.segment(), sequence, resets, h0, c0, lengths);
    }

    /**
     * Runs the layer on host memory, on the heap or native. x and y have the layer's type, states the
     * {@link DataType#accumulation() accumulation type}. The CPU reads and writes native memory in place. Segments may
     * be larger than needed. y, hn and cn must not overlap an input or each other, but hn may be h0, cn may be c0, and
     * x and y may be columns of one matrix. Returns when the results are written.
     *
     * @param x the input (T,N,C), with the sequence's strides
     * @param sequence the shape of the data
     * @param resets (T,N) bytes, with the sequence's strides, not 0 where a new sequence begins: no state crosses into
     *     such a step from the one before it, in any layer or direction; null if none begins inside a row
     * @param h0 the initial h (L&middot;D,N,P), or null for zeros
     * @param c0 the initial c (L&middot;D,N,H), or null for zeros; only for an LSTM
     * @param lengths the number of steps of each row, 0...T; null if every row has T steps
     * @param y the output (T,N,D&middot;P), with the sequence's strides, or null if not wanted
     * @param hn h at each row's length (L&middot;D,N,P), or null if not wanted
     * @param cn c at each row's length (L&middot;D,N,H), or null if not wanted; only for an LSTM
     * @throws IllegalArgumentException if a segment is too small, read-only but written, or overlaps another where it
     *     must not
     * @throws IllegalStateException if the layer or a segment is closed, or a parameter was never set
     */
    public synchronized void forward(
            MemorySegment x,
            Sequence sequence,
            @Nullable MemorySegment resets,
            @Nullable MemorySegment h0,
            @Nullable MemorySegment c0,
            long @Nullable [] lengths,
            @Nullable MemorySegment y,
            @Nullable MemorySegment hn,
            @Nullable MemorySegment cn) {
        Objects.requireNonNull(x, "x");
        Objects.requireNonNull(sequence, "sequence");
        checkOpen();
        forward.run(packed(), x, sequence, resets, h0, c0, lengths, y, hn, cn);
    }

    /**
     * {@return a new stream of single steps from a zero state, owned by this layer}
     *
     * @param batch rows N, at least 0
     * @throws IllegalArgumentException if batch is negative, or the layer is bidirectional
     */
    public synchronized Streaming streaming(long batch) {
        checkOpen();
        return new Streaming(this, batch);
    }

    /**
     * {@return new forward and backward passes, owned by this layer}
     *
     * @param sequence the shape of the data
     */
    public synchronized Training training(Sequence sequence) {
        checkOpen();
        return new Training(this, sequence);
    }

    /**
     * Writes the parameters to a safetensors file, in their own type, with this layer's {@link #spec()} as metadata.
     * {@link Device#loadLayer(Path)} recreates the layer from it. The file appears complete or not at all, as
     * {@link dev.lnrnn.interop.FileReplacement} says. For a file with other contents see {@link Parameters#toTensors}.
     *
     * @param safetensors the file, replaced if it exists
     * @throws IOException if it cannot be written
     */
    public synchronized void save(Path safetensors) throws IOException {
        Objects.requireNonNull(safetensors, "safetensors");
        checkOpen();
        checkParametersSet();
        Checkpoint.save(this, safetensors);
    }

    /**
     * Reads the parameters from a safetensors file, with {@link LoadOptions#DEFAULTS}. The file must have exactly this
     * layer's parameters, in its type or one that converts without loss. If {@link #save} wrote it, the properties that
     * change results ({@link LoadOptions#COMPARED}) must be equal. {@link Device#loadLayer(Path)} creates the layer
     * that such a file describes.
     *
     * @param safetensors the file
     * @throws IOException if the file cannot be read, is malformed or does not match; the message lists every
     *     difference, and the layer is unchanged
     */
    public void load(Path safetensors) throws IOException {
        load(safetensors, LoadOptions.DEFAULTS);
    }

    /**
     * Reads all or some of the parameters from a safetensors file.
     *
     * @param safetensors the file
     * @param options the tensors to load, and what may differ
     * @throws IllegalArgumentException if the options name a parameter that this layer does not have
     * @throws IOException if the file cannot be read, is malformed or does not match; the message lists every
     *     difference, and the layer is unchanged
     */
    public void load(Path safetensors, LoadOptions options) throws IOException {
        Objects.requireNonNull(options, "options");
        checkOpen();
        try (Safetensors file = Safetensors.read(safetensors)) {
            load(file, options);
        }
    }

    /**
     * Reads all or some of the parameters from an open safetensors file.
     *
     * @param safetensors the file, which stays open
     * @param options the tensors to load, and what may differ
     * @throws IllegalArgumentException if the options name a parameter that this layer does not have
     * @throws IOException if the file cannot be read or does not match; the message lists every difference, and the
     *     layer is unchanged
     */
    public synchronized void load(Safetensors safetensors, LoadOptions options) throws IOException {
        Objects.requireNonNull(safetensors, "safetensors");
        Objects.requireNonNull(options, "options");
        checkOpen();
        Checkpoint.load(this, safetensors, options);
    }

    /** Closes everything that the layer owns and frees its memory on the device. Closing twice is harmless. */
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

    /** Where {@link #packed} packs the parameters. */
    DeviceBuffer packedMemory() {
        return packed;
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
