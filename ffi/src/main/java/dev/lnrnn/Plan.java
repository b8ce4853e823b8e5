package dev.lnrnn;

import dev.lnrnn.Operands.Unit;
import dev.lnrnn.internal.Handle;
import dev.lnrnn.internal.MemoryBudget;
import dev.lnrnn.internal.Native;
import dev.lnrnn.raw.lnrnnParameter_t;
import dev.lnrnn.raw.lnrnnPlanDescription_t;
import dev.lnrnn.raw.lnrnnPlanSizes_t;
import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A stack of layers on a device, for callers who own every buffer and stream. A plan is immutable, and any number of
 * threads may use it. The caller owns everything that changes: parameters, inputs, workspace, reserve.
 *
 * {@snippet :
 * try (Arena arena = Arena.ofShared(); Plan plan = device.createPlan(LayerSpec.lstm(64, 128), arena)) {
 *     PlanSizes bytes = plan.sizes(steps, batch);
 *     DeviceBuffer parameters = device.allocate(bytes.parameterBytes(), arena);
 *     DeviceBuffer packed = device.allocate(bytes.packedBytes(), arena);
 *     DeviceBuffer workspace = device.allocate(bytes.inferenceWorkspaceBytes(), arena);
 *     DeviceBuffer x = device.allocate(steps * batch * 64 * Float.BYTES, arena);
 *     DeviceBuffer y = device.allocate(steps * batch * 128 * Float.BYTES, arena);
 *
 *     Stream stream = device.defaultStream();
 *     plan.initialize(stream, 42, parameters);
 *     plan.pack(stream, parameters, packed);
 *     InferencePass pass = plan.inference(Sequence.timeMajor(steps, batch), stream)
 *             .packed(packed).x(x).y(y).workspace(workspace).bind();
 *     x.copyFrom(input);
 *     pass.run();
 *     y.copyTo(output);
 * }
 * }
 */
public final class Plan implements AutoCloseable {
    private final Device device;
    private final LayerSpec spec;
    private final Handle handle;
    private final Operands operands;
    private volatile @Nullable List<Parameter> parameters;
    private final PlanSizes emptySizes;

    private Plan(Device device, LayerSpec spec, Handle handle) {
        this.device = device;
        this.spec = spec;
        this.handle = handle;
        this.operands = new Operands(device, spec);
        this.emptySizes = sizes(0, 0);
    }

