package dev.lnrnn;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Describes one tensor of the flat parameter buffer, and its gradient in the flat gradient buffer.
 *
 * <p>Names are those of the cell ({@link CellType}) with {@code _l{k}} for layer k appended to the first part, and
 * {@code _reverse} after it for the direction that reads backwards: {@code weight_ih_l0}, {@code bias_l1_reverse},
 * {@code layernorm_c_l0_reverse.weight}.
 */
public final class Parameter {
    private final String name;
    private final int layer;
    private final int direction;
    private final List<Long> shape;
    private final long elements;
    private final long offsetBytes;
    private final long gradientOffsetBytes;

    Parameter(String name, int layer, int direction, List<Long> shape, long elements, long offsetBytes,
            long gradientOffsetBytes) {
        this.name = name;
        this.layer = layer;
        this.direction = direction;
        this.shape = List.copyOf(shape);
        this.elements = elements;
        this.offsetBytes = offsetBytes;
        this.gradientOffsetBytes = gradientOffsetBytes;
    }

    /** {@return the name} */
    public String name() {
        return name;
    }

    /** {@return the layer k of the stack, from 0} */
    public int layer() {
        return layer;
    }

    /** {@return 0 for the forward direction, 1 for the reverse one} */
    public int direction() {
        return direction;
    }

    /** {@return the extents, row-major} */
    public List<Long> shape() {
        return shape;
    }

    /** {@return the number of elements} */
    public long elements() {
        return elements;
    }

    /** {@return the offset in the parameter buffer in bytes, a multiple of 64} */
    public long offsetBytes() {
        return offsetBytes;
    }

    /** {@return the gradient's offset in the gradient buffer in bytes, a multiple of 64} */
    public long gradientOffsetBytes() {
        return gradientOffsetBytes;
    }

    /** {@return whether both have the same values} */
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Parameter that && values().equals(that.values());
    }

    /** {@return a hash code of the values} */
    @Override
    public int hashCode() {
        return values().hashCode();
    }

    /** {@return the values by name} */
    @Override
    public String toString() {
        return "Parameter" + values();
    }

    private Map<String, Object> values() {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("name", name);
        values.put("layer", layer);
        values.put("direction", direction);
        values.put("shape", shape);
        values.put("elements", elements);
        values.put("offsetBytes", offsetBytes);
        values.put("gradientOffsetBytes", gradientOffsetBytes);
        return values;
    }
}
