package dev.lnrnn.interop;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A safetensors file is malformed, or does not hold what was expected of it; the message says what and where. */
public final class SafetensorsException extends IOException {
    private static final long serialVersionUID = 1L;

    /**
     * A malformed file.
     *
     * @param message what is wrong
     */
    public SafetensorsException(String message) {
        this(message, null);
    }

    /**
     * A malformed file.
     *
     * @param message what is wrong
     * @param cause what found it, or null
     */
    public SafetensorsException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
