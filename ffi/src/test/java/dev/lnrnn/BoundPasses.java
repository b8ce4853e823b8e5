package dev.lnrnn;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** One pass of each kind of an LSTM, with every buffer that it can have, each in an arena that the test chooses. */
final class BoundPasses {

    /** Kinds of passes. */
    enum Kind {
        STEP("packed", "stepX", "h", "c", "stepWorkspace"),
        INFERENCE("packed", "x", "h0", "c0", "y", "hn", "cn", "workspace"),
        FORWARD("parameters", "x", "h0", "c0", "zoneoutMask", "zoneoutCellMask", "dropconnectMask", "dropoutMask",
                "dropoutCandidateMask", "random", "y", "hn", "cn", "reserve", "workspace"),
        BACKWARD("parameters", "x", "zoneoutMask", "zoneoutCellMask", "dropconnectMask", "dropoutMask",
                "dropoutCandidateMask", "random", "reserve", "dy", "dhn", "dcn", "gradients", "dx", "dh0", "dc0",
                "workspace");

        /** The names of its buffers here. */
        final List<String> buffers;

        Kind(String... buffers) {
            this.buffers = List.of(buffers);
        }
    }

    /** What a pass of a kind writes, in the order of its buffers. */
    private static final List<String> WRITTEN = List.of("h", "c", "y", "hn", "cn", "gradients", "dx", "dh0", "dc0");

    private final Device device;
    private final BiFunction<String, Long, DeviceBuffer> memory;
    private final Random random = new Random(7);
    private final Map<String, DeviceBuffer> buffers = new LinkedHashMap<>();
    final Plan plan;
    final StepArguments stepArguments;
    final InferenceArguments inferenceArguments;
    final TrainingPasses training;
    private final Map<Kind, Pass> passes;

    /**
     * @param home what the plan lives in; null for the device
     * @param memory makes a buffer of a name and so many bytes
     */
    BoundPasses(Device device, LayerSpec spec, int steps, int batch, @Nullable Arena home,
            BiFunction<String, Long, DeviceBuffer> memory) {
        this.device = device;
        this.memory = memory;
        plan = home == null ? device.createPlan(spec) : device.createPlan(spec, home);
        // As much arithmetic in a step as in the others.
        int stepBatch = steps * batch;
        PlanSizes ofStep = plan.sizes(1, stepBatch);
        PlanSizes sizes = plan.sizes(steps, batch);
        int elementBytes = spec.dataType().byteSize();
        long xBytes = steps * batch * spec.inputSize() * elementBytes;
        long yBytes = steps * batch * spec.outputSize() * elementBytes;
        plan.initialize(device.defaultStream(), 1, buffer("parameters", sizes.parameterBytes()));
        plan.pack(device.defaultStream(), buffer("parameters"), buffer("packed", sizes.packedBytes()));
        numbers("x", xBytes);
        numbers("stepX", xBytes);
        numbers("dy", yBytes);
        numbers("h", ofStep.stateBytes());
        numbers("c", ofStep.cellStateBytes());
        for (String state : List.of("h0", "c0", "dhn", "dcn")) {
            numbers(state, state.contains("c") ? sizes.cellStateBytes() : sizes.stateBytes());
        }
        for (String state : List.of("hn", "cn", "dh0", "dc0")) {
            buffer(state, state.contains("c") ? sizes.cellStateBytes() : sizes.stateBytes());
        }
        buffer("random", 3 * Long.BYTES).copyFrom(MemorySegment.ofArray(new long[] {5, 6, 7}));
        buffer("y", yBytes);
        buffer("dx", xBytes);
        buffer("gradients", sizes.gradientBytes());
        buffer("reserve", sizes.reserveBytes());
        buffer("stepWorkspace", ofStep.stepWorkspaceBytes());
        buffer("workspace", Math.max(sizes.inferenceWorkspaceBytes(),
                Math.max(sizes.trainingWorkspaceBytes(), sizes.backwardWorkspaceBytes())));
        Stream stream = device.defaultStream();
        Sequence sequence = Sequence.timeMajor(steps, batch);
        stepArguments = plan.step(stepBatch, stream).packed(buffer("packed")).x(buffer("stepX"))
                .h(buffer("h")).c(buffer("c")).workspace(buffer("stepWorkspace"));
        inferenceArguments = plan.inference(sequence, stream).packed(buffer("packed")).x(buffer("x"))
                .h0(buffer("h0")).c0(buffer("c0")).y(buffer("y")).hn(buffer("hn")).cn(buffer("cn"))
                .workspace(buffer("workspace"));
        TrainingArguments trainingArguments = plan.training(sequence, stream).parameters(buffer("parameters"))
                .x(buffer("x")).random(buffer("random")).reserve(buffer("reserve"));
        for (MaskKind kind : MaskKind.values()) {
            if (kind.probability(spec) > 0) {
                bytes(kind.argument(), trainingArguments.maskBytes(kind));
                trainingArguments.mask(kind, buffer(kind.argument()));
            }
        }
        training = trainingArguments.bind();
        passes = Map.of(Kind.STEP, stepArguments.bind(), Kind.INFERENCE, inferenceArguments.bind(),
                Kind.FORWARD, training.forward().h0(buffer("h0")).c0(buffer("c0")).y(buffer("y"))
                        .hn(buffer("hn")).cn(buffer("cn")).workspace(buffer("workspace")).bind(),
                Kind.BACKWARD, training.backward().dy(buffer("dy")).dhn(buffer("dhn")).dcn(buffer("dcn"))
                        .gradients(buffer("gradients")).dx(buffer("dx")).dh0(buffer("dh0")).dc0(buffer("dc0"))
                        .workspace(buffer("workspace")).bind());
    }

