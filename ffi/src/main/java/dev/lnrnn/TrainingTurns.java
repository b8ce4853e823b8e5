package dev.lnrnn;

import org.jspecify.annotations.Nullable;

/** Which thread ran a {@link Training} last, and what its results are still good for; used under the layer's lock. */
final class TrainingTurns {
    private final Layer layer;
    /** Null before the first, and when what it depended on was set anew. */
    private @Nullable ForwardTurn latestForward;
    /** Which backward pass filled the gradients, counted from 1; 0 where they are no pass's. */
    private long latestBackward;
    private long backwardPasses;
    /** Each thread's own latest backward pass. */
    private final ThreadLocal<Long> ownBackward = new ThreadLocal<>();

    /** What backward needs to know of a forward pass. */
    private record ForwardTurn(long parametersVersion, long threadId, String threadName) {}

    TrainingTurns(Layer layer) {
        this.layer = layer;
    }

    /** Nothing can go backward from the latest forward pass any more. */
    void forgetForward() {
        latestForward = null;
    }

    void forwardDone() {
        Thread thread = Thread.currentThread();
        latestForward = new ForwardTurn(layer.parametersVersion(), thread.threadId(), thread.getName());
    }

    /** Refuses a backward pass that the latest forward pass is not good for. */
    void checkForward() {
        ForwardTurn forward = latestForward;
        if (forward == null) {
            throw new IllegalStateException(
                    "backward needs a forward pass: there was none, it failed, or seed, lengths or masks were set after it");
        }
        if (forward.parametersVersion != layer.parametersVersion()) {
            throw new IllegalStateException(
                    "backward needs a new forward pass: the parameters of " + layer + " were set after the latest one");
        }
        Thread thread = Thread.currentThread();
        if (forward.threadId != thread.threadId()) {
            throw new IllegalStateException("backward runs in thread \"" + thread.getName()
                    + "\", but the latest forward pass ran in thread \"" + forward.threadName
                    + "\": threads that train at the same time need a training each");
        }
    }

    /** Refuses masks that are no forward pass's. */
    void checkMasks() {
        if (latestForward == null) {
            throw new IllegalStateException(
                    "there are no masks: there was no forward pass, it failed, or seed, lengths or masks were set after it");
        }
    }

    /** From here on the gradients are no pass's. */
    void backwardBegins() {
        latestBackward = 0;
    }

    void backwardDone() {
        latestBackward = ++backwardPasses;
        ownBackward.set(latestBackward);
    }

    /** Refuses gradients that are not what the thread believes. */
    void checkGradients() {
        if (latestBackward == 0) {
            throw new IllegalStateException(backwardPasses == 0
                    ? "there are no gradients before a backward pass"
                    : "there are no gradients: the latest backward pass failed");
        }
        Long own = ownBackward.get();
        if (own != null && own != latestBackward) {
            throw new IllegalStateException("another thread's backward pass has replaced the gradients of thread \""
                    + Thread.currentThread().getName()
                    + "\": threads that train at the same time need a training each");
        }
    }
}
