package dev.lnrnn;

/**
 * Options that affect cost, not results.
 *
 * @param recompute whether training stores only h, c and the statistics of layer norms, and backward recomputes the
 *     products. Gradients are the same, the reserve is smaller, and the arithmetic grows by about a third
 * @param deterministic whether repeated calls on one device give bit-identical gradients; otherwise a device may add in
 *     any order
 */
public record Execution(boolean recompute, boolean deterministic) {

    /** The fastest options. */
    public static final Execution DEFAULT = new Execution(false, false);

    /**
     * {@return these options with another recompute}
     *
     * @param recompute whether training stores fewer activations and recomputes them in backward
     */
    public Execution withRecompute(boolean recompute) {
        return new Execution(recompute, deterministic);
    }

    /**
     * {@return these options with another deterministic}
     *
     * @param deterministic whether repeated calls on one device give bit-identical gradients
     */
    public Execution withDeterministic(boolean deterministic) {
        return new Execution(recompute, deterministic);
    }
}
