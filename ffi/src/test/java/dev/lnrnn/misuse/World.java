package dev.lnrnn.misuse;

import dev.lnrnn.BackwardArguments;
import dev.lnrnn.DataType;
import dev.lnrnn.Device;
import dev.lnrnn.DeviceBuffer;
import dev.lnrnn.DeviceLostException;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.DoubleLayerState;
import dev.lnrnn.Event;
import dev.lnrnn.ForwardArguments;
import dev.lnrnn.InferenceArguments;
import dev.lnrnn.Layer;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.LayerState;
import dev.lnrnn.Library;
import dev.lnrnn.LnrnnException;
import dev.lnrnn.LoadOptions;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Sequence;
import dev.lnrnn.Status;
import dev.lnrnn.StepArguments;
import dev.lnrnn.StepPass;
import dev.lnrnn.Stream;
import dev.lnrnn.Strides;
import dev.lnrnn.TestDevice;
import dev.lnrnn.Training;
import dev.lnrnn.TrainingArguments;
import dev.lnrnn.TrainingPasses;
import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.SafetensorsException;
import dev.lnrnn.interop.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** One object of each kind, made when it is asked for, of a small layer. */
final class World implements AutoCloseable {

    static final Sequence SEQUENCE = Sequence.timeMajor(Extents.STEPS, Extents.BATCH);

    private final Path directory;
    private final LayerSpec spec;
    private final Extents extents;
    private final Arena arena = Arena.ofShared();
    private final Arena boundArena = Arena.ofShared();
    private final Map<Class<?>, Object> objects = new HashMap<>();
    /** Buffers of passes, by what they are for. */
    private final Map<String, DeviceBuffer> named = new HashMap<>();
    /** Opened when something needs it: much of what is exported does not. */
    private @Nullable Device device;
    private @Nullable World stranger;

    World(Path directory, LayerSpec spec) {
        this.directory = directory;
        this.spec = spec;
        this.extents = new Extents(spec);
    }

    /** Leaves a good file, which every world reads, in the directory. */
    static void prepare(Path directory) throws IOException {
        Safetensors.write(numbers(directory), Map.of(),
                List.of(Tensor.f32("x", new long[] {2}, new float[2]),
                        Tensor.i64("n", new long[] {1}, new long[1])));
    }

    Path directory() {
        return directory;
    }

