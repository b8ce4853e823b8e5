package dev.lnrnn;

/**
 * Thrown when a device has failed permanently. Every later use fails in the same way; only {@link Device#close()} still
 * works. The contents of the device's memory are lost.
 */
public final class DeviceLostException extends LnrnnException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes the exception.
     *
     * @param function the C function that found the failure
     * @param message the native library's message
     */
    public DeviceLostException(String function, String message) {
        super(Status.DEVICE_LOST, function, message, null);
    }
}
