package dev.lnrnn.bench.parity;

import dev.lnrnn.DataType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Doubles to a layer's data type, rounded to nearest, ties to even, and back. */
final class Encoding {

    private Encoding() {}

    static MemorySegment encode(DataType type, double[] values) {
        return switch (type) {
            case F64 -> MemorySegment.ofArray(values.clone());
            case F32 -> {
                float[] floats = new float[values.length];
                for (int i = 0; i < values.length; i++) {
                    floats[i] = (float) values[i];
                }
                yield MemorySegment.ofArray(floats);
            }
            case F16, BF16 -> {
                short[] halves = new short[values.length];
                for (int i = 0; i < values.length; i++) {
                    float value = (float) values[i];
                    halves[i] = type == DataType.F16 ? Float.floatToFloat16(value) : toBFloat16(value);
                }
                yield MemorySegment.ofArray(halves);
            }
        };
    }

    static double[] decode(DataType type, MemorySegment segment) {
        double[] values = new double[Math.toIntExact(segment.byteSize() / type.byteSize())];
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (type) {
                case F64 -> segment.getAtIndex(ValueLayout.JAVA_DOUBLE_UNALIGNED, i);
                case F32 -> segment.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
                case F16 -> Float.float16ToFloat(segment.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i));
                case BF16 -> Float.intBitsToFloat(segment.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i) << 16);
            };
        }
        return values;
    }

    /** The upper half of a float32. */
    private static short toBFloat16(float value) {
        if (Float.isNaN(value)) {
            return (short) 0x7FC0;
        }
        int bits = Float.floatToRawIntBits(value);
        int halfUnit = 0x7FFF + (bits >>> 16 & 1);
        return (short) (bits + halfUnit >>> 16);
    }
}