    /** What this world's layer saved. */
    Path weights() {
        Path file = directory.resolve("weights.safetensors");
        try {
            the(Layer.class).save(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    /** The same in memory. */
    Safetensors saved() {
        try {
            return Safetensors.read(Files.readAllBytes(weights()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Two tensors: floats "x" and integers "n". */
    Path numbers() {
        return numbers(directory);
    }

    private static Path numbers(Path directory) {
        return directory.resolve("numbers.safetensors");
    }

    /** Lives as long as this world. */
    Arena arena() {
        return arena;
    }

    /** Where the plan and the buffers of the step pass live, and nothing else. */
    Arena boundArena() {
        return boundArena;
    }

    Device device() {
        if (device == null) {
            device = TestDevice.open(1);
        }
        return device;
    }

    Device stranger() {
        return strangerWorld().device();
    }

    Extents extents() {
        return extents;
    }

    private boolean isDouble() {
        return spec.dataType() == DataType.F64;
    }

    DeviceBuffer parameters() {
        Plan plan = the(Plan.class);
        DeviceBuffer parameters = device().allocate(plan.sizes(Extents.STEPS, Extents.BATCH).parameterBytes());
        plan.initialize(the(Stream.class), 1, parameters);
        return parameters;
    }

    DeviceBuffer packed() {
        Plan plan = the(Plan.class);
        DeviceBuffer packed = device().allocate(plan.sizes(Extents.STEPS, Extents.BATCH).packedBytes());
        plan.pack(the(Stream.class), parameters(), packed);
        return packed;
    }

    /** The one object of its kind. */
    <T> T the(Class<T> type) {
        Object object = objects.get(type);
        if (object == null) {
            object = fresh(type);
            objects.put(type, object);
        }
        return type.cast(object);
    }

    /** The same, of another device. */
    Object foreign(Class<?> type) {
        return strangerWorld().the(type);
    }

    /** A new object of a kind, where the kind has more than one. */
    Object fresh(Class<?> type) {
        if (type.isEnum()) {
            return type.getEnumConstants()[0];
        }
        return switch (type.getSimpleName()) {
            case "Device" -> device();
            case "Stream" -> device().createStream();
            case "Event" -> recordedEvent();
            case "DeviceBuffer" -> device().allocate(4096);
            case "PinnedArena" -> device().pinnedArena();
            case "Registration" -> device().register(arena.allocate(64), arena);
            case "Graph" -> the(Stream.class).capture(() -> {});
            case "Plan" -> device().createPlan(spec);
            case "InferenceArguments" -> inference(the(Stream.class));
            case "InferencePass" -> inference(the(Stream.class)).bind();
            case "TrainingArguments" -> training(the(Stream.class));
            case "TrainingPasses" -> training(the(Stream.class)).bind();
            case "ForwardArguments" -> forward(the(TrainingPasses.class));
            case "ForwardPass" -> forward(the(TrainingPasses.class)).bind();
            case "BackwardArguments" -> backward(the(TrainingPasses.class));
            case "BackwardPass" -> backward(the(TrainingPasses.class)).bind();
            case "StepArguments" -> step(the(Plan.class), the(Stream.class), this::named);
            case "StepPass" -> stepInOneArena();
            case "Layer" -> device().createLayer(spec).initialize(1);
            case "Streaming" -> the(Layer.class).streaming(Extents.BATCH);
            case "Training" -> trained();
            case "Parameters" -> the(Layer.class).parameters();
            case "LayerOutput" -> isDouble()
                    ? the(Layer.class).forward(new double[extents.x()], Extents.STEPS, Extents.BATCH)
                    : the(Layer.class).forward(new float[extents.x()], Extents.STEPS, Extents.BATCH);
            case "LayerState" -> new LayerState(new float[extents.state()],
                    spec.cell().carriesCell() ? new float[extents.cellState()] : null);
            case "DoubleLayerState" -> new DoubleLayerState(new double[extents.state()],
                    spec.cell().carriesCell() ? new double[extents.cellState()] : null);
            case "LayerSpec" -> spec;
            case "Regularization" -> spec.regularization();
            case "Execution" -> spec.execution();
            case "Sequence" -> SEQUENCE;
            case "Strides" -> new Strides(24, 12);
            case "LoadOptions" -> LoadOptions.DEFAULTS;
            case "DeviceOptions" -> TestDevice.isCpu()
                    ? DeviceOptions.DEFAULTS.withThreads(1)
                    : DeviceOptions.DEFAULTS;
            case "DeviceInfo" -> device().info();
            case "CudaInfo" -> Objects.requireNonNull(device().info().cuda());
            case "Usage" -> Library.usage();
            case "PlanSizes" -> the(Plan.class).sizes(Extents.STEPS, Extents.BATCH);
            case "Parameter" -> the(Plan.class).parameters().getFirst();
            case "LnrnnException" -> new LnrnnException(Status.INTERNAL_ERROR, "function", "message", null);
            case "DeviceLostException" -> new DeviceLostException("function", "message");
            case "SafetensorsException" -> new SafetensorsException("message");
            case "Safetensors" -> read();
            case "TensorInfo" -> the(Safetensors.class).tensors().get("x");
            case "Tensor" -> Tensor.f32("x", new long[] {2}, new float[2]);
            default -> throw new IllegalArgumentException("the misuse test cannot make a " + type);
        };
    }

    /** All buffers of a good inference, which others share. */
    InferenceArguments inference(Stream stream) {
        PlanSizes sizes = sizes();
        return the(Plan.class).inference(SEQUENCE, stream).packed(packed())
                .x(named("x", bytes(extents.x()))).h0(state("h0")).c0(cell("c0"))
                .y(named("y", bytes(extents.y()))).hn(state("hn")).cn(cell("cn"))
                .workspace(named("inferenceWorkspace", sizes.inferenceWorkspaceBytes()));
    }

    /** Masks are drawn from whatever is in its memory; trainings draw theirs from a seed. */
    TrainingArguments training(Stream stream) {
        return the(Plan.class).training(SEQUENCE, stream).parameters(parameters())
                .x(named("x", bytes(extents.x()))).random(named("random", 3 * Long.BYTES))
                .reserve(named("reserve", sizes().reserveBytes()));
    }

    ForwardArguments forward(TrainingPasses training) {
        return training.forward().h0(state("h0")).c0(cell("c0"))
                .y(named("y", bytes(extents.y()))).hn(state("hn")).cn(cell("cn"))
                .workspace(named("trainingWorkspace", sizes().trainingWorkspaceBytes()));
    }

    /** With a forward pass behind it. */
    BackwardArguments backward(TrainingPasses training) {
        forward(training).bind().run();
        PlanSizes sizes = sizes();
        return training.backward().dy(named("dy", bytes(extents.y()))).dhn(state("dhn")).dcn(cell("dcn"))
                .gradients(named("gradients", sizes.gradientBytes())).dx(named("dx", bytes(extents.x())))
                .dh0(state("dh0")).dc0(cell("dc0"))
                .workspace(named("backwardWorkspace", sizes.backwardWorkspaceBytes()));
    }

    StepArguments step(Plan plan, Stream stream, BiFunction<String, Long, DeviceBuffer> memory) {
        PlanSizes sizes = plan.sizes(1, Extents.BATCH);
        DeviceBuffer packed = memory.apply("stepPacked", sizes.packedBytes());
        plan.pack(stream, parameters(), packed);
        return plan.step(Extents.BATCH, stream).packed(packed)
                .x(memory.apply("stepX", bytes(extents.stepX())))
                .h(memory.apply("stepH", sizes.stateBytes()))
                .c(spec.cell().carriesCell() ? memory.apply("stepC", sizes.cellStateBytes()) : null)
                .workspace(memory.apply("stepWorkspace", sizes.stepWorkspaceBytes()));
    }

    private StepPass stepInOneArena() {
        return step(device().createPlan(spec, boundArena), the(Stream.class),
                (name, bytes) -> device().allocate(bytes, boundArena)).bind();
    }

    private DeviceBuffer named(String name, long bytes) {
        return named.computeIfAbsent(name, wanted -> device().allocate(bytes));
    }

    private DeviceBuffer state(String name) {
        return named(name, sizes().stateBytes());
    }

    private @Nullable DeviceBuffer cell(String name) {
        return spec.cell().carriesCell() ? named(name, sizes().cellStateBytes()) : null;
    }

    private long bytes(int elements) {
        return (long) elements * spec.dataType().byteSize();
    }

    private PlanSizes sizes() {
        return the(Plan.class).sizes(Extents.STEPS, Extents.BATCH);
    }

    /** Recorded and done: else there is no time to ask for. */
    private Event recordedEvent() {
        Event event = device().createEvent();
        device().defaultStream().record(event);
        event.synchronize();
        return event;
    }

    /** With a forward and a backward pass behind it, so that there are gradients. */
    private Training trained() {
        Training training = the(Layer.class).training(SEQUENCE);
        if (isDouble()) {
            training.forward(new double[extents.x()]);
            training.backward(new double[extents.y()]);
        } else {
            training.forward(new float[extents.x()]);
            training.backward(new float[extents.y()]);
        }
        return training;
    }

    private Safetensors read() {
        try {
            return Safetensors.read(numbers());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private World strangerWorld() {
        if (stranger == null) {
            stranger = new World(directory, spec);
        }
        return stranger;
    }

    static void close(Object object) {
        try {
            ((AutoCloseable) object).close();
        } catch (Exception e) {
            throw new IllegalStateException("closing " + object, e);
        }
    }

    @Override
    public void close() {
        if (stranger != null) {
            stranger.close();
        }
        Object file = objects.get(Safetensors.class);
        if (file != null) {
            close(file);
        }
        if (device != null) {
            device.close();
        }
        if (boundArena.scope().isAlive()) {
            boundArena.close();
        }
        arena.close();
    }
}
