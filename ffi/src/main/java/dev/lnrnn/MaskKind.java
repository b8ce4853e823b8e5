package dev.lnrnn;

import dev.lnrnn.raw.lnrnn_h;
import java.util.function.ToDoubleFunction;

/**
 * The random tensors of training. Masks are bytes: not 0 keeps, 0 does not. Each kind can be given instead of drawn
 * ({@link Training#setMask}, {@link TrainingArguments#mask}), and read as it is drawn ({@link Training#mask},
 * {@link TrainingPasses#drawMask}).
 */
public enum MaskKind {
    /** Of zoneout on h: (L&middot;D,T,N,P), not 0 = update, 0 = keep the old h. */
    ZONEOUT("zoneoutMask", "zoneout", LayerSpec::zoneout, lnrnn_h.LNRNN_MASK_ZONEOUT()),
    /** Of zoneout on the LSTM's c: (L&middot;D,T,N,H), not 0 = update, 0 = keep the old c. */
    ZONEOUT_CELL("zoneoutCellMask", "zoneoutCell", LayerSpec::zoneoutCell, lnrnn_h.LNRNN_MASK_ZONEOUT_CELL()),
    /** Of DropConnect: (L&middot;D,G&middot;H,P), not 0 = keep the weight of weight_hh, 0 = drop it. */
    DROPCONNECT("dropconnectMask", "dropconnect", LayerSpec::dropconnect, lnrnn_h.LNRNN_MASK_DROPCONNECT()),
    /**
     * Of dropout between layers: (L-1,T,N,D&middot;P), with {@link Regularization#variationalDropout}
     * (L-1,N,D&middot;P); not 0 = keep what the layer hands to the next, 0 = drop it.
     */
    DROPOUT("dropoutMask", "dropout", LayerSpec::dropout, lnrnn_h.LNRNN_MASK_DROPOUT()),
    /** Of dropout on the LSTM's candidate g: (L&middot;D,T,N,H), not 0 = keep g, 0 = drop it. */
    DROPOUT_CANDIDATE("dropoutCandidateMask", "dropoutCandidate", LayerSpec::dropoutCandidate,
            lnrnn_h.LNRNN_MASK_DROPOUT_CANDIDATE());

    private final String argument;
    private final String option;
    private final ToDoubleFunction<LayerSpec> probability;
    private final int code;

    MaskKind(String argument, String option, ToDoubleFunction<LayerSpec> probability, int code) {
        this.argument = argument;
        this.option = option;
        this.probability = probability;
        this.code = code;
    }

    /** What it is called as an argument of a pass. */
    String argument() {
        return argument;
    }

    int code() {
        return code;
    }

    /** {@return the probability in a layer that an element of the mask is 0; there is no mask where this is 0} */
    double probability(LayerSpec spec) {
        return probability.applyAsDouble(spec);
    }

    /** The bytes of a mask; the reserve, or for DropConnect the parameters, whose sizes fit into 64 bits, are larger. */
    long bytes(LayerSpec spec, Sequence sequence) {
        long samples = sequence.steps() * sequence.batch();
        return switch (this) {
            case ZONEOUT -> spec.states() * samples * spec.outputWidth();
            case ZONEOUT_CELL, DROPOUT_CANDIDATE -> spec.states() * samples * spec.hiddenSize();
            case DROPCONNECT -> spec.states() * spec.cell().gates() * spec.hiddenSize() * spec.outputWidth();
            case DROPOUT -> (spec.layers() - 1) * spec.outputSize()
                    * (spec.regularization().variationalDropout() ? sequence.batch() : samples);
        };
    }

    /** A mask is refused where it would decide nothing. */
    void checkGiven(LayerSpec spec) {
        if (probability(spec) == 0) {
            throw new IllegalArgumentException(argument + " is given, expected null where " + option + " is 0");
        }
    }

    void checkDrawn(LayerSpec spec) {
        if (probability(spec) == 0) {
            throw new IllegalArgumentException(
                    "kind is " + this + ", but " + option + " is 0: no such mask is drawn");
        }
    }
}
