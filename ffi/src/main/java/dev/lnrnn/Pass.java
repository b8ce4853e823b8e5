package dev.lnrnn;

/**
 * A computation that is bound to its buffers: they were checked once, and each {@link #run} is one call of the native
 * library. A run allocates nothing on the Java heap, except for the first one after a change of settings, which makes a
 * new native struct.
 *
 * <p>The buffers stay the caller's and have to live while a pass is run: closing one while another thread is in
 * {@link #run} is refused, and a run with one that is closed is an {@link IllegalStateException} that names it. They are
 * held at the cost of one lifetime for each arena that they are in, so plan and buffers are best kept in one. Where one
 * of them is in a confined arena, only its thread can run the pass.
 *
 * <p>Any thread may run a pass, change its settings and close it. Runs on one stream are carried out one after the other.
 * A run sees a setting as it was before or after a change, never in between; one that is under way goes on with the old.
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
     * @throws LnrnnException if the native library refuses the call, as it does where rows of an output or two strided
     *     tensors overlap, or if the device failed
     */
    @Override
    void run();

    /** Closes the pass: later runs throw, and a run under way in another thread finishes. Closing twice is harmless. */
    @Override
    void close();
}
