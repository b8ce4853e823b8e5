package dev.lnrnn;

/**
 * The result of a function of the native library: {@code lnrnnStatus_t}.
 *
 * <p>The numbers stand here, and do not come from the bindings: a status also says that the library, and with it the
 * bindings, cannot be used.
 */
public enum Status {
    /** Success. */
    SUCCESS(0),
    /** A value is out of its range, or values contradict each other. */
    INVALID_ARGUMENT(10),
    /** A required pointer is null. */
    NULL_POINTER(11),
    /** A pointer is not aligned to its element. */
    MISALIGNED(12),
    /** A buffer has fewer bytes than the call needs. */
    BUFFER_TOO_SMALL(13),
    /** A device still owns an object created from it. */
    IN_USE(20),
    /** The call is illegal while a stream is captured or legal only then, or memory of a graph was unregistered. */
    INVALID_STATE(21),
    /** A legal combination that this version does not support on this device. */
    NOT_SUPPORTED(30),
    /** Memory of the host or of the device is exhausted, or {@code lnrnn.maxBytes} is reached. */
    OUT_OF_MEMORY(40),
    /** There is no such device, no driver for it, or no native library that could be loaded. */
    DEVICE_UNAVAILABLE(50),
    /** The device has failed permanently. */
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
}
