package dev.lnrnn;

/**
 * How a layer is computed: it changes what a call costs, and not what the call gives.
 *
 * @param recompute whether training keeps only h, c and the statistics of layer norms for backward, which computes the
 *     products again: the same gradients with a smaller reserve, for about a third more arithmetic
 * @param deterministic whether gradients have to be the same to the bit whenever a call is repeated on the same device;
 *     otherwise a device may add in any order
 */
public record Execution(boolean recompute, boolean deterministic) {

    /** What is fastest. */
    public static final Execution DEFAULT = new Execution(false, false);

    /**
     * {@return this execution with another recompute}
     *
     * @param recompute whether training keeps less and computes again
     */
    public Execution withRecompute(boolean recompute) {
        return new Execution(recompute, deterministic);
    }

    /**
     * {@return this execution with another deterministic}
     *
     * @param deterministic whether gradients have to be the same to the bit whenever a call is repeated
     */
    public Execution withDeterministic(boolean deterministic) {
        return new Execution(recompute, deterministic);
    }
}
