package dev.lnrnn.bench.parity;

import dev.lnrnn.CellType;
import dev.lnrnn.DataType;
import dev.lnrnn.Device;
import dev.lnrnn.InferencePass;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.Parameter;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Sequence;
import dev.lnrnn.Stream;
import dev.lnrnn.TrainingPass;
import dev.lnrnn.memory.DeviceBuffer;
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

    /** What it allocates is freed with the device. */
    CaseRun(Case reference, Device device, DataType type) {
        this.reference = reference;
        this.device = device;
        spec = reference.spec(type);
        plan = device.createPlan(spec);
        long steps = reference.steps();
        long batch = reference.batch();
        sizes = plan.sizes(steps, batch);
        long directions = spec.direction().count();
        outputShape = new long[] {steps, batch, directions * spec.hiddenSize()};
        stateShape = new long[] {spec.layers() * directions, batch, spec.hiddenSize()};

        parameters = device.allocate(sizes.parameterBytes());
        for (Parameter parameter : plan.parameters()) {
            slice(parameters, parameter).copyFrom(encode(parameter.name()));
        }
        boolean carriesCell = spec.cell() == CellType.LSTM;
        x = upload("x");
        h0 = reference.has("h0") ? upload("h0") : null;
        c0 = reference.has("c0") ? upload("c0") : null;
        y = allocate(outputShape);
        hn = allocate(stateShape);
        cn = carriesCell ? allocate(stateShape) : null;
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
        results.put("y", result(y, outputShape));
        results.put("hn", result(hn, stateShape));
        if (cn != null) {
            results.put("cn", result(cn, stateShape));
        }
        results.putAll(gradients);
        return results;
    }

    private void infer(Sequence sequence) {
        Stream stream = device.defaultStream();
        DeviceBuffer packed = device.allocate(sizes.packedBytes());
        plan.pack(stream, parameters, packed);
        try (InferencePass pass = plan.inferencePass(sequence, stream)) {
            pass.setLengths(lengths());
            pass.run(packed, x, h0, c0, y, hn, cn, device.allocate(sizes.inferenceWorkspaceBytes()));
            stream.synchronize();
        }
    }

    private Map<String, Result> train(Sequence sequence) {
        Stream stream = device.defaultStream();
        DeviceBuffer reserve = device.allocate(sizes.reserveBytes());
        DeviceBuffer gradients = device.allocate(sizes.parameterBytes());
        long[] inputShape = {reference.steps(), reference.batch(), spec.inputSize()};
        DeviceBuffer dx = allocate(inputShape);
        DeviceBuffer dh0 = allocate(stateShape);
        DeviceBuffer dc0 = cn == null ? null : allocate(stateShape);
        try (TrainingPass pass = plan.trainingPass(sequence, stream)) {
            pass.setLengths(lengths());
            pass.setMasks(mask("zoneout_mask"), mask("dropconnect_mask"));
            pass.forward(parameters, x, h0, c0, y, hn, cn, reserve, device.allocate(sizes.trainingWorkspaceBytes()));
            pass.backward(parameters, x, upload("dy"), upload("dhn"), cn == null ? null : upload("dcn"), reserve,
                    gradients, dx, dh0, dc0, device.allocate(sizes.backwardWorkspaceBytes()));
            stream.synchronize();
        }
        Map<String, Result> results = new LinkedHashMap<>();
        results.put("grad.x", result(dx, inputShape));
        results.put("grad.h0", result(dh0, stateShape));
        if (dc0 != null) {
            results.put("grad.c0", result(dc0, stateShape));
        }
        for (Parameter parameter : plan.parameters()) {
            long[] shape = parameter.shape().stream().mapToLong(Long::longValue).toArray();
            results.put("grad." + parameter.name(), result(slice(gradients, parameter), shape));
        }
        return results;
    }

    private long @Nullable [] lengths() {
        return reference.has("lengths") ? reference.longs("lengths") : null;
    }

    /** Masks are bytes, 1 to keep or update. */
    private @Nullable DeviceBuffer mask(String name) {
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

    private MemorySegment encode(String tensor) {
        return Encoding.encode(spec.dataType(), reference.doubles(tensor));
    }

    private DeviceBuffer upload(String tensor) {
        return upload(encode(tensor));
    }

    private DeviceBuffer upload(MemorySegment host) {
        DeviceBuffer buffer = device.allocate(host.byteSize());
        buffer.copyFrom(host);
        return buffer;
    }

    private DeviceBuffer allocate(long[] shape) {
        long bytes = spec.dataType().byteSize();
        for (long extent : shape) {
            bytes = Math.multiplyExact(bytes, extent);
        }
        return device.allocate(bytes);
    }

    private DeviceBuffer slice(DeviceBuffer flat, Parameter parameter) {
        return flat.slice(parameter.offsetBytes(), parameter.elements() * spec.dataType().byteSize());
    }

    private Result result(DeviceBuffer buffer, long[] shape) {
        MemorySegment host = MemorySegment.ofArray(new byte[Math.toIntExact(buffer.byteSize())]);
        buffer.copyTo(host);
        return new Result(shape, Encoding.decode(spec.dataType(), host));
    }
}
