package dev.lnrnn;

/** The 16-bit types as Java has them: bits in a {@code short}, converted from and to {@code float}. */
final class SixteenBits {
    private static final short BF16_NAN = 0x7FC0;

    private SixteenBits() {}

    /** Rounded to the nearest, ties to even; what is too large becomes infinite. */
    static short[] encode(DataType type, float[] values) {
        short[] bits = new short[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = type == DataType.F16 ? Float.floatToFloat16(values[i]) : toBf16(values[i]);
        }
        return bits;
    }

    /** Exact. */
    static float[] decode(DataType type, short[] bits) {
        float[] values = new float[bits.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = type == DataType.F16 ? Float.float16ToFloat(bits[i]) : Float.intBitsToFloat(bits[i] << 16);
        }
        return values;
    }

    private static short toBf16(float value) {
        if (Float.isNaN(value)) {
            return BF16_NAN;
        }
        int bits = Float.floatToRawIntBits(value);
        int lastBitKept = bits >>> 16 & 1;
        return (short) (bits + 0x7FFF + lastBitKept >>> 16);
    }
}
