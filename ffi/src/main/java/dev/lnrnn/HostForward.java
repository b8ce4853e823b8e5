package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The inference of a {@link Layer} on host memory; used under the layer's lock. */
final class HostForward {
    private final Plan plan;
    private final Stream stream;
    private final DataType stateType;
    private final Mirror x;
    private final Mirror resets;
    private final Mirror h0;
    private final Mirror c0;
    private final Mirror y;
    private final Mirror hn;
    private final Mirror cn;
    private final Mirror workspace;
    /** Arguments of the latest shape, without buffers: most callers have one shape. */
    private @Nullable InferenceArguments shape;
    private final LatestPass<InferencePass> latest = new LatestPass<>();

    HostForward(Plan plan) {
        this.plan = plan;
        this.stream = plan.device().defaultStream();
        DataType type = plan.spec().dataType();
        x = mirror(type);
        y = mirror(type);
        resets = new Mirror(plan.device(), Byte.BYTES, true);
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
    LayerOutput run(DeviceBuffer packed, MemorySegment input, Sequence sequence, byte @Nullable [] resets,
            @Nullable MemorySegment h0, @Nullable MemorySegment c0, long @Nullable [] lengths) {
        InferenceArguments current = argumentsFor(sequence);
        PlanSizes sizes = current.sizes();
        DataType type = plan.spec().dataType();
        HostArray.checkBytes(input, current.extents().x().bytes(), type, "x");
        GivenBytes.checkElements("resets", resets, current.extents().resets().bytes());
        checkState(h0, sizes.stateBytes(), "h0");
        Operands.checkCell(plan.spec(), "c0", c0);
        checkState(c0, sizes.cellStateBytes(), "c0");
        HostArray output = HostArray.allocate(type, current.extents().y().bytes(), "y");
        HostArray h = HostArray.allocate(stateType, sizes.stateBytes(), "hn");
        HostArray c = plan.spec().cell().carriesCell()
                ? HostArray.allocate(stateType, sizes.cellStateBytes(), "cn") : null;
        run(packed, input, sequence, resets == null ? null : MemorySegment.ofArray(resets), h0, c0, lengths,
                output.segment(), h.segment(), HostArray.segmentOrNull(c));
        return new LayerOutput(output, h, c);
    }

    private void checkState(@Nullable MemorySegment state, long bytes, String name) {
        if (state != null) {
            HostArray.checkBytes(state, bytes, stateType, name);
        }
    }

    void run(DeviceBuffer packed, MemorySegment xHost, Sequence sequence, @Nullable MemorySegment resetsHost,
            @Nullable MemorySegment h0Host, @Nullable MemorySegment c0Host, long @Nullable [] lengths,
            @Nullable MemorySegment yHost, @Nullable MemorySegment hnHost, @Nullable MemorySegment cnHost) {
        InferenceArguments arguments = argumentsFor(sequence);
        SequenceExtents extents = arguments.extents();
        PlanSizes sizes = arguments.sizes();
        HostOperands.ofForward(plan.spec(), extents, sizes, xHost, h0Host, c0Host, yHost, hnHost, cnHost)
                .read("resets", resetsHost, extents.resets())
                .checkApart();
        arguments.packed(packed)
                .x(x.requiredInput(xHost, extents.x().bytes()))
                .resets(resets.input(resetsHost, extents.resets().bytes()))
                .h0(h0.input(h0Host, sizes.stateBytes()))
                .c0(c0.input(c0Host, sizes.cellStateBytes()))
                .y(y.output(yHost, extents.y()))
                .hn(hn.output(hnHost, sizes.stateBytes()))
                .cn(cn.output(cnHost, sizes.cellStateBytes()))
                .workspace(workspace.atLeast(sizes.inferenceWorkspaceBytes()));
        InferencePass pass = latest.of(arguments.buffers(), arguments::bind);
        pass.setLengths(lengths);
        pass.run();
        y.download(yHost, extents.y().bytes());
        hn.download(hnHost, sizes.stateBytes());
        cn.download(cnHost, sizes.cellStateBytes());
        stream.synchronize();
    }

    private InferenceArguments argumentsFor(Sequence sequence) {
        InferenceArguments current = shape;
        if (current == null || !sequence.equals(current.sequence())) {
            current = plan.inference(sequence, stream);
            shape = current;
            latest.forget();
        }
        return current.withoutBuffers();
    }

    void close() {
        x.close();
        resets.close();
        h0.close();
        c0.close();
        y.close();
        hn.close();
        cn.close();
        workspace.close();
    }
}
