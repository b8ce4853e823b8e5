package dev.lnrnn.bench.jmh;

import dev.lnrnn.LayerSpec;

/** The shapes that performance is reported at: T steps, N rows, C inputs, H hidden units. */
public enum Shape {
    A(1, 1, 128, 256),
    B(100, 1, 256, 512),
    C(100, 32, 512, 512),
    E(25, 128, 256, 256);

    final long steps;
    final long batch;
    final long inputSize;
    final long hiddenSize;

    Shape(long steps, long batch, long inputSize, long hiddenSize) {
        this.steps = steps;
        this.batch = batch;
        this.inputSize = inputSize;
        this.hiddenSize = hiddenSize;
    }

    LayerSpec layerNormalisedLstm() {
        return LayerSpec.lstm(inputSize, hiddenSize);
    }
}
