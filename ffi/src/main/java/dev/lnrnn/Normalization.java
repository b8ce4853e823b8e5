package dev.lnrnn;

import dev.lnrnn.NormSite.Term;
import dev.lnrnn.raw.lnrnn_h;
import java.util.List;
import java.util.Map;

/**
 * Where layer normalisation stands in a cell. LN(v; gain, bias) = gain (v - mean v) / sqrt(var v + epsilon) + bias is
 * over a whole row, gates together, with the biased variance. The tables complete the formulas of {@link CellType}, where
 * A = x W<sub>ih</sub>', R = h W<sub>hh</sub>' and, in the LSTM, u = f c + i g.
 *
 * <table>
 * <caption>LSTM</caption>
 * <thead>
 * <tr><th scope="col"></th><th scope="col">v</th><th scope="col">k</th><th scope="col">carried c</th>
 *     <th scope="col">as in</th></tr>
 * </thead>
 * <tbody>
 * <tr><th scope="row">{@link #NONE}</th><td>A + R + bias</td><td>u</td><td>u</td>
 *     <td>cuDNN, PyTorch's nn.LSTM, haste.LSTM</td></tr>
 * <tr><th scope="row">{@link #HASTE}</th><td>LN(A; g<sub>i</sub>, 0) + LN(R; g<sub>h</sub>, 0) + bias</td>
 *     <td>LN(u; g<sub>c</sub>, b<sub>c</sub>)</td><td>u</td><td>haste.LayerNormLSTM</td></tr>
 * <tr><th scope="row">{@link #PAPER}</th>
 *     <td>LN(A; g<sub>i</sub>, b<sub>i</sub>) + LN(R; g<sub>h</sub>, b<sub>h</sub>) + bias</td>
 *     <td>LN(u; g<sub>c</sub>, b<sub>c</sub>)</td><td>u</td>
 *     <td>Ba, Kiros &amp; Hinton, <cite>Layer Normalization</cite>, 2016, equations 20 to 22</td></tr>
 * <tr><th scope="row">{@link #CARRY}</th>
 *     <td>LN(A; g<sub>i</sub>, b<sub>i</sub>) + LN(R; g<sub>h</sub>, b<sub>h</sub>) + bias</td>
 *     <td>LN(u; g<sub>c</sub>, b<sub>c</sub>)</td><td>k</td>
 *     <td>TensorFlow Addons' LayerNormLSTMCell; PyTorch's custom_lstms, where bias is 0</td></tr>
 * <tr><th scope="row">{@link #CELL}</th><td>A + R + bias</td><td>LN(u; g<sub>c</sub>, b<sub>c</sub>)</td><td>u</td>
 *     <td></td></tr>
 * <tr><th scope="row">{@link #PER_GATE}</th><td>LN<sub>H</sub>(A + R + bias; g, b)</td><td>u</td><td>u</td>
 *     <td>TensorFlow Lite (LiteRT) and Android's NNAPI; lingvo's LayerNormalizedLSTMCellSimple</td></tr>
 * <tr><th scope="row">{@link #PER_GATE_CELL}</th><td>LN<sub>H</sub>(A + R + bias; g, b)</td>
 *     <td>LN(u; g<sub>c</sub>, b<sub>c</sub>)</td><td>u</td>
 *     <td>lingvo's LayerNormalizedLSTMCellLean, Magenta's sketch-rnn, HyperLSTM</td></tr>
 * <tr><th scope="row">{@link #PER_GATE_CARRY}</th><td>LN<sub>H</sub>(A + R + bias; g, b)</td>
 *     <td>LN(u; g<sub>c</sub>, b<sub>c</sub>)</td><td>k</td>
 *     <td>TensorFlow 1's tf.contrib.rnn.LayerNormBasicLSTMCell, icefall's LayerNormLSTM</td></tr>
 * </tbody>
 * </table>
 *
 * <p>LN<sub>H</sub> is a layer norm of each gate by itself, over its H elements. Every LSTM may also have a
 * {@linkplain LayerSpec#withProjection projection} (as in TensorFlow Lite, lingvo, cuDNN and PyTorch) and a
 * {@linkplain LayerSpec#withCellClip cell clip} (as in the first three).
 *
 * <table>
 * <caption>GRU</caption>
 * <thead>
 * <tr><th scope="col"></th><th scope="col">p</th><th scope="col">q</th><th scope="col">as in</th></tr>
 * </thead>
 * <tbody>
 * <tr><th scope="row">{@link #NONE}</th><td>A + bias_ih</td><td>R + bias_hh</td>
 *     <td>cuDNN, PyTorch's nn.GRU, haste.GRU</td></tr>
 * <tr><th scope="row">{@link #HASTE}</th><td>LN(A; g<sub>i</sub>, 0) + bias_ih</td>
 *     <td>LN(R; g<sub>h</sub>, 0) + bias_hh</td><td>haste.LayerNormGRU</td></tr>
 * <tr><th scope="row">{@link #PAPER}</th><td>LN(A; g<sub>i</sub>, b<sub>i</sub>)</td>
 *     <td>LN(R; g<sub>h</sub>, b<sub>h</sub>)</td>
 *     <td>Ba, Kiros &amp; Hinton 2016, supplement; Kiros' skip-thoughts. Each of the two is two layer norms: over the 2H
 *     of r and z together, and over the H of n</td></tr>
 * <tr><th scope="row">{@link #JOINT}</th>
 *     <td colspan="2">s = LN(A + R + bias; g, b); r, z = sigmoid(s) and n = tanh(r s<sub>n</sub>): the reset gate takes
 *     all of n</td><td>DreamerV2, dreamerv3-torch, sheeprl's LayerNormGRUCell</td></tr>
 * </tbody>
 * </table>
 *
 * <table>
 * <caption>IndRNN</caption>
 * <thead>
 * <tr><th scope="col"></th><th scope="col">a</th><th scope="col">as in</th></tr>
 * </thead>
 * <tbody>
 * <tr><th scope="row">{@link #NONE}</th><td>A</td><td>haste.IndRNN</td></tr>
 * <tr><th scope="row">{@link #HASTE}</th><td>LN(A; g<sub>i</sub>, 0)</td><td>haste.LayerNormIndRNN</td></tr>
 * </tbody>
 * </table>
 *
 * <p>Gains and biases are parameters: g<sub>i</sub> and b<sub>i</sub> are {@code layernorm_i.weight} and {@code .bias},
 * g<sub>h</sub> and b<sub>h</sub> those of {@code layernorm_h}, g and b those of {@code layernorm_gates}, g<sub>c</sub>
 * and b<sub>c</sub> those of {@code layernorm_c}.
 *
 * <p>Which one to choose:
 * <ul>
 * <li>To run or train on what another framework has trained: the one of its row. {@link #PER_GATE_CARRY},
 *     {@link #PAPER} and {@link #JOINT} say what becomes of its parameters.
 * <li>For a new network: {@link #HASTE}, which {@link LayerSpec} begins with. All cells have it.
 * <li>For a layer that reads a single feature: one that does not normalise A by itself.
 * </ul>
 *
 * <p>Normalising A removes its size. If a layer reads a single feature (inputSize 1, a series of one variable),
 * {@link #HASTE}, {@link #PAPER} and {@link #CARRY} keep only the feature's sign: y is the same for x = 0.5, 1 and 2.
 * Then choose {@link #NONE}, for the LSTM {@link #CELL} or one of {@link #PER_GATE}, {@link #PER_GATE_CELL} and
 * {@link #PER_GATE_CARRY}, for the GRU {@link #JOINT}, or give the layer more features. Where the sum is normalised, the
 * size of A counts beside that of R and the bias. Creating a layer that sees only the sign logs one warning.
 */
