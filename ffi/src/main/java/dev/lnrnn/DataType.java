package dev.lnrnn;

import dev.lnrnn.raw.lnrnn_h;

/**
 * The type of a layer's x, y and parameters, and of the gradients of x and y. States, their gradients and the gradients
 * of parameters have the {@link #accumulation() accumulation type}.
 */
public enum DataType {
    /** 32-bit floating point, {@code float}. */
    F32(4),
    /** 64-bit floating point, {@code double}. */
    F64(8),
    /**
     * IEEE 754 half precision. In training a gradient beyond 65504, of x or of what one layer hands to the next, is
     * infinite, and what is computed from it infinite or NaN: scale the loss, or train in {@link #BF16} or
     * {@link #F32}.
     */
    F16(2),
    /** The upper half of an {@link #F32}. */
    BF16(2);

    private final int byteSize;

    DataType(int byteSize) {
        this.byteSize = byteSize;
    }

    /** {@return the size of an element in bytes, which is also its alignment} */
    public int byteSize() {
        return byteSize;
    }

    /** {@return the type of sums and states: {@link #F32} for the 16-bit types, else the type itself} */
    public DataType accumulation() {
        return this == F64 ? F64 : F32;
    }

    /** Its number in the C API; not before the library is loaded. */
    int code() {
        return switch (this) {
            case F32 -> lnrnn_h.LNRNN_DATA_F32();
            case F64 -> lnrnn_h.LNRNN_DATA_F64();
            case F16 -> lnrnn_h.LNRNN_DATA_F16();
            case BF16 -> lnrnn_h.LNRNN_DATA_BF16();
        };
    }
}
