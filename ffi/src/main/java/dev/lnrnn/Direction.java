package dev.lnrnn;

import dev.lnrnn.raw.lnrnn_h;

/** In which order a layer reads the steps of a sequence. */
public enum Direction {
    /** From the first step to the last. */
    FORWARD(1),
    /** Both ways, by two sets of parameters; their outputs stand side by side. */
    BIDIRECTIONAL(2);

    private final int count;

    Direction(int count) {
        this.count = count;
    }

    /** {@return the number of directions D: y is (T,N,D&middot;H)} */
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
