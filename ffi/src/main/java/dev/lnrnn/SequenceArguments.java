package dev.lnrnn;

import dev.lnrnn.raw.lnrnnSequence_t;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Sequence} as the native library reads it: the struct and the lengths, filled ahead of the calls, and the
 * extents that buffers are checked against.
 *
 * <p>Their memory is garbage-collected. An automatic arena cannot be closed while a call uses it, so passing it costs
 * nothing, and whoever changes it meanwhile changes valid values into valid values.
 */
final class SequenceArguments {
    private static final long MAX_OFFSET = 1L << 32;

    private final Arena arena = Arena.ofAuto();
    private final long steps;
    private final long batch;
    private final MemorySegment struct;
    private MemorySegment lengths = MemorySegment.NULL;
    private @Nullable MemorySegment lengthsMemory;

    final long xBytes;
    final long yBytes;
    final long dxBytes;
    final long dyBytes;
    private final HostOperands.@Nullable Rows xRows;
    private final HostOperands.@Nullable Rows yRows;
    private final HostOperands.@Nullable Rows dxRows;

    SequenceArguments(LayerSpec spec, Sequence sequence) {
        Objects.requireNonNull(sequence, "sequence");
        steps = sequence.steps();
        batch = sequence.batch();
        long inputs = spec.inputSize();
        long outputs = spec.outputSize();
        try {
            Strides x = orTimeMajor(sequence.x(), inputs);
            Strides y = orTimeMajor(sequence.y(), outputs);
            Strides dx = orTimeMajor(sequence.dx(), inputs);
            Strides dy = orTimeMajor(sequence.dy(), outputs);
            int elementBytes = spec.dataType().byteSize();
            xBytes = Math.multiplyExact(x.extent(steps, batch, inputs), elementBytes);
            yBytes = Math.multiplyExact(y.extent(steps, batch, outputs), elementBytes);
            dxBytes = Math.multiplyExact(dx.extent(steps, batch, inputs), elementBytes);
            dyBytes = Math.multiplyExact(dy.extent(steps, batch, outputs), elementBytes);
            xRows = rows(x, xBytes, inputs, elementBytes);
            yRows = rows(y, yBytes, outputs, elementBytes);
            dxRows = rows(dx, dxBytes, inputs, elementBytes);
            struct = lnrnnSequence_t.allocate(arena);
            lnrnnSequence_t.structSize(struct, struct.byteSize());
            lnrnnSequence_t.steps(struct, steps);
            lnrnnSequence_t.batch(struct, batch);
            lnrnnSequence_t.xStepStride(struct, x.step());
            lnrnnSequence_t.xRowStride(struct, x.row());
            lnrnnSequence_t.yStepStride(struct, y.step());
            lnrnnSequence_t.yRowStride(struct, y.row());
            lnrnnSequence_t.dxStepStride(struct, dx.step());
            lnrnnSequence_t.dxRowStride(struct, dx.row());
            lnrnnSequence_t.dyStepStride(struct, dy.step());
            lnrnnSequence_t.dyRowStride(struct, dy.row());
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("the extents of " + sequence + " exceed 64 bits", e);
        }
    }

    private Strides orTimeMajor(@Nullable Strides strides, long features) {
        return strides != null ? strides : new Strides(Math.multiplyExact(batch, features), features);
    }

    /** Null where the elements fill the extent: where rows do not overlap, their number decides. */
    private HostOperands.@Nullable Rows rows(Strides strides, long extent, long features, int elementBytes) {
        long bytes = Math.multiplyExact(Math.multiplyExact(Math.multiplyExact(steps, batch), features), elementBytes);
        return bytes == extent ? null : new HostOperands.Rows(steps, batch, strides.step() * elementBytes,
                strides.row() * elementBytes, features * elementBytes);
    }

    /** The rows of x; null where its elements fill its extent. */
    HostOperands.@Nullable Rows xRows() {
        return xRows;
    }

    /** The rows of y; null where its elements fill its extent. */
    HostOperands.@Nullable Rows yRows() {
        return yRows;
    }

    /** The rows of dx; null where its elements fill its extent. */
    HostOperands.@Nullable Rows dxRows() {
        return dxRows;
    }

    MemorySegment struct() {
        return struct;
    }

    /** The lengths of the rows, or NULL where all rows have all steps. */
    MemorySegment lengths() {
        return lengths;
    }

    synchronized void setLengths(long @Nullable [] values) {
        if (values == null) {
            lengths = MemorySegment.NULL;
            return;
        }
        if (values.length != batch) {
            throw new IllegalArgumentException("lengths has " + values.length + " elements, expected " + batch
                    + ", one for each row");
        }
        long[] copy = values.clone();
        for (int n = 0; n < copy.length; n++) {
            if (copy[n] < 0 || copy[n] > steps) {
                throw new IllegalArgumentException("lengths[" + n + "] is " + copy[n] + ", expected 0..." + steps);
            }
        }
        if (lengthsMemory == null) {
            // Never NULL, which would mean something else: at least one element.
            lengthsMemory = arena.allocate(ValueLayout.JAVA_LONG, Math.max(1, batch));
        }
        MemorySegment.copy(copy, 0, lengthsMemory, ValueLayout.JAVA_LONG, 0, copy.length);
        lengths = lengthsMemory;
    }

    void setSeed(long seed) {
        lnrnnSequence_t.seed(struct, seed);
    }

    void setOffsets(long step, long row) {
        checkOffset("step", step, steps);
        checkOffset("row", row, batch);
        lnrnnSequence_t.stepOffset(struct, step);
        lnrnnSequence_t.rowOffset(struct, row);
    }

    void setAccumulate(boolean accumulate) {
        lnrnnSequence_t.flags(struct, accumulate ? lnrnn_h.LNRNN_SEQUENCE_ACCUMULATE() : 0);
    }

    private static void checkOffset(String name, long value, long extent) {
        if (value < 0 || value > MAX_OFFSET - extent) {
            throw new IllegalArgumentException(
                    name + " is " + value + ", expected 0..." + Math.max(0, MAX_OFFSET - extent));
        }
    }
}
