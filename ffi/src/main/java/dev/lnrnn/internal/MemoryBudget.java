package dev.lnrnn.internal;

import dev.lnrnn.LnrnnException;
import dev.lnrnn.Status;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts device and pinned memory of the process, and what calls need beside it, against the system property
 * {@code lnrnn.maxBytes}.
 */
public final class MemoryBudget {
    private static final String PROPERTY = "lnrnn.maxBytes";
    private static final AtomicLong USED = new AtomicLong();

    private MemoryBudget() {}

    /** Makes an allocation whose bytes are given back with {@link #release} once they are freed. */
    public static int allocate(long bytes, String function, Native.Call allocation) {
        reserve(bytes, function);
        int status = -1;
        try {
            status = allocation.status();
            return status;
        } finally {
            if (status != 0) {
                release(bytes);
            }
        }
    }

    /** Makes a call that needs so much memory of its own until it returns. */
    public static int during(long bytes, String function, Native.Call call) {
        reserve(bytes, function);
        try {
            return call.status();
        } finally {
            release(bytes);
        }
    }

    public static void release(long bytes) {
        USED.addAndGet(-bytes);
    }

    private static void reserve(long bytes, String function) {
        long limit = Long.getLong(PROPERTY, Long.MAX_VALUE);
        long used;
        do {
            used = USED.get();
            if (bytes > limit - used) {
                throw new LnrnnException(Status.OUT_OF_MEMORY, function, "cannot allocate " + bytes + " bytes: "
                        + used + " are in use and the property " + PROPERTY + " allows " + limit, null);
            }
        } while (!USED.compareAndSet(used, used + bytes));
    }
}
