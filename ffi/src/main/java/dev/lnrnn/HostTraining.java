package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The passes of a {@link Training} on host memory, and what they keep on the device; used under the layer's lock. */
final class HostTraining {
    private final Layer layer;
    private final Sequence sequence;
    private final Stream queue;
    private final Arena arena = Arena.ofShared();
    private final TrainingArguments arguments;
    private final SequenceExtents extents;
    private final PlanSizes sizes;
    private final DeviceBuffer workspace;
    private final FlatTensors gradients;
    private final List<Mirror> mirrors = new ArrayList<>();
    private final Mirror x;
    private final Mirror y;
    private final Mirror dy;
    private final Mirror dx;
    private final Mirror h0;
    private final Mirror c0;
    private final Mirror hn;
    private final Mirror cn;
    private final LatestPass<ForwardPass> forward = new LatestPass<>();
    private final LatestPass<BackwardPass> backward = new LatestPass<>();
    private GivenBytes given = GivenBytes.NONE;
    private TrainingPasses training;
    private boolean accumulate;

    HostTraining(Layer layer, Sequence sequence) {
        this.layer = layer;
        this.sequence = Objects.requireNonNull(sequence, "sequence");
        Device device = layer.device();
        queue = device.defaultStream();
        DataType type = layer.spec().dataType();
        x = mirror(type);
        y = mirror(type);
        dy = mirror(type);
        dx = mirror(type);
        // The states of forward and their gradients in backward have one shape, and are never needed at once.
        DataType stateType = type.accumulation();
        h0 = mirror(stateType);
        c0 = mirror(stateType);
        hn = mirror(stateType);
        cn = mirror(stateType);
        try {
            arguments = layer.plan().training(sequence, queue);
            extents = arguments.extents();
            sizes = arguments.sizes();
            workspace = device.allocate(
                    Math.max(sizes.trainingWorkspaceBytes(), sizes.backwardWorkspaceBytes()), arena);
            gradients = FlatTensors.gradients(layer.plan(), device.zeros(sizes.gradientBytes(), arena));
            training = arguments.parameters(layer.parameters().buffer()).x(x.atLeast(extents.x().bytes()))
                    .reserve(device.allocate(sizes.reserveBytes(), arena)).bind();
        } catch (RuntimeException | Error e) {
            x.close();
            arena.close();
            throw e;
        }
    }

    /** Never in place: x has to stay as it was until backward, and the rest goes where it is fastest. */
    private Mirror mirror(DataType type) {
        Mirror mirror = new Mirror(layer.device(), type, false);
        mirrors.add(mirror);
        return mirror;
    }

    boolean isAlive() {
        return arena.scope().isAlive();
    }

    SequenceExtents extents() {
        return extents;
    }

    /** What backward passes fill. */
    FlatTensors gradients() {
        return gradients;
    }

    void setLengths(long @Nullable [] lengths) {
        training.setLengths(lengths);
    }

    void setAccumulate(boolean accumulate) {
        this.accumulate = accumulate;
        backward.forget();
    }

    void setMask(MaskKind kind, byte @Nullable [] mask) {
        replace(given.withMask(layer, sequence, kind, mask));
    }

    /** As the latest forward pass had it. */
    byte[] mask(MaskKind kind) {
        kind.checkDrawn(layer.spec());
        long bytes = kind.bytes(layer.spec(), sequence);
        HostArray.checkElements(kind.argument(), bytes);
        byte[] mask = new byte[(int) bytes];
        DeviceBuffer known = given.masks().get(kind);
        if (known != null) {
            known.copyTo(MemorySegment.ofArray(mask));
            return mask;
        }
        try (DeviceBuffer drawn = layer.device().allocate(bytes)) {
            training.drawMask(kind, drawn);
            queue.copy(MemorySegment.ofArray(mask), drawn);
            queue.synchronize();
        }
        return mask;
    }

    void setResets(byte @Nullable [] resets) {
        replace(given.withResets(layer, extents, resets));
    }

    /** What is in use stays where there is no memory for new bytes, or they are refused. */
    private void replace(GivenBytes changed) {
        try {
            for (MaskKind kind : MaskKind.values()) {
                arguments.mask(kind, changed.masks().get(kind));
            }
            TrainingPasses bound = arguments.resets(changed.resets()).bind();
            bound.takeSettings(training);
            training = bound;
        } catch (RuntimeException | Error e) {
            changed.closeBut(given);
            throw e;
        }
        forward.forget();
        backward.forget();
        given.closeBut(changed);
        given = changed;
    }

