package dev.lnrnn;

import org.jspecify.annotations.Nullable;

/**
 * The native library refused a call or failed in it. The message is the library's sentence: it names the argument,
 * its value and what was expected.
 */
public class LnrnnException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What kind of refusal it is. */
    private final Status status;
    /** The C function that answered. */
    private final String function;

    /**
     * A refusal with a cause of its own.
     *
     * @param status what kind of refusal it is
     * @param function the C function that was called
     * @param message the sentence
     * @param cause what led to it, or null
     */
    public LnrnnException(Status status, String function, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.status = status;
        this.function = function;
    }

    /** {@return what kind of refusal it is} */
    public Status status() {
        return status;
    }

    /** {@return the C function that answered, for instance {@code lnrnnPlanCreate}} */
    public String function() {
        return function;
    }
}