public enum Normalization {
    /** Nowhere (Hochreiter &amp; Schmidhuber 1997; Cho et al. 2014; Li et al. 2018; cuDNN, PyTorch). */
    NONE(Map.of(CellType.LSTM, List.of(), CellType.GRU, List.of(), CellType.INDRNN, List.of())),
    /** Both products with gains, and the LSTM's u with gain and bias (haste's LayerNormLSTM, -GRU and -IndRNN). */
    HASTE(Map.of(
            CellType.LSTM, List.of(NormSite.of(Term.INPUT, 4), NormSite.of(Term.RECURRENT, 4), NormSite.ofCell()),
            CellType.GRU, List.of(NormSite.of(Term.INPUT, 3), NormSite.of(Term.RECURRENT, 3)),
            CellType.INDRNN, List.of(NormSite.of(Term.INPUT, 1)))),
    /**
     * LSTM and GRU: as {@link #HASTE}, and with biases for both products (Ba, Kiros &amp; Hinton 2016). The GRU's norms are
     * of r and z together and of n alone; the published GRU has z and 1 - z the other way round, so negate the z of
     * g<sub>i</sub>, b<sub>i</sub>, g<sub>h</sub> and b<sub>h</sub> when you load its parameters.
     */
    PAPER(Map.of(
            CellType.LSTM,
            List.of(NormSite.biased(Term.INPUT, 4), NormSite.biased(Term.RECURRENT, 4), NormSite.ofCell()),
            CellType.GRU, List.of(NormSite.biased(Term.INPUT, 2, 1), NormSite.biased(Term.RECURRENT, 2, 1)))),
    /** LSTM only: as {@link #PAPER}, but the next step sees the normalised u (TensorFlow Addons, custom_lstms). */
    CARRY(Map.of(
            CellType.LSTM,
            List.of(NormSite.biased(Term.INPUT, 4), NormSite.biased(Term.RECURRENT, 4), NormSite.ofCarriedCell()))),
    /** LSTM only: u alone, with gain and bias. */
    CELL(Map.of(CellType.LSTM, List.of(NormSite.ofCell()))),
    /**
     * LSTM only: the sum of both products and the bias, gate by gate, with gain and bias (TensorFlow Lite, NNAPI, lingvo).
     */
    PER_GATE(Map.of(CellType.LSTM, List.of(NormSite.biased(Term.SUM, 1, 1, 1, 1)))),
    /** LSTM only: as {@link #PER_GATE}, and u as in {@link #CELL} (lingvo, sketch-rnn, HyperLSTM). */
    PER_GATE_CELL(Map.of(CellType.LSTM, List.of(NormSite.biased(Term.SUM, 1, 1, 1, 1), NormSite.ofCell()))),
    /**
     * LSTM only: as {@link #PER_GATE_CELL}, but the next step sees the normalised u (tf.contrib, icefall). For
     * tf.contrib's LayerNormBasicLSTMCell set epsilon to 1e-12, bias to 0, and add its forget_bias to f of b; its gates
     * stand in the order i, g, f, o.
     */
    PER_GATE_CARRY(Map.of(CellType.LSTM, List.of(NormSite.biased(Term.SUM, 1, 1, 1, 1), NormSite.ofCarriedCell()))),
    /**
     * GRU only: the sum of both products and the bias as one row, with gain and bias (DreamerV2, dreamerv3-torch, sheeprl).
     * There the gates stand in the order r, n, z, and 1 - z = sigmoid(s - 1): negate the z of g, and subtract the z of b
     * from 1, when you load their parameters.
     */
    JOINT(Map.of(CellType.GRU, List.of(NormSite.biased(Term.SUM, 3))));

