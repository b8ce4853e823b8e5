package dev.lnrnn.interop;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/**
 * A tensor for writing.
 *
 * @param name the name
 * @param type the type of the elements
 * @param shape the extents, row-major; empty for a scalar
 * @param data the elements, little-endian; heap or native, not copied
 */
public record Tensor(String name, ElementType type, long[] shape, MemorySegment data) {
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;

    /**
     * Checks that the data has the size of the shape.
     *
     * @throws IllegalArgumentException if an extent is negative or the data has another size
     */
    public Tensor {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(type, "type");
        Objects.requireNonNull(data, "data");
        shape = Objects.requireNonNull(shape, "shape").clone();
        long bytes;
        try {
            bytes = bytes(type, shape);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("shape " + Arrays.toString(shape) + " exceeds 64 bits", e);
        }
        if (bytes != data.byteSize()) {
            throw new IllegalArgumentException("data of \"" + name + "\" has " + data.byteSize() + " bytes, but shape "
                    + Arrays.toString(shape) + " of " + type + " needs " + bytes);
        }
    }

    /** {@return a copy of the extents} */
    @Override
    public long[] shape() {
        return shape.clone();
    }

    /**
     * {@return a tensor with a copy of the values}
     *
     * @param name the name
     * @param shape the extents
     * @param values the elements, row-major
     */
    public static Tensor f32(String name, long[] shape, float[] values) {
        Objects.requireNonNull(values, "values");
        MemorySegment data = Arena.ofAuto().allocate((long) values.length * Float.BYTES);
        MemorySegment.copy(values, 0, data, ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE), 0, values.length);
        return new Tensor(name, ElementType.F32, shape, data);
    }

    /**
     * {@return a tensor with a copy of the values}
     *
     * @param name the name
     * @param shape the extents
     * @param values the elements, row-major
     */
    public static Tensor f64(String name, long[] shape, double[] values) {
        Objects.requireNonNull(values, "values");
        MemorySegment data = Arena.ofAuto().allocate((long) values.length * Double.BYTES);
        MemorySegment.copy(values, 0, data, ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(LITTLE), 0, values.length);
        return new Tensor(name, ElementType.F64, shape, data);
    }

    /**
     * {@return a tensor with a copy of the values}
     *
     * @param name the name
     * @param shape the extents
     * @param values the elements, row-major
     */
    public static Tensor i64(String name, long[] shape, long[] values) {
        Objects.requireNonNull(values, "values");
        MemorySegment data = Arena.ofAuto().allocate((long) values.length * Long.BYTES);
        MemorySegment.copy(values, 0, data, ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE), 0, values.length);
        return new Tensor(name, ElementType.I64, shape, data);
    }

    /** The bytes of so many elements; ArithmeticException beyond 64 bits, also where a later extent is 0. */
    static long bytes(ElementType type, long[] shape) {
        long bytes = type.byteSize();
        for (long extent : shape) {
            if (extent < 0) {
                throw new IllegalArgumentException("shape " + Arrays.toString(shape) + " has a negative extent");
            }
            bytes = Math.multiplyExact(bytes, extent);
        }
        return bytes;
    }
}
