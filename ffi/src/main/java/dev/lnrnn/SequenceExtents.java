package dev.lnrnn;

import java.util.Objects;

/** The extents of the tensors of a {@link Sequence}, which buffers are checked against. */
record SequenceExtents(TensorExtent x, TensorExtent y, TensorExtent dx, TensorExtent dy, TensorExtent resets) {

    static SequenceExtents of(LayerSpec spec, Sequence sequence) {
        Objects.requireNonNull(sequence, "sequence");
        int elementBytes = spec.dataType().byteSize();
        try {
            return new SequenceExtents(
                    TensorExtent.of(sequence, sequence.x(), spec.inputSize(), elementBytes),
                    TensorExtent.of(sequence, sequence.y(), spec.outputSize(), elementBytes),
                    TensorExtent.of(sequence, sequence.dx(), spec.inputSize(), elementBytes),
                    TensorExtent.of(sequence, sequence.dy(), spec.outputSize(), elementBytes),
                    TensorExtent.of(sequence, sequence.resets(), 1, Byte.BYTES));
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("the extents of " + sequence + " exceed 64 bits", e);
        }
    }
}
