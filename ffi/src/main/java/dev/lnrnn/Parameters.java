package dev.lnrnn;

import dev.lnrnn.interop.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The parameters of a {@link Layer}: named tensors in one flat buffer of the device. Tensors are row-major; a weight is
 * (G&middot;H, C) or (G&middot;H, P), with its gates one below the other. {@link CellType} lists the names for each
 * cell; {@link Parameter} says how layer and direction extend them.
 *
 * {@snippet :
 * float[] bias = layer.parameters().get("bias_l0");
 * layer.parameters().set("bias_l0", bias);
 * }
 *
 * <p>At first all of them are zeros, and passes of the layer throw until every parameter has been set. Safe for use by
 * several threads: each call holds the layer's lock.
 */
public final class Parameters {
    /** So many are named in a sentence; a stack may have thousands. */
    private static final int NAMED = 12;

    private final Layer layer;
    private final FlatTensors tensors;
    /** Names that were never set; null as long as nothing was. */
    private @Nullable Set<String> missing;
    private boolean complete;

    Parameters(Layer layer, FlatTensors tensors) {
        this.layer = layer;
        this.tensors = tensors;
    }

    /** {@return the names, in the order of the buffer} */
    public List<String> names() {
        return tensors.names();
    }

    /**
     * {@return the name, shape and offset of a tensor}
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
     * @throws IllegalArgumentException if there is no such parameter, the number of values is wrong, or a finite value
     *     is too large for the layer's type
     */
    public void set(String name, float[] values) {
        Objects.requireNonNull(values, "values");
        synchronized (layer) {
            layer.checkOpen();
            tensors.set(name, values);
            changed(name);
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
            changed(name);
        }
    }

    /**
     * Replaces all parameters by a flat host segment with the layout of the buffer.
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
     * Fills a flat host segment with all parameters, in the layout of the buffer.
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
     * {@return copies of all parameters, for a file that holds several layers or other tensors} If the file's metadata
     * contains {@link LayerSpec#toMetadata()}, {@link Device#loadLayer(java.nio.file.Path, LoadOptions)} recreates the
     * layer.
     *
     * @param prefix precedes each name in the file; {@code ""} for none
     * @throws IllegalStateException if the layer is closed, or its parameters were never set
     */
    public List<Tensor> toTensors(String prefix) {
        Objects.requireNonNull(prefix, "prefix");
        synchronized (layer) {
            layer.checkOpen();
            layer.checkParametersSet();
            return Checkpoint.tensors(layer, prefix, Arena.ofAuto());
        }
    }

    /**
     * {@return the buffer itself, which the layer owns; call {@link #changed()} after writing to it} The layer works on
     * the device's default stream, so a write on another stream must be done first. Without {@link #changed()} the
     * layer continues with weights packed from the former contents, and a backward pass mixes both.
     */
    public DeviceBuffer buffer() {
        return tensors.buffer();
    }

    /**
     * Tells the layer that the buffer was written to. The layer packs the parameters again before the next pass. All of
     * them count as set.
     */
    public void changed() {
        synchronized (layer) {
            complete = true;
            layer.parametersChanged();
        }
    }

    private void changed(String name) {
        if (!complete) {
            if (missing == null) {
                missing = new LinkedHashSet<>(names());
            }
            missing.remove(name);
            complete = missing.isEmpty();
        }
        layer.parametersChanged();
    }

    /** Replaces a tensor by its bytes; the caller holds the lock. */
    void set(String name, MemorySegment values) {
        tensors.set(name, values);
        changed(name);
    }

    /** Refuses to go on before each was set; the caller holds the lock. */
    void checkSet() {
        if (complete) {
            return;
        }
        if (missing == null) {
            throw new IllegalStateException(layer + " has no parameters yet: call initialize, load or set");
        }
        List<String> named = missing.stream().limit(NAMED).toList();
        int more = missing.size() - named.size();
        throw new IllegalStateException(layer + " has parameters that were never set: " + String.join(", ", named)
                + (more > 0 ? " and " + more + " more" : ""));
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
