package dev.lnrnn.interop;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Describes a tensor of a file. */
public final class TensorInfo {
    private final ElementType type;
    private final List<Long> shape;
    private final long offset;
    private final long byteSize;

    TensorInfo(ElementType type, List<Long> shape, long offset, long byteSize) {
        this.type = type;
        this.shape = List.copyOf(shape);
        this.offset = offset;
        this.byteSize = byteSize;
    }

    /** {@return the type of the elements} */
    public ElementType type() {
        return type;
    }

    /** {@return the extents, row-major; empty for a scalar} */
    public List<Long> shape() {
        return shape;
    }

    /** {@return the offset of the data in bytes, from the beginning of the data of all tensors} */
    public long offset() {
        return offset;
    }

    /** {@return the size of the data in bytes} */
    public long byteSize() {
        return byteSize;
    }

    /** {@return the number of elements: the product of the shape} */
    public long elements() {
        return byteSize / type.byteSize();
    }

    /**
     * {@return whether the tensor has these extents}
     *
     * @param expected the extents
     */
    public boolean hasShape(long... expected) {
        if (shape.size() != expected.length) {
            return false;
        }
        for (int i = 0; i < expected.length; i++) {
            if (shape.get(i) != expected[i]) {
                return false;
            }
        }
        return true;
    }

    /** {@return whether both have the same values} */
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof TensorInfo that && values().equals(that.values());
    }

    /** {@return a hash code of the values} */
    @Override
    public int hashCode() {
        return values().hashCode();
    }

    /** {@return the values by name} */
    @Override
    public String toString() {
        return "TensorInfo" + values();
    }

    private Map<String, Object> values() {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("type", type);
        values.put("shape", shape);
        values.put("offset", offset);
        values.put("byteSize", byteSize);
        return values;
    }
}
