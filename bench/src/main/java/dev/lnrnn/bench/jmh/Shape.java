package dev.lnrnn.bench.jmh;

import dev.lnrnn.LayerSpec;

/** The shapes that performance is reported at: T steps, N rows, C inputs, H hidden units. */
public enum Shape {
    A(1, 1, 128, 256),
    B(100, 1, 256, 512),
    C(100, 32, 512, 512),
    D(256, 64, 1024, 1024),
    E(25, 128, 256, 256),
    F(512, 16, 2048, 2048);

    public final long steps;
    public final long batch;
    public final long inputSize;
    public final long hiddenSize;

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
