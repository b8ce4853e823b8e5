package dev.lnrnn.bench.parity;

import dev.lnrnn.DataType;
import dev.lnrnn.Device;
import dev.lnrnn.DeviceBuffer;
import dev.lnrnn.InferencePass;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.MaskKind;
import dev.lnrnn.Parameter;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Sequence;
import dev.lnrnn.Stream;
import dev.lnrnn.TrainingPasses;
import dev.lnrnn.bench.BadInputException;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Runs one case with the library's passes, on buffers of its own; nothing but their contents is answered. */
final class CaseRun {

    /** A tensor that the library computed, widened to double. */
    record Result(long[] shape, double[] values) {
    }

    private final Case reference;
    private final Device device;
    private final LayerSpec spec;
    private final DataType type;
    /** Of states, their gradients and those of the parameters. */
    private final DataType stateType;
    private final Plan plan;
    private final PlanSizes sizes;
    private final DeviceBuffer parameters;
    private final DeviceBuffer x;
    private final @Nullable DeviceBuffer h0;
    private final @Nullable DeviceBuffer c0;
    private final DeviceBuffer y;
    private final DeviceBuffer hn;
    private final @Nullable DeviceBuffer cn;
    private final long[] outputShape;
    private final long[] stateShape;
    private final long[] cellStateShape;

    /**
     * What it allocates is freed with the device.
     *
     * @throws BadInputException if the case's tensors are not what its layer expects
     */
    CaseRun(Case reference, Device device, DataType type) {
        this.reference = reference;
        this.device = device;
        spec = reference.spec(type);
        this.type = type;
        stateType = type.accumulation();
        plan = device.createPlan(spec);
        reference.check(plan);
        long steps = reference.steps();
        long batch = reference.batch();
        sizes = plan.sizes(steps, batch);
        outputShape = new long[] {steps, batch, spec.outputSize()};
        stateShape = new long[] {spec.states(), batch, spec.outputWidth()};
        cellStateShape = new long[] {spec.states(), batch, spec.hiddenSize()};

        parameters = device.allocate(sizes.parameterBytes());
        for (Parameter parameter : plan.parameters()) {
            parameters.slice(parameter.offsetBytes(), parameter.elements() * type.byteSize())
                    .copyFrom(encode(type, parameter.name()));
        }
        x = upload(type, "x");
        h0 = reference.has("h0") ? upload(stateType, "h0") : null;
        c0 = reference.has("c0") ? upload(stateType, "c0") : null;
        y = allocate(type, outputShape);
        hn = allocate(stateType, stateShape);
        cn = spec.cell().carriesCell() ? allocate(stateType, cellStateShape) : null;
    }

    /** {@code y, hn, cn} and, for training, {@code grad.NAME} of x, h0, c0 and every parameter. */
    Map<String, Result> run() {
        Map<String, Result> results = new LinkedHashMap<>();
        Sequence sequence = Sequence.timeMajor(reference.steps(), reference.batch());
        Map<String, Result> gradients = Map.of();
        if (reference.training()) {
            gradients = train(sequence);
        } else {
            infer(sequence);
        }
        results.put("y", result(type, y, outputShape));
        results.put("hn", result(stateType, hn, stateShape));
        if (cn != null) {
            results.put("cn", result(stateType, cn, cellStateShape));
        }
        results.putAll(gradients);
        return results;
    }

    private void infer(Sequence sequence) {
        Stream stream = device.defaultStream();
        DeviceBuffer packed = device.allocate(sizes.packedBytes());
        plan.pack(stream, parameters, packed);
        InferencePass pass = plan.inference(sequence, stream).packed(packed).x(x).resets(bytes("resets"))
                .h0(h0).c0(c0).y(y).hn(hn).cn(cn)
                .workspace(device.allocate(sizes.inferenceWorkspaceBytes())).bind();
        pass.setLengths(lengths());
        pass.run();
        stream.synchronize();
    }

    private Map<String, Result> train(Sequence sequence) {
        Stream stream = device.defaultStream();
        DeviceBuffer gradients = device.allocate(sizes.gradientBytes());
        long[] inputShape = {reference.steps(), reference.batch(), spec.inputSize()};
        DeviceBuffer dx = allocate(type, inputShape);
        DeviceBuffer dh0 = allocate(stateType, stateShape);
        DeviceBuffer dc0 = cn == null ? null : allocate(stateType, cellStateShape);
        TrainingPasses pass = plan.training(sequence, stream).parameters(parameters).x(x).resets(bytes("resets"))
                .mask(MaskKind.ZONEOUT, bytes("zoneout_mask"))
                .mask(MaskKind.DROPCONNECT, bytes("dropconnect_mask"))
                .reserve(device.allocate(sizes.reserveBytes())).bind();
        pass.setLengths(lengths());
        pass.forward().h0(h0).c0(c0).y(y).hn(hn).cn(cn)
                .workspace(device.allocate(sizes.trainingWorkspaceBytes())).bind().run();
        pass.backward().dy(upload(type, "dy")).dhn(upload(stateType, "dhn"))
                .dcn(cn == null ? null : upload(stateType, "dcn")).gradients(gradients).dx(dx).dh0(dh0).dc0(dc0)
                .workspace(device.allocate(sizes.backwardWorkspaceBytes())).bind().run();
        stream.synchronize();
        Map<String, Result> results = new LinkedHashMap<>();
        results.put("grad.x", result(type, dx, inputShape));
        results.put("grad.h0", result(stateType, dh0, stateShape));
        if (dc0 != null) {
            results.put("grad.c0", result(stateType, dc0, cellStateShape));
        }
        for (Parameter parameter : plan.parameters()) {
            long[] shape = parameter.shape().stream().mapToLong(Long::longValue).toArray();
            DeviceBuffer gradient = gradients.slice(
                    parameter.gradientOffsetBytes(), parameter.elements() * stateType.byteSize());
            results.put("grad." + parameter.name(), result(stateType, gradient, shape));
        }
        return results;
    }

    private long @Nullable [] lengths() {
        return reference.has("lengths") ? reference.longs("lengths") : null;
    }

    /** Masks and resets are bytes, 1 to keep, to update, or where a new sequence begins. */
    private @Nullable DeviceBuffer bytes(String name) {
        if (!reference.has(name)) {
            return null;
        }
        double[] values = reference.doubles(name);
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return upload(MemorySegment.ofArray(bytes));
    }

    private MemorySegment encode(DataType elements, String tensor) {
        return Encoding.encode(elements, reference.doubles(tensor));
    }

    private DeviceBuffer upload(DataType elements, String tensor) {
        return upload(encode(elements, tensor));
    }

    private DeviceBuffer upload(MemorySegment host) {
        DeviceBuffer buffer = device.allocate(host.byteSize());
        buffer.copyFrom(host);
        return buffer;
    }

    private DeviceBuffer allocate(DataType elements, long[] shape) {
        long bytes = elements.byteSize();
        for (long extent : shape) {
            bytes = Math.multiplyExact(bytes, extent);
        }
        return device.allocate(bytes);
    }

    private Result result(DataType elements, DeviceBuffer buffer, long[] shape) {
        MemorySegment host = MemorySegment.ofArray(new byte[Math.toIntExact(buffer.byteSize())]);
        buffer.copyTo(host);
        return new Result(shape, Encoding.decode(elements, host));
    }
}
