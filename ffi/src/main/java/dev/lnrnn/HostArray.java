package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A {@code float[]} or {@code double[]}, whichever a layer's data type asks for, and the segment over it. */
record HostArray(Object values, MemorySegment segment) {

    static HostArray of(float[] values) {
        return new HostArray(values, MemorySegment.ofArray(values));
    }

    static HostArray of(double[] values) {
        return new HostArray(values, MemorySegment.ofArray(values));
    }

    /** A new array of zeros; {@code name} is for the sentence when it is larger than arrays can be. */
    static HostArray allocate(DataType type, long bytes, String name) {
        long elements = bytes / type.byteSize();
        if (elements > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException(name + " has " + elements
                    + " elements, more than a Java array can have: pass memory segments");
        }
        return switch (type) {
            case F32 -> of(new float[(int) elements]);
            case F64 -> of(new double[(int) elements]);
            case F16, BF16 -> throw new IllegalStateException(type + " has no Java array: pass memory segments");
        };
    }

    /** An array that the caller gave must have exactly the bytes that are needed. */
    static void checkBytes(MemorySegment array, long bytes, DataType type, String name) {
        if (array.byteSize() != bytes) {
            throw new IllegalArgumentException(name + " has " + array.byteSize() / type.byteSize()
                    + " elements, expected " + bytes / type.byteSize());
        }
    }

    /** Java arrays are converted nowhere: what a layer computes in is what goes in and comes out. */
    static void checkType(LayerSpec spec, DataType given) {
        if (spec.dataType() != given) {
            throw new IllegalStateException("the layer computes in " + spec.dataType() + ", but the method is for "
                    + given + " (" + (given == DataType.F32 ? "float[]" : "double[]") + ")");
        }
    }

    static @Nullable MemorySegment segmentOrNull(float @Nullable [] values) {
        return values == null ? null : MemorySegment.ofArray(values);
    }

    static @Nullable MemorySegment segmentOrNull(double @Nullable [] values) {
        return values == null ? null : MemorySegment.ofArray(values);
    }

    static @Nullable MemorySegment segmentOrNull(@Nullable HostArray array) {
        return array == null ? null : array.segment;
    }

    float[] floats() {
        if (values instanceof float[] floats) {
            return floats;
        }
        throw new IllegalStateException("the layer computes in F64: ask for doubles");
    }

    double[] doubles() {
        if (values instanceof double[] doubles) {
            return doubles;
        }
        throw new IllegalStateException("the layer computes in F32: ask for floats");
    }
}
