package dev.lnrnn;

/**
 * The device failed for good: every later use of it fails in the same way, and only {@link Device#close()} is left to
 * call. What was in its memory is lost.
 */
public final class DeviceLostException extends LnrnnException {
    private static final long serialVersionUID = 1L;

    /**
     * A lost device.
     *
     * @param function the C function that noticed
     * @param message the sentence
     */
    public DeviceLostException(String function, String message) {
        super(Status.DEVICE_LOST, function, message, null);
    }
}
