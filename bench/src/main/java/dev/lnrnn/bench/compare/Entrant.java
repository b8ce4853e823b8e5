package dev.lnrnn.bench.compare;

import java.util.Set;

/**
 * A system that takes part.
 *
 * @param system its name
 * @param kind what it computes
 * @param modes what it can do
 * @param preparation how it gets ready
 */
public record Entrant(String system, Kind kind, Set<Mode> modes, Preparation preparation) {

    /** Keeps a copy of the modes. */
    public Entrant {
        modes = Set.copyOf(modes);
    }

    /** What a system computes. */
    public enum Kind {
        PLAIN,
        /** With the layer normalisation of lnrnn's {@code Normalization.HASTE}. */
        NORMALIZED,
        /** The matrix products of the plain LSTM and nothing else: the floor for those who use them. */
        PRODUCTS
    }

    /** Gets a system ready for a problem; this is no part of what is timed. */
    @FunctionalInterface
    public interface Preparation {

        Contestant prepare(Problem problem, Mode mode);
    }

    /** {@return whether it is layer-normalised} */
    public boolean normalized() {
        return kind == Kind.NORMALIZED;
    }
}