    static Plan create(Device device, LayerSpec spec, @Nullable Arena arena) {
        Objects.requireNonNull(spec, "spec").validate();
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment description = describe(spec, scratch);
            String name = "plan " + spec.cell() + " " + spec.inputSize() + " to " + spec.hiddenSize() + " on "
                    + device.handle().name();
            Handle handle = device.handle().create(name, 0, "lnrnnPlanCreate", arena,
                    (owner, out) -> lnrnn_h.lnrnnPlanCreate(owner, description, out),
                    (owner, plan) -> lnrnn_h.lnrnnPlanDestroy(plan));
            return new Plan(device, spec, handle);
        }
    }

    private static MemorySegment describe(LayerSpec spec, Arena arena) {
        MemorySegment d = lnrnnPlanDescription_t.allocate(arena);
        lnrnnPlanDescription_t.structSize(d, d.byteSize());
        lnrnnPlanDescription_t.cell(d, spec.cell().code());
        lnrnnPlanDescription_t.normalization(d, spec.normalization().code());
        lnrnnPlanDescription_t.dataType(d, spec.dataType().code());
        lnrnnPlanDescription_t.direction(d, spec.direction().code());
        lnrnnPlanDescription_t.layers(d, spec.layers());
        lnrnnPlanDescription_t.flags(d, flags(spec));
        lnrnnPlanDescription_t.inputSize(d, spec.inputSize());
        lnrnnPlanDescription_t.hiddenSize(d, spec.hiddenSize());
        lnrnnPlanDescription_t.epsilon(d, spec.epsilon());
        lnrnnPlanDescription_t.zoneout(d, spec.zoneout());
        lnrnnPlanDescription_t.zoneoutCell(d, spec.zoneoutCell());
        lnrnnPlanDescription_t.dropconnect(d, spec.dropconnect());
        lnrnnPlanDescription_t.dropout(d, spec.dropout());
        lnrnnPlanDescription_t.projectionSize(d, spec.projectionSize());
        lnrnnPlanDescription_t.cellClip(d, spec.cellClip());
        lnrnnPlanDescription_t.dropoutCandidate(d, spec.dropoutCandidate());
        return d;
    }

    private static int flags(LayerSpec spec) {
        return (spec.execution().recompute() ? lnrnn_h.LNRNN_PLAN_RECOMPUTE() : 0)
                | (spec.execution().deterministic() ? lnrnn_h.LNRNN_PLAN_DETERMINISTIC() : 0)
                | (spec.regularization().variationalDropout() ? lnrnn_h.LNRNN_PLAN_VARIATIONAL_DROPOUT() : 0);
    }

    private List<Parameter> readParameters() {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment count = scratch.allocate(ValueLayout.JAVA_INT);
            Native.call("lnrnnPlanGetParameterCount",
                    () -> lnrnn_h.lnrnnPlanGetParameterCount(handle.segment(), count));
            MemorySegment p = lnrnnParameter_t.allocate(scratch);
            lnrnnParameter_t.structSize(p, p.byteSize());
            List<Parameter> list = new ArrayList<>();
            for (int i = 0; i < count.get(ValueLayout.JAVA_INT, 0); i++) {
                int index = i;
                Native.call("lnrnnPlanGetParameter",
                        () -> lnrnn_h.lnrnnPlanGetParameter(handle.segment(), index, p));
                list.add(readParameter(p));
            }
            return List.copyOf(list);
        }
    }

    private static Parameter readParameter(MemorySegment p) {
        // The generated accessor of one element forgets where in the struct the array is.
        MemorySegment extents = lnrnnParameter_t.shape(p);
        List<Long> shape = new ArrayList<>();
        for (int i = 0; i < lnrnnParameter_t.rank(p); i++) {
            shape.add(extents.getAtIndex(ValueLayout.JAVA_LONG, i));
        }
        return new Parameter(lnrnnParameter_t.name(p).getString(0), lnrnnParameter_t.layer(p),
                lnrnnParameter_t.direction(p), shape, lnrnnParameter_t.elements(p), lnrnnParameter_t.offsetBytes(p),
                lnrnnParameter_t.gradientOffsetBytes(p));
    }

    /** {@return the description of the layers} */
    public LayerSpec spec() {
        return spec;
    }

    /** {@return the device on which this plan computes} */
    public Device device() {
        return device;
    }

    /**
     * {@return the tensors of the flat parameter buffer in its order: layer by layer, forward before reverse}
     *
     * @throws IllegalStateException if this plan is closed and this was not called before
     */
    public List<Parameter> parameters() {
        List<Parameter> known = parameters;
        if (known == null) {
            // Not before somebody asks: whoever initialises or loads all of them at once never does.
            known = readParameters();
            parameters = known;
        }
        return known;
    }

    /**
     * {@return the sizes of the buffers that a caller must provide}
     *
     * @param steps time steps T, at least 0
     * @param batch rows N, at least 0
     * @throws IllegalArgumentException if an argument is negative
     * @throws LnrnnException if a size exceeds 64 bits
     */
    public PlanSizes sizes(long steps, long batch) {
        Sequence.timeMajor(steps, batch);
        handle.checkAlive();
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment s = lnrnnPlanSizes_t.allocate(scratch);
            lnrnnPlanSizes_t.structSize(s, s.byteSize());
            Native.call("lnrnnPlanGetSizes", () -> lnrnn_h.lnrnnPlanGetSizes(handle.segment(), steps, batch, s));
            return new PlanSizes(
                    lnrnnPlanSizes_t.parameterBytes(s),
                    lnrnnPlanSizes_t.gradientBytes(s),
                    lnrnnPlanSizes_t.packedBytes(s),
                    lnrnnPlanSizes_t.stateBytes(s),
                    lnrnnPlanSizes_t.cellStateBytes(s),
                    lnrnnPlanSizes_t.inferenceWorkspaceBytes(s),
                    lnrnnPlanSizes_t.stepWorkspaceBytes(s),
                    lnrnnPlanSizes_t.trainingWorkspaceBytes(s),
                    lnrnnPlanSizes_t.backwardWorkspaceBytes(s),
                    lnrnnPlanSizes_t.reserveBytes(s));
        }
    }

    /**
     * Fills the parameters with initial values: weight_ih Xavier-uniform per gate, weight_hr as a whole; weight_hh
     * orthogonal per gate, for an IndRNN uniform in 0...1; biases 0, but 1 for the LSTM's forget gate, in
     * {@code layernorm_gates.bias} where there is one; gains 1. The same seed gives the same numbers on every device,
     * rounded to the type. The host computes them. For a CUDA device this takes host memory of the same size, which
     * counts towards {@code lnrnn.maxBytes} until the call returns.
     *
     * @param stream the stream on which the work is queued
     * @param seed all 64 bits count
     * @param parameters at least {@link PlanSizes#parameterBytes()} bytes
     */
    public void initialize(Stream stream, long seed, DeviceBuffer parameters) {
        MemorySegment queue = operands.stream(stream);
        MemorySegment out = operands.written("parameters", parameters, emptySizes.parameterBytes(), Unit.DATA);
        handle.checkAlive();
        String function = "lnrnnInitializeParameters";
        Native.call(function, () -> MemoryBudget.during(
                device.handle().isCpu() ? 0 : emptySizes.parameterBytes(), function,
                () -> lnrnn_h.lnrnnInitializeParameters(
                        handle.segment(), queue, seed, out, parameters.byteSize())));
    }

    /**
     * Packs parameters: rearranges them for inference. Only this plan can use the packed form. After a change of the
     * parameters, pack them again.
     *
     * @param stream the stream on which the work is queued
     * @param parameters at least {@link PlanSizes#parameterBytes()} bytes
     * @param packed at least {@link PlanSizes#packedBytes()} bytes, 64-byte aligned
     */
    public void pack(Stream stream, DeviceBuffer parameters, DeviceBuffer packed) {
        MemorySegment queue = operands.stream(stream);
        MemorySegment in = operands.read("parameters", parameters, emptySizes.parameterBytes(), Unit.DATA);
        MemorySegment out = operands.written("packed", packed, emptySizes.packedBytes(), Unit.SPACE);
        handle.checkAlive();
        Native.call("lnrnnPackWeights", () -> lnrnn_h.lnrnnPackWeights(
                handle.segment(), queue, in, parameters.byteSize(), out, packed.byteSize()));
    }

    /**
     * Describes a forward pass for inference. The caller sets its buffers and then binds it.
     *
     * @param sequence the shape of the data
     * @param stream the stream on which the pass is queued
     * @return the arguments of the pass, by name
     * @throws IllegalArgumentException if the data would extend beyond 64 bits, or the stream is of another device
     * @throws IllegalStateException if this plan or the stream is closed
     * @throws LnrnnException if steps or rows are more than 2<sup>32</sup>, or a size exceeds 64 bits
     */
    public InferenceArguments inference(Sequence sequence, Stream stream) {
        return InferenceArguments.of(this, sequence, stream);
    }

    /**
     * Describes forward and backward passes for training. The caller sets their buffers and then binds them.
     *
     * @param sequence the shape of the data
     * @param stream the stream on which the passes are queued
     * @return the arguments that the passes share, by name
     * @throws IllegalArgumentException if the data would extend beyond 64 bits, or the stream is of another device
     * @throws IllegalStateException if this plan or the stream is closed
     * @throws LnrnnException if steps or rows are more than 2<sup>32</sup>, or a size exceeds 64 bits
     */
    public TrainingArguments training(Sequence sequence, Stream stream) {
        return new TrainingArguments(this, sequence, stream);
    }

    /**
     * Describes a single step for streaming. The caller sets its buffers and then binds it. Only for layers that read
     * forward.
     *
     * @param batch rows N, at least 0
     * @param stream the stream on which the step is queued
     * @return the arguments of the step, by name
     * @throws IllegalArgumentException if batch is negative, the plan is bidirectional, or the stream is of another
     *     device
     * @throws IllegalStateException if this plan or the stream is closed
     * @throws LnrnnException if batch is more than 2<sup>32</sup>, or a size exceeds 64 bits
     */
    public StepArguments step(long batch, Stream stream) {
        return new StepArguments(this, batch, stream);
    }

    /**
     * Destroys a plan that its device owns. Closing twice is harmless. A plan that was created in the caller's arena
     * lives until that arena is closed.
     *
     * @throws IllegalStateException if a call in another thread uses it
     */
    @Override
    public void close() {
        handle.close();
    }

    Handle handle() {
        return handle;
    }

    Operands operands() {
        return operands;
    }
}
