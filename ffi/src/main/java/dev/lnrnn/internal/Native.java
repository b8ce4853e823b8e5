package dev.lnrnn.internal;

import dev.lnrnn.DeviceLostException;
import dev.lnrnn.LnrnnException;
import dev.lnrnn.Status;
import dev.lnrnn.raw.lnrnn_h;
import java.util.Arrays;
import java.util.function.Supplier;

/** Calls of the native library: the one place where a status becomes an exception. */
public final class Native {
    private Native() {}

    /** One call through the bindings; the answer is a {@code lnrnnStatus_t}. */
    @FunctionalInterface
    public interface Call {
        int status();
    }

    /** Makes a call that is not on a hot path: refused arguments and a bad status become exceptions. */
    public static void call(String function, Call call) {
        int status;
        try {
            status = call.status();
        } catch (AssertionError wrapper) {
            throw refusal(wrapper);
        }
        check(status, function);
    }

    /** Throws what {@code status} stands for, unless it is success. */
    public static void check(int status, String function) {
        if (status != 0) {
            throw failure(status, function);
        }
    }

    /**
     * What really happened when a generated binding throws {@link AssertionError}: the linker refused an argument whose
     * arena is closed or belongs to another thread, and the binding wrapped that. An error, such as a stack that is too
     * small, is wrapped in the same way, and thrown as it was.
     */
    public static RuntimeException refusal(AssertionError wrapper) {
        if (wrapper.getCause() instanceof RuntimeException refusal) {
            return refusal;
        }
        if (wrapper.getCause() instanceof Error error) {
            throw error;
        }
        throw wrapper;
    }

    /** Makes a call that answers something else than a status. */
    public static <T> T value(Supplier<T> call) {
        try {
            return call.get();
        } catch (AssertionError wrapper) {
            throw refusal(wrapper);
        }
    }

    /** The sentence of the calling thread's latest failed call. */
    public static String lastErrorMessage() {
        return value(lnrnn_h::lnrnnGetLastErrorMessage).getString(0);
    }

    /** The status with this number; a number that these classes do not know is a defect. */
    public static Status status(int code) {
        return Arrays.stream(Status.values()).filter(status -> status.code() == code).findFirst()
                .orElse(Status.INTERNAL_ERROR);
    }

    private static LnrnnException failure(int code, String function) {
        Status status = status(code);
        String sentence = lastErrorMessage();
        return status == Status.DEVICE_LOST
                ? new DeviceLostException(function, sentence)
                : new LnrnnException(status, function, sentence, null);
    }
}
