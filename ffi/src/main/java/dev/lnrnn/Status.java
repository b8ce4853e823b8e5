package dev.lnrnn;

import dev.lnrnn.raw.lnrnn_h;

/** What a function of the native library answered: {@code lnrnnStatus_t}. */
public enum Status {
    /** It did what was asked. */
    SUCCESS(lnrnn_h.LNRNN_STATUS_SUCCESS()),
    /** A value is out of its range, or values contradict each other. */
    INVALID_ARGUMENT(lnrnn_h.LNRNN_STATUS_INVALID_ARGUMENT()),
    /** A required pointer is null. */
    NULL_POINTER(lnrnn_h.LNRNN_STATUS_NULL_POINTER()),
    /** A pointer is not aligned to its element. */
    MISALIGNED(lnrnn_h.LNRNN_STATUS_MISALIGNED()),
    /** A buffer has fewer bytes than the call needs. */
    BUFFER_TOO_SMALL(lnrnn_h.LNRNN_STATUS_BUFFER_TOO_SMALL()),
    /** A device still owns plans, streams, events or memory. */
    IN_USE(lnrnn_h.LNRNN_STATUS_IN_USE()),
    /** Legal, but this version cannot do it on this device. */
    NOT_SUPPORTED(lnrnn_h.LNRNN_STATUS_NOT_SUPPORTED()),
    /** Memory of the host or of the device is exhausted, or {@code lnrnn.maxBytes} is reached. */
    OUT_OF_MEMORY(lnrnn_h.LNRNN_STATUS_OUT_OF_MEMORY()),
    /** There is no such device, no driver for it, or no native library that could be loaded. */
    DEVICE_UNAVAILABLE(lnrnn_h.LNRNN_STATUS_DEVICE_UNAVAILABLE()),
    /** The device failed for good. */
    DEVICE_LOST(lnrnn_h.LNRNN_STATUS_DEVICE_LOST()),
    /** A defect of the native library. */
    INTERNAL_ERROR(lnrnn_h.LNRNN_STATUS_INTERNAL_ERROR());

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
