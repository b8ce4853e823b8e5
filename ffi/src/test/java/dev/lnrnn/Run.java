package dev.lnrnn;

import dev.lnrnn.oracle.Problem;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A problem on the library, through its passes: buffers of exactly the sizes that the plan asks for, results
 * under the names of the reference cases. What a pass must write is filled with NaN before it.
 */
final class Run implements AutoCloseable {

    private static final List<String> H_STATES = List.of("h0", "hn", "dhn", "dh0");
    /** The LSTM's; of any other cell there are no buffers, and the passes get null. */
    private static final List<String> C_STATES = List.of("c0", "cn", "dcn", "dc0");

    private final Problem problem;
    private final DataType type;
    /** Of states, their gradients and those of the parameters. */
    private final DataType stateType;
    private final Layout layout;
    private final Memory memory;
    private final List<DeviceBuffer> owned = new ArrayList<>();
    private final Map<String, DeviceBuffer> buffers = new HashMap<>();
    private final Plan plan;
    private final Stream stream;
    private final Sequence sequence;

    Run(Device device, Problem problem) {
        this(device, problem, Layout.TIME_MAJOR, device::allocate);
    }

    Run(Device device, Problem problem, Layout layout, Memory memory) {
        this(device, problem, layout, memory, device.defaultStream());
    }

    /** On a stream of the caller's. */
    Run(Device device, Problem problem, Stream stream) {
        this(device, problem, Layout.TIME_MAJOR, device::allocate, stream);
    }

    private Run(Device device, Problem problem, Layout layout, Memory memory, Stream stream) {
        this.problem = problem;
        this.layout = layout;
        this.memory = memory;
        type = problem.spec().dataType();
        stateType = type.accumulation();
        this.stream = stream;
        plan = device.createPlan(problem.spec());
        Strides x = layout.strides(problem.steps(), problem.batch(), problem.inputs());
        Strides y = layout.strides(problem.steps(), problem.batch(), problem.outputs());
        sequence = new Sequence(problem.steps(), problem.batch(), x, y, x, y, null);
        PlanSizes sizes = plan.sizes(problem.steps(), problem.batch());
        H_STATES.forEach(state -> buffers.put(state, tensor(sizes.stateBytes())));
        if (problem.hasCell()) {
            C_STATES.forEach(state -> buffers.put(state, tensor(sizes.cellStateBytes())));
        }
        for (String name : List.of("x", "dx")) {
            buffers.put(name, tensor(sequenceBytes(problem.inputs())));
        }
        for (String name : List.of("y", "dy")) {
            buffers.put(name, tensor(sequenceBytes(problem.outputs())));
        }
        buffers.put("parameters", tensor(sizes.parameterBytes()));
        buffers.put("gradients", tensor(sizes.gradientBytes()));
        buffers.put("packed", space(sizes.packedBytes()));
        buffers.put("inferenceWorkspace", space(sizes.inferenceWorkspaceBytes()));
        buffers.put("trainingWorkspace", space(sizes.trainingWorkspaceBytes()));
        buffers.put("backwardWorkspace", space(sizes.backwardWorkspaceBytes()));
        buffers.put("reserve", space(sizes.reserveBytes()));
        owned.forEach(buffer -> stream.fill(buffer, Layout.UNWRITTEN));
        stream.synchronize();
        upload();
    }

    /** Outputs and, where the problem trains, gradients. */
    static Map<String, double[]> results(Device device, Problem problem) {
        return results(device, problem, Layout.TIME_MAJOR, device::allocate);
    }

    static Map<String, double[]> results(
            Device device, Problem problem, Layout layout, Memory memory) {
        try (Run run = new Run(device, problem, layout, memory)) {
            return run.results();
        }
    }

    Map<String, double[]> results() {
        if (!problem.training()) {
            return infer();
        }
        try (TrainingPasses pass = trainingPasses()) {
            Map<String, double[]> results = forward(pass);
            results.putAll(backward(pass));
            return results;
        }
    }

    /** From here on the final state goes where the initial state was, and its gradient likewise. */
    Run aliased() {
        buffers.put("hn", buffer("h0"));
        buffers.put("dh0", buffer("dhn"));
        if (problem.hasCell()) {
            buffers.put("cn", buffer("c0"));
            buffers.put("dc0", buffer("dcn"));
        }
        return this;
    }

    TrainingPasses trainingPasses() {
        return trainingPasses(null);
    }

    /** Masks that are not given are drawn from memory of the device. */
    TrainingPasses trainingPasses(@Nullable DeviceBuffer random) {
        TrainingPasses pass = plan.training(sequence, stream).parameters(buffer("parameters")).x(buffer("x"))
                .resets(mask(problem.resets())).mask(MaskKind.ZONEOUT, mask(problem.zoneoutMask()))
                .mask(MaskKind.DROPCONNECT, mask(problem.dropconnectMask()))
                .random(random).reserve(buffer("reserve")).bind();
        pass.setSeed(problem.seed());
        pass.setOffsets(problem.stepOffset(), problem.rowOffset());
        pass.setLengths(problem.lengths());
        return pass;
    }

