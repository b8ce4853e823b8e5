package dev.lnrnn.bench.compare;

import dev.lnrnn.bench.jmh.Shape;

/** T steps, N rows, C inputs, H hidden units. */
public record Size(long steps, long batch, long inputSize, long hiddenSize) {

    static Size of(Shape shape) {
        return new Size(shape.steps, shape.batch, shape.inputSize, shape.hiddenSize);
    }
}
