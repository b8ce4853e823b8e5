package dev.lnrnn.interop;

import java.util.List;
import java.util.Objects;

/**
 * What a file says of a tensor.
 *
 * @param type the type of its elements
 * @param shape its extents, row-major; empty for a scalar
 * @param offset where its data begins, in bytes from the beginning of all data
 * @param byteSize bytes of its data
 */
public record TensorInfo(ElementType type, List<Long> shape, long offset, long byteSize) {
    /** Keeps a copy of the shape. */
    public TensorInfo {
        Objects.requireNonNull(type, "type");
        shape = List.copyOf(Objects.requireNonNull(shape, "shape"));
    }

    /** {@return the number of its elements: the product of its shape} */
    public long elements() {
        return byteSize / type.byteSize();
    }

    /**
     * {@return whether it has these extents}
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
}
