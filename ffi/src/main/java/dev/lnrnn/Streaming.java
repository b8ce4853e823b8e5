package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import dev.lnrnn.internal.NativeDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Runs a {@link Layer} step by step and keeps its state between steps. The results are those of a forward pass over all
 * steps. Only for layers that read forward. Of a stack, a step gives the last layer's h.
 *
 * {@snippet :
 * try (Streaming stream = layer.streaming(1)) {
 *     float[] h = stream.step(x);   // x: float[inputSize], h: float[hiddenSize]
 * }
 * }
 *
 * <p>Safe for use by several threads: each call holds the layer's lock. Changes of the layer's parameters take effect
 * at the next step.
 */
public final class Streaming implements AutoCloseable {
    private final Layer layer;
    private final Stream queue;
    private final DataType type;
    private final DataType stateType;
    private final Arena arena = Arena.ofShared();
    private final NativeDevice.Owned ownership = this::close;
    private final StepPass pass;
    private final long batch;
    private final long xBytes;
    private final DeviceBuffer x;
    private final DeviceBuffer h;
    /** The part of h that is the last layer's. */
    private final DeviceBuffer output;
    private final @Nullable DeviceBuffer c;

    Streaming(Layer layer, long batch) {
        this.layer = layer;
        this.batch = batch;
        Device device = layer.device();
        queue = device.defaultStream();
        LayerSpec spec = layer.spec();
        type = spec.dataType();
        stateType = type.accumulation();
        try {
            StepArguments arguments = layer.plan().step(batch, queue);
            xBytes = arguments.xBytes();
            PlanSizes sizes = arguments.sizes();
            x = device.allocate(xBytes, arena);
            h = device.allocate(sizes.stateBytes(), arena);
            long outputBytes = h.byteSize() / spec.layers();
            output = h.slice(h.byteSize() - outputBytes, outputBytes);
            c = spec.cell().carriesCell() ? device.allocate(sizes.cellStateBytes(), arena) : null;
            DeviceBuffer workspace = device.allocate(sizes.stepWorkspaceBytes(), arena);
            pass = arguments.packed(layer.packedMemory()).x(x).h(h).c(c).workspace(workspace).bind();
            clearState();
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
        layer.own(ownership);
    }

    /**
     * Computes one step; for all layers but those in {@link DataType#F64}.
     *
     * @param x the input (N,C)
     * @return the new h (N,P)
     * @throws IllegalArgumentException if x does not have N&middot;C elements
     * @throws IllegalStateException if this or the layer is closed, the layer has another type, or a parameter was
     *     never set
     */
    public float[] step(float[] x) {
        Objects.requireNonNull(x, "x");
        HostArray.checkType(layer.spec(), DataType.F32);
        HostArray result = HostArray.allocate(stateType, output.byteSize(), "h");
        stepArray(HostArray.of(x, type), result.segment());
        return result.floats();
    }

    /**
     * Computes one step; for all layers but those in {@link DataType#F64}.
     *
     * @param x the input (N,C)
     * @param h receives the new h (N,P)
     */
    public void step(float[] x, float[] h) {
        Objects.requireNonNull(x, "x");
        Objects.requireNonNull(h, "h");
        HostArray.checkType(layer.spec(), DataType.F32);
        stepArray(HostArray.of(x, type), MemorySegment.ofArray(h));
    }

    /**
     * Computes one step; for layers in {@link DataType#F64}; otherwise as {@link #step(float[])}.
     *
     * @param x the input (N,C)
     * @return the new h (N,P)
     */
    public double[] step(double[] x) {
        Objects.requireNonNull(x, "x");
        HostArray.checkType(layer.spec(), DataType.F64);
        HostArray result = HostArray.allocate(stateType, output.byteSize(), "h");
        stepArray(HostArray.of(x), result.segment());
        return result.doubles();
    }

    /**
     * Computes one step; for layers in {@link DataType#F64}.
     *
     * @param x the input (N,C)
     * @param h receives the new h (N,P)
     */
    public void step(double[] x, double[] h) {
        Objects.requireNonNull(x, "x");
        Objects.requireNonNull(h, "h");
        HostArray.checkType(layer.spec(), DataType.F64);
        stepArray(HostArray.of(x), MemorySegment.ofArray(h));
    }

    private void stepArray(HostArray input, MemorySegment result) {
        HostArray.checkBytes(input.segment(), xBytes, type, "x");
        HostArray.checkBytes(result, output.byteSize(), stateType, "h");
        synchronized (layer) {
            checkOpen();
            layer.packed();
            queue.copy(x, input.segment());
            pass.run();
            read(output, result);
        }
    }

    /** {@return a copy of the state; for all layers but those in {@link DataType#F64}} */
    public LayerState state() {
        HostArray.checkType(layer.spec(), DataType.F32);
        synchronized (layer) {
            checkOpen();
            return new LayerState(copyOf(h).floats(), c == null ? null : copyOf(c).floats());
        }
    }

    /** {@return a copy of the state; for layers in {@link DataType#F64}} */
    public DoubleLayerState stateDoubles() {
        HostArray.checkType(layer.spec(), DataType.F64);
        synchronized (layer) {
            checkOpen();
            return new DoubleLayerState(copyOf(h).doubles(), c == null ? null : copyOf(c).doubles());
        }
    }

    /**
     * Replaces the state; for all layers but those in {@link DataType#F64}.
     *
     * @param state h (L,N,P) and c (L,N,H), which are copied; a missing c means zeros
     * @throws IllegalArgumentException if a size is wrong or c is given for a cell without one
     */
    public void setState(LayerState state) {
        Objects.requireNonNull(state, "state");
        HostArray.checkType(layer.spec(), DataType.F32);
        setState(MemorySegment.ofArray(state.h()), HostArray.segmentOrNull(state.c()));
    }

    /**
     * Replaces the state; for layers in {@link DataType#F64}; otherwise as {@link #setState(LayerState)}.
     *
     * @param state h (L,N,P) and c (L,N,H), which are copied; a missing c means zeros
     */
    public void setState(DoubleLayerState state) {
        Objects.requireNonNull(state, "state");
        HostArray.checkType(layer.spec(), DataType.F64);
        setState(MemorySegment.ofArray(state.h()), HostArray.segmentOrNull(state.c()));
    }

    private void setState(MemorySegment newH, @Nullable MemorySegment newC) {
        HostArray.checkBytes(newH, h.byteSize(), stateType, "h");
        Operands.checkCell(layer.spec(), "c", newC);
        if (newC != null && c != null) {
            HostArray.checkBytes(newC, c.byteSize(), stateType, "c");
        }
        synchronized (layer) {
            checkOpen();
            queue.copy(h, newH);
            if (newC != null && c != null) {
                queue.copy(c, newC);
            } else if (c != null) {
                queue.fill(c, (byte) 0);
            }
            queue.synchronize();
        }
    }

    /** Sets the state to zeros. */
    public void reset() {
        synchronized (layer) {
            checkOpen();
            clearState();
        }
    }

    /**
     * Sets the state of one row to zeros, in all layers: its next step begins a new sequence, and the other rows go on.
     *
     * @param row the row, 0...N - 1
     * @throws IndexOutOfBoundsException if there is no such row
     * @throws IllegalStateException if this or the layer is closed
     */
    public void reset(long row) {
        Objects.checkIndex(row, batch);
        synchronized (layer) {
            checkOpen();
            clearRow(h, row);
            if (c != null) {
                clearRow(c, row);
            }
        }
    }

    /** Of a state (L,N,features). */
    private void clearRow(DeviceBuffer state, long row) {
        long rowBytes = state.byteSize() / batch / layer.spec().layers();
        for (int l = 0; l < layer.spec().layers(); ++l) {
            queue.fill(state.slice((l * batch + row) * rowBytes, rowBytes), (byte) 0);
        }
    }

    private void clearState() {
        queue.fill(h, (byte) 0);
        if (c != null) {
            queue.fill(c, (byte) 0);
        }
    }

    /** Frees its memory on the device. Closing twice is harmless. */
    @Override
    public void close() {
        synchronized (layer) {
            if (arena.scope().isAlive()) {
                pass.close();
                Lifetime.end(arena, toString());
                layer.disown(ownership);
            }
        }
    }

    /** {@return "streaming of" its layer} */
    @Override
    public String toString() {
        return "streaming of " + layer;
    }

    private HostArray copyOf(DeviceBuffer state) {
        HostArray copy = HostArray.allocate(stateType, state.byteSize(), "state");
        read(state, copy.segment());
        return copy;
    }

    private void read(DeviceBuffer state, MemorySegment host) {
        queue.copy(host, state);
        queue.synchronize();
    }

    private void checkOpen() {
        Lifetime.check(arena, toString());
    }
}
