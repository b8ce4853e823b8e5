package dev.lnrnn;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Random;

/** Doubles of the tests to and from memory of any type, rounded to the nearest, to even where two are near. */
final class Numbers {

    private Numbers() {}

    /** The same for the same seed. */
    static float[] gaussian(int count, long seed) {
        Random random = new Random(seed);
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return numbers;
    }

    static double get(DataType type, MemorySegment memory, long index) {
        return switch (type) {
            case F32 -> memory.get(JAVA_FLOAT_UNALIGNED, index * Float.BYTES);
            case F64 -> memory.get(JAVA_DOUBLE_UNALIGNED, index * Double.BYTES);
            case F16 -> Float.float16ToFloat(memory.get(JAVA_SHORT_UNALIGNED, index * Short.BYTES));
            case BF16 -> bfloat16ToFloat(memory.get(JAVA_SHORT_UNALIGNED, index * Short.BYTES));
        };
    }

    static void set(DataType type, MemorySegment memory, long index, double value) {
        switch (type) {
            case F32 -> memory.set(JAVA_FLOAT_UNALIGNED, index * Float.BYTES, (float) value);
            case F64 -> memory.set(JAVA_DOUBLE_UNALIGNED, index * Double.BYTES, value);
            case F16 -> memory.set(JAVA_SHORT_UNALIGNED, index * Short.BYTES, Float.floatToFloat16((float) value));
            case BF16 -> memory.set(JAVA_SHORT_UNALIGNED, index * Short.BYTES, floatToBfloat16((float) value));
        }
    }

    static MemorySegment encode(DataType type, double[] values) {
        MemorySegment memory = MemorySegment.ofArray(new byte[type.byteSize() * values.length]);
        for (int i = 0; i < values.length; i++) {
            set(type, memory, i, values[i]);
        }
        return memory;
    }

    static double[] decode(DataType type, MemorySegment memory) {
        double[] values = new double[Math.toIntExact(memory.byteSize() / type.byteSize())];
        for (int i = 0; i < values.length; i++) {
            values[i] = get(type, memory, i);
        }
        return values;
    }

    /** A bfloat16 is the upper half of a float. */
    private static float bfloat16ToFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    private static short floatToBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) (bits >>> 16 | 0x40); // quiet, and not rounded into infinity
        }
        return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
    }
}
