package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A Java array of a layer's, and the segment over it: {@code double[]} where the layer computes in doubles, else
 * {@code float[]}. Behind a tensor of 16 bits the array is a {@code short[]}, made of the caller's floats or given to
 * the caller as floats.
 */
record HostArray(Object values, DataType type, MemorySegment segment) {

    /** Over the array, or over what it is in 16 bits. */
    static HostArray of(float[] values, DataType type) {
        return switch (type) {
            case F32 -> new HostArray(values, type, MemorySegment.ofArray(values));
            case F16, BF16 -> ofBits(SixteenBits.encode(type, values), type);
            case F64 -> throw new IllegalStateException("floats are not the array of F64");
        };
    }

    static HostArray of(double[] values) {
        return new HostArray(values, DataType.F64, MemorySegment.ofArray(values));
    }

    private static HostArray ofBits(short[] bits, DataType type) {
        return new HostArray(bits, type, MemorySegment.ofArray(bits));
    }

    /** A new array of zeros; {@code name} is for the sentence when it is larger than arrays can be. */
    static HostArray allocate(DataType type, long bytes, String name) {
        long elements = bytes / type.byteSize();
        checkElements(name, elements);
        return switch (type) {
            case F32 -> of(new float[(int) elements], type);
            case F64 -> of(new double[(int) elements]);
            case F16, BF16 -> ofBits(new short[(int) elements], type);
        };
    }

    /** Refuses what no array can hold. */
    static void checkElements(String name, long elements) {
        if (elements > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException(name + " has " + elements
                    + " elements, more than a Java array can hold: pass memory segments");
        }
    }

    /** An array that the caller gave must have exactly the bytes that are needed. */
    static void checkBytes(MemorySegment array, long bytes, DataType type, String name) {
        if (array.byteSize() != bytes) {
            throw new IllegalArgumentException(name + " has " + array.byteSize() / type.byteSize()
                    + " elements, expected " + bytes / type.byteSize());
        }
    }

    /** Floats and doubles are converted nowhere into each other: {@code given} is what the layer sums and keeps. */
    static void checkType(LayerSpec spec, DataType given) {
        if (spec.dataType().accumulation() != given) {
            throw new IllegalStateException("the layer computes in " + spec.dataType() + ", but the method is for "
                    + (given == DataType.F32 ? "float[]" : "double[]"));
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

    /** The array itself, or a new one of what 16 bits are. */
    float[] floats() {
        if (values instanceof float[] floats) {
            return floats;
        }
        if (values instanceof short[] bits) {
            return SixteenBits.decode(type, bits);
        }
        throw new IllegalStateException("the layer computes in " + type + ": call the method for doubles");
    }

    double[] doubles() {
        if (values instanceof double[] doubles) {
            return doubles;
        }
        throw new IllegalStateException("the layer computes in " + type + ": call the method for floats");
    }

    /** With the array that its reader sees from now on. */
    HostArray decoded() {
        return values instanceof short[] ? of(floats(), DataType.F32) : this;
    }
}
