package dev.lnrnn;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** Doubles of the tests to and from memory of either type. */
final class Numbers {

    private Numbers() {}

    static double get(DataType type, MemorySegment memory, long index) {
        return switch (type) {
            case F32 -> memory.get(JAVA_FLOAT_UNALIGNED, index * Float.BYTES);
            case F64 -> memory.get(JAVA_DOUBLE_UNALIGNED, index * Double.BYTES);
            case F16, BF16 -> throw new IllegalArgumentException("no test reads " + type);
        };
    }

    static void set(DataType type, MemorySegment memory, long index, double value) {
        switch (type) {
            case F32 -> memory.set(JAVA_FLOAT_UNALIGNED, index * Float.BYTES, (float) value);
            case F64 -> memory.set(JAVA_DOUBLE_UNALIGNED, index * Double.BYTES, value);
            case F16, BF16 -> throw new IllegalArgumentException("no test writes " + type);
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
}
