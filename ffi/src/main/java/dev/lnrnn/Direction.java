package dev.lnrnn;

import dev.lnrnn.raw.lnrnn_h;

/** The order in which a layer reads the steps of a sequence. */
public enum Direction {
    /** From the first step to the last. */
    FORWARD(1),
    /** Both ways, with a set of parameters for each; the outputs stand side by side. */
    BIDIRECTIONAL(2);

    private final int count;

    Direction(int count) {
        this.count = count;
    }

    /** {@return the number of directions D: y is (T,N,D&middot;P)} */
    public int count() {
        return count;
    }

    /** Its number in the C API; not before the library is loaded. */
    int code() {
        return switch (this) {
            case FORWARD -> lnrnn_h.LNRNN_DIRECTION_FORWARD();
            case BIDIRECTIONAL -> lnrnn_h.LNRNN_DIRECTION_BIDIRECTIONAL();
        };
    }
}
