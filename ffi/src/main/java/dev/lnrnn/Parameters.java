package dev.lnrnn;

import dev.lnrnn.memory.DeviceBuffer;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/**
 * The parameters of a {@link Layer}: one flat buffer of the device, whose tensors have names. Tensors are row-major; a
 * weight is (G&middot;H, C) or (G&middot;H, H), its gates one below the other. {@link CellType} has the names of each
 * cell, {@link Parameter} what a layer of a stack and a direction add to them.
 *
 * {@snippet :
 * float[] bias = layer.parameters().get("bias_l0");
 * layer.parameters().set("bias_l0", bias);
 * }
 *
 * <p>Safe for use by several threads: the layer's lock is held meanwhile.
 */
public final class Parameters {
    private final Layer layer;
    private final FlatTensors tensors;

    Parameters(Layer layer, FlatTensors tensors) {
        this.layer = layer;
        this.tensors = tensors;
    }

    /** {@return the names, in the order of the buffer} */
    public List<String> names() {
        return tensors.names();
    }

    /**
     * {@return name, shape and place of a tensor}
     *
     * @param name one of {@link #names()}
     * @throws IllegalArgumentException if there is no such parameter
     */
    public Parameter describe(String name) {
        return tensors.find(name);
    }

    /**
     * {@return a copy of a tensor; for all layers but those in {@link DataType#F64}}
     *
     * @param name one of {@link #names()}
     * @throws IllegalArgumentException if there is no such parameter
     */
    public float[] get(String name) {
        synchronized (layer) {
            layer.checkOpen();
            return tensors.floats(name);
        }
    }

    /**
     * {@return a copy of a tensor; for layers in {@link DataType#F64}}
     *
     * @param name one of {@link #names()}
     * @throws IllegalArgumentException if there is no such parameter
     */
    public double[] getDoubles(String name) {
        synchronized (layer) {
            layer.checkOpen();
            return tensors.doubles(name);
        }
    }

    /**
     * Replaces a tensor, rounded to the layer's type; for all layers but those in {@link DataType#F64}.
     *
     * @param name one of {@link #names()}
     * @param values all its elements
     * @throws IllegalArgumentException if there is no such parameter or the number of values is wrong
     */
    public void set(String name, float[] values) {
        Objects.requireNonNull(values, "values");
        synchronized (layer) {
            layer.checkOpen();
            tensors.set(name, values);
            changed();
        }
    }

    /**
     * Replaces a tensor; for layers in {@link DataType#F64}.
     *
     * @param name one of {@link #names()}
     * @param values all its elements
     * @throws IllegalArgumentException if there is no such parameter or the number of values is wrong
     */
    public void set(String name, double[] values) {
        Objects.requireNonNull(values, "values");
        synchronized (layer) {
            layer.checkOpen();
            tensors.set(name, values);
            changed();
        }
    }

    /**
     * Replaces all parameters by a flat host segment, laid out as the buffer.
     *
     * @param flat {@link PlanSizes#parameterBytes()} bytes
     * @throws IllegalArgumentException if it has another size
     */
    public void copyFrom(MemorySegment flat) {
        Objects.requireNonNull(flat, "flat");
        synchronized (layer) {
            layer.checkOpen();
            checkFlat(flat);
            tensors.buffer().copyFrom(flat);
            changed();
        }
    }

    /**
     * Fills a flat host segment with all parameters, laid out as the buffer.
     *
     * @param flat {@link PlanSizes#parameterBytes()} bytes
     * @throws IllegalArgumentException if it has another size
     */
    public void copyTo(MemorySegment flat) {
        Objects.requireNonNull(flat, "flat");
        synchronized (layer) {
            layer.checkOpen();
            checkFlat(flat);
            tensors.buffer().copyTo(flat);
        }
    }

    /**
     * {@return the buffer itself, which the layer owns; call {@link #changed()} after writing to it} The layer works on
     * the device's default stream: what another stream wrote has to be done before.
     */
    public DeviceBuffer buffer() {
        return tensors.buffer();
    }

    /** Tells the layer that the buffer was written to, so that it prepares the parameters anew before the next call. */
    public void changed() {
        layer.parametersChanged();
    }

    /** Replaces a tensor by its bytes; the caller holds the lock. */
    void set(String name, MemorySegment values) {
        tensors.set(name, values);
        changed();
    }

    DeviceBuffer slice(Parameter parameter) {
        return tensors.slice(parameter);
    }

    private void checkFlat(MemorySegment flat) {
        if (flat.byteSize() != tensors.buffer().byteSize()) {
            throw new IllegalArgumentException("flat has " + flat.byteSize() + " bytes, but "
                    + tensors.buffer().byteSize() + " are needed");
        }
    }
}