    void checkForward(MemorySegment x, @Nullable MemorySegment h0, @Nullable MemorySegment c0,
            @Nullable MemorySegment y, @Nullable MemorySegment hn, @Nullable MemorySegment cn) {
        HostOperands.ofForward(layer.spec(), extents, sizes, x, h0, c0, y, hn, cn).checkOutputsApart();
    }

    /** Segments that were checked. */
    void forward(long seed, MemorySegment xHost, @Nullable MemorySegment h0Host, @Nullable MemorySegment c0Host,
            @Nullable MemorySegment yHost, @Nullable MemorySegment hnHost, @Nullable MemorySegment cnHost) {
        x.requiredInput(xHost, extents.x().bytes());
        DeviceBuffer initialH = h0.input(h0Host, sizes.stateBytes());
        DeviceBuffer initialC = c0.input(c0Host, sizes.cellStateBytes());
        DeviceBuffer output = y.output(yHost, extents.y());
        DeviceBuffer finalH = hn.output(hnHost, sizes.stateBytes());
        DeviceBuffer finalC = cn.output(cnHost, sizes.cellStateBytes());
        training.setSeed(seed);
        forward.of(Arrays.asList(initialH, initialC, output, finalH, finalC), () -> training.forward()
                .h0(initialH).c0(initialC).y(output).hn(finalH).cn(finalC).workspace(workspace).bind()).run();
        y.download(yHost, extents.y().bytes());
        hn.download(hnHost, sizes.stateBytes());
        cn.download(cnHost, sizes.cellStateBytes());
        queue.synchronize();
    }

    void checkBackward(@Nullable MemorySegment dy, @Nullable MemorySegment dhn, @Nullable MemorySegment dcn,
            @Nullable MemorySegment gradients, @Nullable MemorySegment dx, @Nullable MemorySegment dh0,
            @Nullable MemorySegment dc0) {
        new HostOperands(layer.spec())
                .read("dy", dy, extents.dy())
                .readState("dhn", dhn, sizes.stateBytes())
                .readCell("dcn", dcn, sizes.cellStateBytes())
                .writtenState("gradients", gradients, this.gradients.buffer().byteSize())
                .written("dx", dx, extents.dx())
                .writtenState("dh0", dh0, sizes.stateBytes())
                .writtenCell("dc0", dc0, sizes.cellStateBytes())
                .checkOutputsApart();
    }

    /** Segments that were checked. */
    void backward(@Nullable MemorySegment dyHost, @Nullable MemorySegment dhnHost, @Nullable MemorySegment dcnHost,
            @Nullable MemorySegment gradientsHost, @Nullable MemorySegment dxHost, @Nullable MemorySegment dh0Host,
            @Nullable MemorySegment dc0Host) {
        DeviceBuffer byY = dy.input(dyHost, extents.dy().bytes());
        DeviceBuffer byFinalH = h0.input(dhnHost, sizes.stateBytes());
        DeviceBuffer byFinalC = c0.input(dcnHost, sizes.cellStateBytes());
        DeviceBuffer byX = dx.output(dxHost, extents.dx());
        DeviceBuffer byH = hn.output(dh0Host, sizes.stateBytes());
        DeviceBuffer byC = cn.output(dc0Host, sizes.cellStateBytes());
        DeviceBuffer flat = gradients.buffer();
        backward.of(Arrays.asList(byY, byFinalH, byFinalC, byX, byH, byC), () -> {
            BackwardPass bound = training.backward().dy(byY).dhn(byFinalH).dcn(byFinalC).gradients(flat)
                    .dx(byX).dh0(byH).dc0(byC).workspace(workspace).bind();
            if (accumulate) {
                bound.setAccumulate(true);
            }
            return bound;
        }).run();
        dx.download(dxHost, extents.dx().bytes());
        hn.download(dh0Host, sizes.stateBytes());
        cn.download(dc0Host, sizes.cellStateBytes());
        if (gradientsHost != null) {
            queue.copy(gradientsHost.asSlice(0, flat.byteSize()), flat);
        }
        queue.synchronize();
    }

    /** Frees the memory on the device. */
    void close(String owner) {
        training.close();
        mirrors.forEach(Mirror::close);
        given.closeBut(GivenBytes.NONE);
        Lifetime.end(arena, owner);
    }
}
