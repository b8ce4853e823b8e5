package dev.lnrnn.misuse;

import dev.lnrnn.LayerSpec;

/** Elements of the tensors of a small layer, for T = 6 and N = 2. */
record Extents(LayerSpec spec) {

    static final int STEPS = 6;
    static final int BATCH = 2;

    int x() {
        return STEPS * stepX();
    }

    int stepX() {
        return BATCH * (int) spec.inputSize();
    }

    int y() {
        return STEPS * BATCH * (int) spec.outputSize();
    }

    /** Of h. */
    int state() {
        return (int) spec.states() * stepOutput();
    }

    /** The last layer's part of a state. */
    int stepOutput() {
        return BATCH * (int) spec.outputWidth();
    }

    int cellState() {
        return (int) (spec.states() * BATCH * spec.hiddenSize());
    }

    int weightIh() {
        return spec.cell().gates() * (int) (spec.hiddenSize() * spec.inputSize());
    }

    int zoneoutMask() {
        return STEPS * state();
    }
}
