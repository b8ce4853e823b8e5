package dev.lnrnn.interop;

/** The type of a tensor's elements, named as in the safetensors format. All types are little-endian. */
public enum ElementType {
    /** One byte, 0 or 1. */
    BOOL(1),
    /** Unsigned 8-bit integer. */
    U8(1),
    /** Signed 8-bit integer. */
    I8(1),
    /** 8-bit floating point with 5 bits of exponent. */
    F8_E5M2(1),
    /** 8-bit floating point with 4 bits of exponent. */
    F8_E4M3(1),
    /** Signed 16-bit integer. */
    I16(2),
    /** Unsigned 16-bit integer. */
    U16(2),
    /** IEEE 754 half precision. */
    F16(2),
    /** The upper half of an {@link #F32}. */
    BF16(2),
    /** Signed 32-bit integer. */
    I32(4),
    /** Unsigned 32-bit integer. */
    U32(4),
    /** 32-bit floating point. */
    F32(4),
    /** 64-bit floating point. */
    F64(8),
    /** Signed 64-bit integer. */
    I64(8),
    /** Unsigned 64-bit integer. */
    U64(8);

    private final int byteSize;

    ElementType(int byteSize) {
        this.byteSize = byteSize;
    }

    /** {@return the size of an element in bytes} */
    public int byteSize() {
        return byteSize;
    }

    /** {@return whether {@link Safetensors#floats} converts every value without loss} */
    public boolean fitsFloat() {
        return switch (this) {
            case BOOL, U8, I8, I16, U16, F16, BF16, F32 -> true;
            case F8_E5M2, F8_E4M3, I32, U32, F64, I64, U64 -> false;
        };
    }

    /** {@return whether {@link Safetensors#doubles} converts every value without loss} */
    public boolean fitsDouble() {
        return switch (this) {
            case BOOL, U8, I8, I16, U16, F16, BF16, F32, I32, U32, F64 -> true;
            case F8_E5M2, F8_E4M3, I64, U64 -> false;
        };
    }

    /** {@return whether {@link Safetensors#longs} converts every value without loss} */
    public boolean fitsLong() {
        return switch (this) {
            case BOOL, U8, I8, I16, U16, I32, U32, I64 -> true;
            case F8_E5M2, F8_E4M3, F16, BF16, F32, F64, U64 -> false;
        };
    }
}