    /** Everything in one arena. */
    static BoundPasses in(Arena arena, Device device, LayerSpec spec, int steps, int batch) {
        return new BoundPasses(device, spec, steps, batch, arena, (name, bytes) -> device.allocate(bytes, arena));
    }

    /** Everything in arenas of its own, which the device owns. */
    static BoundPasses apart(Device device, LayerSpec spec, int steps, int batch) {
        return new BoundPasses(device, spec, steps, batch, null, (name, bytes) -> device.allocate(bytes));
    }

    Pass of(Kind kind) {
        return passes.get(kind);
    }

    DeviceBuffer buffer(String name) {
        return buffers.get(name);
    }

    /** Runs a pass, after those whose results it needs, and answers the bytes of all that it writes. */
    List<byte[]> results(Kind kind) {
        if (kind == Kind.BACKWARD) {
            of(Kind.FORWARD).run();
        }
        of(kind).run();
        return written(kind);
    }

    /** The bytes of all that a pass writes. */
    List<byte[]> written(Kind kind) {
        device.synchronize();
        List<byte[]> results = new ArrayList<>();
        for (String name : kind.buffers) {
            if (WRITTEN.contains(name)) {
                results.add(bytes(name));
            }
        }
        return results;
    }

    byte[] bytes(String name) {
        byte[] bytes = new byte[Math.toIntExact(buffer(name).byteSize())];
        buffer(name).copyTo(MemorySegment.ofArray(bytes));
        return bytes;
    }

    private DeviceBuffer buffer(String name, long bytes) {
        DeviceBuffer buffer = memory.apply(name, bytes);
        buffers.put(name, buffer);
        return buffer;
    }

    /** Floats. */
    private void numbers(String name, long bytes) {
        float[] values = new float[Math.toIntExact(bytes / Float.BYTES)];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat() - 0.5f;
        }
        buffer(name, bytes).copyFrom(MemorySegment.ofArray(values));
    }

    private void bytes(String name, long bytes) {
        byte[] values = new byte[Math.toIntExact(bytes)];
        random.nextBytes(values);
        buffer(name, bytes).copyFrom(MemorySegment.ofArray(values));
    }
}
