package dev.lnrnn;

import dev.lnrnn.raw.lnrnn_h;
import java.util.List;

/** The recurrent cell of a layer. Each has a page with its formula, its sources and the names of its parameters. */
public enum CellType {
    /** Long short-term memory: gates i, f, g, o; state h and c. See <a href="doc-files/lstm.html">the LSTM</a>. */
    LSTM(4),
    /**
     * Gated recurrent unit, reset after the product as in cuDNN: gates r, z, n; state h. See
     * <a href="doc-files/gru.html">the GRU</a>.
     */
    GRU(3),
    /**
     * Independently recurrent network: one gate; weight_hh is a vector; state h. See
     * <a href="doc-files/indrnn.html">the IndRNN</a>.
     */
    INDRNN(1);

    private final int gates;

    CellType(int gates) {
        this.gates = gates;
    }

    /** {@return the ways to normalise it} */
    public List<Normalization> normalizations() {
        return this == LSTM ? List.of(Normalization.values()) : List.of(Normalization.NONE, Normalization.HASTE);
    }

    /** {@return whether its state is h and c; else it is h alone} */
    public boolean carriesCell() {
        return this == LSTM;
    }

    /** {@return the number of gates G: weight_ih is (G&middot;H, C)} */
    public int gates() {
        return gates;
    }

    /** Its number in the C API; not before the library is loaded. */
    int code() {
        return switch (this) {
            case LSTM -> lnrnn_h.LNRNN_CELL_LSTM();
            case GRU -> lnrnn_h.LNRNN_CELL_GRU();
            case INDRNN -> lnrnn_h.LNRNN_CELL_INDRNN();
        };
    }
}
