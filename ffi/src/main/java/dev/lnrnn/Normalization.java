package dev.lnrnn;

import dev.lnrnn.raw.lnrnn_h;

/**
 * Where layer normalisation stands in the LSTM; GRU and IndRNN know {@link #NONE} and {@link #HASTE}. With
 * A = x W<sub>ih</sub>', r = h W<sub>hh</sub>', u = f c + i g and LN(x; gain, bias):
 */
public enum Normalization {
    /** None (Hochreiter &amp; Schmidhuber 1997; cuDNN, PyTorch's nn.LSTM). */
    NONE,
    /** LN(A; g1, 0) + LN(r; g2, 0) + b; h = o tanh(LN(u; g3, b3)); carries u (haste's LayerNormLSTM). */
    HASTE,
    /** LN(A; g1, b1) + LN(r; g2, b2) + b; h as {@link #HASTE}; carries u (Ba, Kiros, Hinton 2016). */
    PAPER,
    /** As {@link #PAPER}, but carries LN(u; g3, b3) (TensorFlow Addons, PyTorch's custom_lstms). */
    CARRY,
    /** A + r + b; h = o tanh(LN(u; g3, b3)); carries u. */
    CELL;

    /** Its number in the C API; not before the library is loaded. */
    int code() {
        return switch (this) {
            case NONE -> lnrnn_h.LNRNN_NORMALIZATION_NONE();
            case HASTE -> lnrnn_h.LNRNN_NORMALIZATION_HASTE();
            case PAPER -> lnrnn_h.LNRNN_NORMALIZATION_PAPER();
            case CARRY -> lnrnn_h.LNRNN_NORMALIZATION_CARRY();
            case CELL -> lnrnn_h.LNRNN_NORMALIZATION_CELL();
        };
    }
}
