package dev.lnrnn;

import dev.lnrnn.raw.lnrnn_h;

/**
 * Where layer normalisation stands in a cell. LN(v; gain, bias) = gain (v - mean v) / sqrt(var v + epsilon) + bias is
 * over a whole row, gates together, with the biased variance. With A = x W<sub>ih</sub>', r = h W<sub>hh</sub>' and, in
 * the LSTM, u = f c + i g, whose gates i, f, g, o are activations of v; of GRU and IndRNN what takes the place of A and
 * r:
 *
 * <table>
 * <caption>What each changes</caption>
 * <thead>
 * <tr><th scope="col"></th><th scope="col">LSTM</th><th scope="col">GRU</th><th scope="col">IndRNN</th></tr>
 * </thead>
 * <tbody>
 * <tr><th scope="row">{@link #NONE}</th>
 *     <td>v = A + r + b; h = o tanh(u); carries u</td><td>A, r</td><td>A</td></tr>
 * <tr><th scope="row">{@link #HASTE}</th>
 *     <td>v = LN(A; g<sub>i</sub>, 0) + LN(r; g<sub>h</sub>, 0) + b; h = o tanh(LN(u; g<sub>c</sub>, b<sub>c</sub>));
 *     carries u</td>
 *     <td>LN(A; g<sub>i</sub>, 0), LN(r; g<sub>h</sub>, 0)</td><td>LN(A; g<sub>i</sub>, 0)</td></tr>
 * <tr><th scope="row">{@link #PAPER}</th>
 *     <td>v = LN(A; g<sub>i</sub>, b<sub>i</sub>) + LN(r; g<sub>h</sub>, b<sub>h</sub>) + b; h as HASTE; carries u</td>
 *     <td></td><td></td></tr>
 * <tr><th scope="row">{@link #CARRY}</th>
 *     <td>as PAPER, but carries LN(u; g<sub>c</sub>, b<sub>c</sub>)</td><td></td><td></td></tr>
 * <tr><th scope="row">{@link #CELL}</th>
 *     <td>v = A + r + b; h as HASTE; carries u</td><td></td><td></td></tr>
 * </tbody>
 * </table>
 *
 * <p>Normalising A removes its size. If a layer reads a single feature (inputSize 1, a series of one variable),
 * {@link #HASTE}, {@link #PAPER} and {@link #CARRY} keep only the feature's sign: y is the same for x = 0.5, 1 and 2.
 * Then choose {@link #NONE}, for the LSTM also {@link #CELL}, or give the layer more features. Creating such a layer
 * logs one warning.
 *
 * <p>{@link CellType} lists the whole formula of each cell, and the names of gains and biases.
 */
public enum Normalization {
    /** Nowhere (Hochreiter &amp; Schmidhuber 1997; Cho et al. 2014; Li et al. 2018; cuDNN, PyTorch). */
    NONE,
    /** Both products with gains, and the LSTM's u with gain and bias (haste's LayerNormLSTM, -GRU and -IndRNN). */
    HASTE,
    /** LSTM only: as {@link #HASTE}, and with biases for both products (Ba, Kiros &amp; Hinton 2016). */
    PAPER,
    /** LSTM only: as {@link #PAPER}, but the next step sees the normalised u (TensorFlow Addons, custom_lstms). */
    CARRY,
    /** LSTM only: u alone, with gain and bias. */
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
