package dev.lnrnn;

import dev.lnrnn.raw.lnrnn_h;

/** The recurrent cell of a layer. */
public enum CellType {
    /** Long short-term memory: gates i, f, g, o; state h and c. */
    LSTM(lnrnn_h.LNRNN_CELL_LSTM(), 4),
    /** Gated recurrent unit, reset after the product as in cuDNN: gates r, z, n; state h. */
    GRU(lnrnn_h.LNRNN_CELL_GRU(), 3),
    /** Independently recurrent network: one gate; state h. */
    INDRNN(lnrnn_h.LNRNN_CELL_INDRNN(), 1);

    private final int code;
    private final int gates;

    CellType(int code, int gates) {
        this.code = code;
        this.gates = gates;
    }

    /** {@return the number of gates G: weight_ih is (G&middot;H, C)} */
    public int gates() {
        return gates;
    }

    int code() {
        return code;
    }
}