    private final Map<CellType, List<NormSite>> sites;

    Normalization(Map<CellType, List<NormSite>> sites) {
        this.sites = sites;
    }

    boolean isKnownTo(CellType cell) {
        return sites.containsKey(cell);
    }

    /** The layer norms that it puts into a cell, in the order of their parameters; none where the cell knows it not. */
    List<NormSite> sites(CellType cell) {
        return sites.getOrDefault(cell, List.of());
    }

    /** Its number in the C API; not before the library is loaded. */
    int code() {
        return switch (this) {
            case NONE -> lnrnn_h.LNRNN_NORMALIZATION_NONE();
            case HASTE -> lnrnn_h.LNRNN_NORMALIZATION_HASTE();
            case PAPER -> lnrnn_h.LNRNN_NORMALIZATION_PAPER();
            case CARRY -> lnrnn_h.LNRNN_NORMALIZATION_CARRY();
            case CELL -> lnrnn_h.LNRNN_NORMALIZATION_CELL();
            case PER_GATE -> lnrnn_h.LNRNN_NORMALIZATION_PER_GATE();
            case PER_GATE_CELL -> lnrnn_h.LNRNN_NORMALIZATION_PER_GATE_CELL();
            case PER_GATE_CARRY -> lnrnn_h.LNRNN_NORMALIZATION_PER_GATE_CARRY();
            case JOINT -> lnrnn_h.LNRNN_NORMALIZATION_JOINT();
        };
    }
}
