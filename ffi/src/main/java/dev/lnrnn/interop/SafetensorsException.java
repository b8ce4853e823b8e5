package dev.lnrnn.interop;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Thrown when a safetensors file is malformed or lacks the expected contents. The message says what and where. */
public final class SafetensorsException extends IOException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes the exception.
     *
     * @param message says what is wrong
     */
    public SafetensorsException(String message) {
        this(message, null);
    }

    /**
     * Makes the exception.
     *
     * @param message says what is wrong
     * @param cause the cause, or null
     */
    public SafetensorsException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