    Map<String, double[]> forward(TrainingPasses pass) {
        queueForward(pass);
        return outputs();
    }

    void queueForward(TrainingPasses pass) {
        pass.forward().h0(buffer("h0")).c0(buffer("c0")).y(buffer("y")).hn(buffer("hn")).cn(buffer("cn"))
                .workspace(buffer("trainingWorkspace")).bind().run();
    }

    BackwardPass backwardPass(TrainingPasses pass) {
        return pass.backward().dy(buffer("dy")).dhn(buffer("dhn")).dcn(buffer("dcn")).gradients(buffer("gradients"))
                .dx(buffer("dx")).dh0(buffer("dh0")).dc0(buffer("dc0")).workspace(buffer("backwardWorkspace")).bind();
    }

    Map<String, double[]> backward(TrainingPasses pass) {
        return backward(backwardPass(pass));
    }

    Map<String, double[]> backward(BackwardPass pass) {
        pass.run();
        Map<String, double[]> gradients = new HashMap<>();
        gradients.put("grad.x", sequence("dx", problem.inputs()));
        gradients.put("grad.h0", numbers(buffer("dh0")));
        if (problem.hasCell()) {
            gradients.put("grad.c0", numbers(buffer("dc0")));
        }
        for (Parameter parameter : plan.parameters()) {
            gradients.put("grad." + parameter.name(), numbers(gradient(parameter)));
        }
        return gradients;
    }

    private Map<String, double[]> infer() {
        plan.pack(stream, buffer("parameters"), buffer("packed"));
        InferencePass pass = plan.inference(sequence, stream).packed(buffer("packed")).x(buffer("x"))
                .resets(mask(problem.resets()))
                .h0(buffer("h0")).c0(buffer("c0")).y(buffer("y")).hn(buffer("hn")).cn(buffer("cn"))
                .workspace(buffer("inferenceWorkspace")).bind();
        pass.setLengths(problem.lengths());
        pass.run();
        return outputs();
    }

    /** What the stream's passes gave; on a stream of the caller's, when it has synchronised. */
    Map<String, double[]> outputs() {
        Map<String, double[]> outputs = new HashMap<>();
        outputs.put("y", sequence("y", problem.outputs()));
        outputs.put("hn", numbers(buffer("hn")));
        if (problem.hasCell()) {
            outputs.put("cn", numbers(buffer("cn")));
        }
        return outputs;
    }

    private void upload() {
        buffer("x").copyFrom(spread(problem.tensor("x"), problem.inputs()));
        uploadState("h0");
        if (problem.training()) {
            buffer("dy").copyFrom(spread(problem.tensor("dy"), problem.outputs()));
            uploadState("dhn");
        }
        if (problem.hasCell()) {
            uploadState("c0");
            if (problem.training()) {
                uploadState("dcn");
            }
        }
        for (Parameter parameter : plan.parameters()) {
            buffer("parameters").slice(parameter.offsetBytes(), parameter.elements() * type.byteSize())
                    .copyFrom(Numbers.encode(type, problem.tensor(parameter.name())));
        }
    }

    private void uploadState(String name) {
        buffer(name).copyFrom(Numbers.encode(stateType, problem.tensor(name)));
    }

    private @Nullable DeviceBuffer mask(byte @Nullable [] mask) {
        if (mask == null) {
            return null;
        }
        DeviceBuffer buffer = tensor(mask.length);
        buffer.copyFrom(MemorySegment.ofArray(mask));
        return buffer;
    }

    DeviceBuffer buffer(String name) {
        return buffers.get(name);
    }

    private DeviceBuffer gradient(Parameter parameter) {
        return buffer("gradients")
                .slice(parameter.gradientOffsetBytes(), parameter.elements() * stateType.byteSize());
    }

    private DeviceBuffer tensor(long bytes) {
        return owned(memory.tensor(bytes));
    }

    private DeviceBuffer space(long bytes) {
        return owned(memory.space(bytes));
    }

    private DeviceBuffer owned(DeviceBuffer buffer) {
        owned.add(buffer);
        return buffer;
    }

    private long sequenceBytes(int features) {
        return layout.bytes(type, problem.steps(), problem.batch(), features);
    }

    private MemorySegment spread(double[] values, int features) {
        return layout.spread(type, values, problem.steps(), problem.batch(), features);
    }

    private double[] sequence(String name, int features) {
        return layout.gather(type, bytes(buffer(name)), problem.steps(), problem.batch(), features);
    }

    private double[] numbers(DeviceBuffer buffer) {
        return Numbers.decode(stateType, bytes(buffer));
    }

    private static MemorySegment bytes(DeviceBuffer buffer) {
        MemorySegment host = MemorySegment.ofArray(new byte[Math.toIntExact(buffer.byteSize())]);
        buffer.copyTo(host);
        return host;
    }

    @Override
    public void close() {
        owned.forEach(DeviceBuffer::close);
        plan.close();
    }
}
