package dev.lnrnn;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when the native library refuses a call or fails in it. The message names the argument, its value and what was
 * expected.
 */
public class LnrnnException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The result of the call. */
    private final Status status;
    /** The C function that was called. */
    private final String function;

    /**
     * Makes the exception.
     *
     * @param status the result of the call
     * @param function the C function that was called
     * @param message the native library's message
     * @param cause the cause, or null
     */
    public LnrnnException(Status status, String function, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.status = status;
        this.function = function;
    }

    /** {@return the result of the call} */
    public Status status() {
        return status;
    }

    /** {@return the C function that was called, for instance {@code lnrnnPlanCreate}} */
    public String function() {
        return function;
    }
}
