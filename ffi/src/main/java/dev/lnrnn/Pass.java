package dev.lnrnn;

/**
 * A computation that is bound to its buffers. Binding checks them once; each {@link #run} is one call of the native
 * library. A run allocates nothing on the Java heap, except the first one after a change of settings, which makes a new
 * native struct.
 *
 * <p>The caller owns the buffers and must keep them open while the pass is used. Closing a buffer while another thread
 * is in {@link #run} throws; a run with a closed buffer throws an {@link IllegalStateException} that names it. A run
 * holds every arena that its buffers are in, and each arena costs some nanoseconds: keep plan and buffers in one. If a
 * buffer is in a confined arena, only the arena's thread can run the pass.
 *
 * <p>Any thread may run a pass, change its settings and close it. Runs on one stream are executed one after the other.
 * A run sees the settings before a change or after it, never a mixture; a run under way continues with the old ones.
 */
public sealed interface Pass extends Runnable, AutoCloseable
        permits InferencePass, StepPass, ForwardPass, BackwardPass {
    /** {@return the plan that is run} */
    Plan plan();

    /**
     * Queues the work.
     *
     * @throws IllegalStateException if this pass, its plan, its stream or a buffer is closed
     * @throws WrongThreadException if the plan or a buffer is confined to another thread
     * @throws LnrnnException if the native library refuses the call, or if the device failed
     */
    @Override
    void run();

    /** Closes the pass: later runs throw, and a run under way in another thread finishes. Closing twice is harmless. */
    @Override
    void close();
}
