package dev.lnrnn;

/**
 * What a function of the native library answered: {@code lnrnnStatus_t}.
 *
 * <p>The numbers are written out, because a status also tells that the library, and the bindings with it, cannot be
 * used.
 */
public enum Status {
    /** It did what was asked. */
    SUCCESS(0),
    /** A value is out of its range, or values contradict each other. */
    INVALID_ARGUMENT(10),
    /** A required pointer is null. */
    NULL_POINTER(11),
    /** A pointer is not aligned to its element. */
    MISALIGNED(12),
    /** A buffer has fewer bytes than the call needs. */
    BUFFER_TOO_SMALL(13),
    /** A device still owns something made through it. */
    IN_USE(20),
    /** Not while a stream is being captured, or only then; or a graph's memory is gone. */
    INVALID_STATE(21),
    /** Legal, but this version cannot do it on this device. */
    NOT_SUPPORTED(30),
    /** Memory of the host or of the device is exhausted, or {@code lnrnn.maxBytes} is reached. */
    OUT_OF_MEMORY(40),
    /** There is no such device, no driver for it, or no native library that could be loaded. */
    DEVICE_UNAVAILABLE(50),
    /** The device failed for good. */
    DEVICE_LOST(51),
    /** A defect of the native library. */
    INTERNAL_ERROR(90);

    private final int code;

    Status(int code) {
        this.code = code;
    }

    /** {@return the number that stands for this status in the C API} */
    public int code() {
        return code;
    }

    /**
     * {@return the status with this number; {@link #INTERNAL_ERROR} for a number that this version does not know}
     *
     * @param code a value of {@code lnrnnStatus_t}
     */
    public static Status ofCode(int code) {
        for (Status status : values()) {
            if (status.code == code) {
                return status;
            }
        }
        return INTERNAL_ERROR;
    }
}
