package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The inference of a {@link Layer} on host memory; used under the layer's lock. */
final class HostForward {
    private final Plan plan;
    private final Stream stream;
    private final DataType stateType;
    private final Mirror x;
    private final Mirror h0;
    private final Mirror c0;
    private final Mirror y;
    private final Mirror hn;
    private final Mirror cn;
    private final Mirror workspace;
    /** The pass of the latest shape: most callers have one shape. */
    private @Nullable InferencePass pass;
    private @Nullable Sequence shape;

    HostForward(Plan plan) {
        this.plan = plan;
        this.stream = plan.device().defaultStream();
        DataType type = plan.spec().dataType();
        x = mirror(type);
        y = mirror(type);
        stateType = type.accumulation();
        h0 = mirror(stateType);
        c0 = mirror(stateType);
        hn = mirror(stateType);
        cn = mirror(stateType);
        workspace = mirror(type);
    }

    private Mirror mirror(DataType type) {
        return new Mirror(plan.device(), type, true);
    }

    /** Runs on an array with exactly the elements of the sequence, into new arrays. */
    LayerOutput run(DeviceBuffer packed, MemorySegment input, Sequence sequence, @Nullable MemorySegment h0,
            @Nullable MemorySegment c0, long @Nullable [] lengths) {
        InferencePass current = passFor(sequence);
        long stateBytes = current.sizes().stateBytes();
        DataType type = plan.spec().dataType();
        HostArray.checkBytes(input, current.extents().xBytes, type, "x");
        checkState(h0, stateBytes, "h0");
        checkState(c0, stateBytes, "c0");
        HostArray output = HostArray.allocate(type, current.extents().yBytes, "y");
        HostArray h = HostArray.allocate(stateType, stateBytes, "hn");
        HostArray c = plan.spec().cell().carriesCell() ? HostArray.allocate(stateType, stateBytes, "cn") : null;
        run(packed, input, sequence, h0, c0, lengths, output.segment(), h.segment(), HostArray.segmentOrNull(c));
        return new LayerOutput(output, h, c);
    }

    private void checkState(@Nullable MemorySegment state, long bytes, String name) {
        if (state != null) {
            HostArray.checkBytes(state, bytes, stateType, name);
        }
    }

    void run(DeviceBuffer packed, MemorySegment xHost, Sequence sequence, @Nullable MemorySegment h0Host,
            @Nullable MemorySegment c0Host, long @Nullable [] lengths, @Nullable MemorySegment yHost,
            @Nullable MemorySegment hnHost, @Nullable MemorySegment cnHost) {
        InferencePass current = passFor(sequence);
        SequenceArguments extents = current.extents();
        long stateBytes = current.sizes().stateBytes();
        HostOperands.ofForward(plan.spec(), extents, stateBytes, xHost, h0Host, c0Host, yHost, hnHost, cnHost)
                .checkApart();
        current.setLengths(lengths);
        current.run(
                packed,
                x.requiredInput(xHost, extents.xBytes),
                h0.input(h0Host, stateBytes),
                c0.input(c0Host, stateBytes),
                y.output(yHost, extents.yBytes, extents.yRows() == null),
                hn.output(hnHost, stateBytes, true),
                cn.output(cnHost, stateBytes, true),
                workspace.atLeast(current.sizes().inferenceWorkspaceBytes()));
        y.download(yHost, extents.yBytes);
        hn.download(hnHost, stateBytes);
        cn.download(cnHost, stateBytes);
        stream.synchronize();
    }

    private InferencePass passFor(Sequence sequence) {
        InferencePass current = pass;
        if (current == null || !sequence.equals(shape)) {
            current = plan.inferencePass(sequence, stream);
            pass = current;
            shape = sequence;
        }
        return current;
    }

    void close() {
        x.close();
        h0.close();
        c0.close();
        y.close();
        hn.close();
        cn.close();
        workspace.close();
    }
}
