package dev.lnrnn.bench.train;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Lets Ctrl-C (or any orderly end of the JVM) wait for work to reach a good place: from construction to
 * {@link #close()}, the JVM does not halt before the work has seen the request and closed this object.
 */
final class StopRequest implements AutoCloseable {

    private static final long LONGEST_WAIT_SECONDS = 30;

    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread hook = new Thread(this::stopAndWait, "stop-request");
    private volatile boolean requested;

    StopRequest() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void stopAndWait() {
        requested = true;
        try {
            closed.await(LONGEST_WAIT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            // The JVM is ending; there is nobody left to tell.
            Thread.currentThread().interrupt();
        }
    }

    boolean requested() {
        return requested;
    }

    @Override
    public void close() {
        closed.countDown();
        if (!requested) {
            removeHook();
        }
    }

    private void removeHook() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM began to end just now; the hook finds the latch open.
        }
    }
}
