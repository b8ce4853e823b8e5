package dev.lnrnn;

import dev.lnrnn.raw.lnrnn_h;
import java.util.List;
import java.util.stream.Stream;

/**
 * The recurrent cell of a layer. Each constant says what it computes, where it was published, and its parameters.
 *
 * <p>In the formulas x is a step's input, h&#8315; and c&#8315; the state before it, &#7488; transposes, and products
 * of vectors are element by element. {@link Normalization} says where layer norms stand in them. Layer k reads I
 * features, C in layer 0 and D&middot;P above; x is (T,N,C), y (T,N,D&middot;P), h (L&middot;D,N,P), c
 * (L&middot;D,N,H). P is H, unless an LSTM projects h. The reverse direction appends {@code _reverse} to the first part
 * of each name: {@code weight_ih_l0_reverse}, {@code layernorm_i_l0_reverse.weight}.
 */
public enum CellType {
    /**
     * Long short-term memory (Hochreiter &amp; Schmidhuber, <cite>Long Short-Term Memory</cite>, 1997, with the forget
     * gate of Gers et al., 2000). The state is h and c, the gates are i, f, g, o.
     *
     * <pre>
     * A = x weight_ih&#7488;                R = h&#8315; weight_hh&#7488;
     * v = A + R + bias                 or what the normalisation makes of them
     * i, f, o = sigmoid(v)             g = tanh(v)          each of its quarter of v
     * u = f c&#8315; + i g
     * h = o tanh(k)                    k: u, or its layer norm
     * c = u                            or k, as the normalisation says
     * </pre>
     *
     * <p>With a {@linkplain LayerSpec#withProjection projection} (Sak et al., <cite>Long Short-Term Memory Recurrent
     * Neural Network Architectures for Large Scale Acoustic Modeling</cite>, 2014), h = (o tanh(k)) weight_hr&#7488;
     * has P features: PyTorch's {@code proj_size}, cuDNN's LSTMP, TensorFlow Lite, lingvo. With a
     * {@linkplain LayerSpec#withCellClip cell clip}, u is limited to -clip...clip as soon as it is computed: cuDNN,
     * TensorFlow Lite, lingvo.
     *
     * <p>With zoneout, some elements of h keep the value of h&#8315;. Zoneout of c is the same, with masks of its own;
     * h is computed from u before that. Inference uses the expectation of both. With dropout on the candidate, training
     * has u = f c&#8315; + i m g / (1 - dropoutCandidate), where m is 0 or 1.
     *
     * <table>
     * <caption>Parameters of layer k, in the order of the flat buffer</caption>
     * <thead>
     * <tr><th scope="col">name</th><th scope="col">shape</th><th scope="col">of</th></tr>
     * </thead>
     * <tbody>
     * <tr><th scope="row">{@code weight_ih_l{k}}</th><td>(4H, I)</td><td>every LSTM</td></tr>
     * <tr><th scope="row">{@code weight_hh_l{k}}</th><td>(4H, P)</td><td>every LSTM</td></tr>
     * <tr><th scope="row">{@code weight_hr_l{k}}</th><td>(P, H)</td><td>an LSTM with a projection</td></tr>
     * <tr><th scope="row">{@code bias_l{k}}</th><td>(4H)</td><td>every LSTM</td></tr>
     * <tr><th scope="row">{@code layernorm_i_l{k}.weight}, {@code .bias}</th><td>(4H)</td>
     *     <td>a norm of A, as far as it has them</td></tr>
     * <tr><th scope="row">{@code layernorm_h_l{k}.weight}, {@code .bias}</th><td>(4H)</td><td>a norm of R</td></tr>
     * <tr><th scope="row">{@code layernorm_gates_l{k}.weight}, {@code .bias}</th><td>(4H)</td>
     *     <td>a norm of A + R + bias</td></tr>
     * <tr><th scope="row">{@code layernorm_c_l{k}.weight}, {@code .bias}</th><td>(H)</td><td>a norm of u</td></tr>
     * </tbody>
     * </table>
     */
    LSTM(4),
    /**
     * Gated recurrent unit (Cho et al., <cite>Learning Phrase Representations using RNN Encoder-Decoder</cite>, 2014),
     * with the reset gate after the product as in cuDNN, PyTorch and haste. The state is h, the gates are r, z, n.
     *
     * <pre>
     * A = x weight_ih&#7488;                R = h&#8315; weight_hh&#7488;
     * p = A + bias_ih                  q = R + bias_hh      or what the normalisation makes of them
     * r = sigmoid(p_r + q_r)           z = sigmoid(p_z + q_z)
     * n = tanh(p_n + r q_n)
     * h = z h&#8315; + (1 - z) n
     * </pre>
     *
     * <p>With zoneout, some elements of h keep the value of h&#8315;; inference uses the expectation.
     *
     * <table>
     * <caption>Parameters of layer k, in the order of the flat buffer</caption>
     * <thead>
     * <tr><th scope="col">name</th><th scope="col">shape</th><th scope="col">of</th></tr>
     * </thead>
     * <tbody>
     * <tr><th scope="row">{@code weight_ih_l{k}}</th><td>(3H, I)</td><td>every GRU</td></tr>
     * <tr><th scope="row">{@code weight_hh_l{k}}</th><td>(3H, H)</td><td>every GRU</td></tr>
     * <tr><th scope="row">{@code bias_ih_l{k}}, {@code bias_hh_l{k}}</th><td>(3H)</td>
     *     <td>where no norm has biases in their place</td></tr>
     * <tr><th scope="row">{@code bias_l{k}}</th><td>(3H)</td>
     *     <td>in their place, where a norm is of A + R + bias</td></tr>
     * <tr><th scope="row">{@code layernorm_i_l{k}.weight}, {@code .bias}</th><td>(3H)</td>
     *     <td>a norm of A, as far as it has them</td></tr>
     * <tr><th scope="row">{@code layernorm_h_l{k}.weight}, {@code .bias}</th><td>(3H)</td><td>a norm of R</td></tr>
     * <tr><th scope="row">{@code layernorm_gates_l{k}.weight}, {@code .bias}</th><td>(3H)</td>
     *     <td>a norm of A + R + bias</td></tr>
     * </tbody>
     * </table>
     */
    GRU(3),
    /**
     * Independently recurrent network (Li et al., <cite>Independently Recurrent Neural Network</cite>, 2018): each unit
     * sees only its own past, so there is no matrix product per step and no DropConnect. The state is h, and there is
     * one gate.
     *
     * <pre>
     * A = x weight_ih&#7488;
     * h = tanh(a + weight_hh h&#8315; + bias)                a: A, or its layer norm
     * </pre>
     *
     * <p>With zoneout, some elements of h keep the value of h&#8315;; inference uses the expectation.
     *
     * <table>
     * <caption>Parameters of layer k, in the order of the flat buffer</caption>
     * <thead>
     * <tr><th scope="col">name</th><th scope="col">shape</th><th scope="col">of</th></tr>
     * </thead>
     * <tbody>
     * <tr><th scope="row">{@code weight_ih_l{k}}</th><td>(H, I)</td><td>every IndRNN</td></tr>
     * <tr><th scope="row">{@code weight_hh_l{k}}</th><td>(H)</td><td>every IndRNN</td></tr>
     * <tr><th scope="row">{@code bias_l{k}}</th><td>(H)</td><td>every IndRNN</td></tr>
     * <tr><th scope="row">{@code layernorm_i_l{k}.weight}</th><td>(H)</td><td>a norm of A</td></tr>
     * </tbody>
     * </table>
     */
    INDRNN(1);

    private final int gates;

    CellType(int gates) {
        this.gates = gates;
    }

    /** {@return the normalisations that this cell supports} */
    public List<Normalization> normalizations() {
        return Stream.of(Normalization.values()).filter(normalization -> normalization.isKnownTo(this)).toList();
    }

    /** {@return whether the state is h and c; otherwise it is h alone} */
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
