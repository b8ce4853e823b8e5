package dev.lnrnn.misuse;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceLostException;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.Event;
import dev.lnrnn.InferencePass;
import dev.lnrnn.Layer;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.LayerState;
import dev.lnrnn.Library;
import dev.lnrnn.LnrnnException;
import dev.lnrnn.Plan;
import dev.lnrnn.Sequence;
import dev.lnrnn.Status;
import dev.lnrnn.StepPass;
import dev.lnrnn.Stream;
import dev.lnrnn.Streaming;
import dev.lnrnn.Strides;
import dev.lnrnn.Training;
import dev.lnrnn.TrainingPass;
import dev.lnrnn.memory.DeviceBuffer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One object of each kind, made when it is asked for, of a small layer: T = 2, N = 2, C = 3, H = 4, f32. */
final class World implements AutoCloseable {

    static final int STEPS = 2;
    static final int BATCH = 2;
    static final LayerSpec SPEC = LayerSpec.lstm(3, 4).withZoneout(0.25).withDropconnect(0.25);
    static final Sequence SEQUENCE = Sequence.timeMajor(STEPS, BATCH);

    private final Path directory;
    private final Arena arena = Arena.ofShared();
    private final Device device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(1));
    private final Map<Class<?>, Object> objects = new HashMap<>();
    private @Nullable World stranger;

    World(Path directory) {
        this.directory = directory;
    }

    /** Leaves the one good weight file in the directory that every world reads. */
    static void prepare(Path directory) throws IOException {
        try (World world = new World(directory)) {
            world.the(Layer.class).save(world.file());
        }
    }

    Path directory() {
        return directory;
    }

    Path file() {
        return directory.resolve("layer.safetensors");
    }

    /** Lives as long as this world. */
    Arena arena() {
        return arena;
    }

    Device device() {
        return device;
    }

    Device stranger() {
        return strangerWorld().device;
    }

    DeviceBuffer parameters() {
        Plan plan = the(Plan.class);
        DeviceBuffer parameters = device.allocate(plan.sizes(STEPS, BATCH).parameterBytes());
        plan.initialize(the(Stream.class), 1, parameters);
        return parameters;
    }

    DeviceBuffer packed() {
        Plan plan = the(Plan.class);
        DeviceBuffer packed = device.allocate(plan.sizes(STEPS, BATCH).packedBytes());
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
            case "Device" -> device;
            case "Stream" -> device.createStream();
            case "Event" -> recordedEvent();
            case "DeviceBuffer" -> device.allocate(4096);
            case "PinnedArena" -> device.pinnedArena();
            case "Plan" -> device.createPlan(SPEC);
            case "InferencePass" -> the(Plan.class).inferencePass(SEQUENCE, the(Stream.class));
            case "TrainingPass" -> the(Plan.class).trainingPass(SEQUENCE, the(Stream.class));
            case "StepPass" -> the(Plan.class).stepPass(BATCH, the(Stream.class));
            case "Layer" -> device.createLayer(SPEC).initialize(1);
            case "Streaming" -> the(Layer.class).streaming(BATCH);
            case "Training" -> the(Layer.class).training(SEQUENCE);
            case "Parameters" -> the(Layer.class).parameters();
            case "LayerOutput" -> the(Layer.class).forward(new float[STEPS * BATCH * 3], STEPS, BATCH);
            case "LayerState" -> new LayerState(new float[BATCH * 4], new float[BATCH * 4]);
            case "LayerSpec" -> SPEC;
            case "Sequence" -> SEQUENCE;
            case "Strides" -> new Strides(24, 12);
            case "DeviceOptions" -> DeviceOptions.DEFAULTS.withThreads(1);
            case "DeviceInfo" -> device.info();
            case "Usage" -> Library.usage();
            case "PlanSizes" -> the(Plan.class).sizes(STEPS, BATCH);
            case "Parameter" -> the(Plan.class).parameters().getFirst();
            case "LnrnnException" -> new LnrnnException(Status.INTERNAL_ERROR, "function", "message", null);
            case "DeviceLostException" -> new DeviceLostException("function", "message");
            default -> throw new IllegalArgumentException("the misuse test cannot make a " + type);
        };
    }

    private Event recordedEvent() {
        Event event = device.createEvent();
        device.defaultStream().record(event);
        return event;
    }

    private World strangerWorld() {
        if (stranger == null) {
            stranger = new World(directory);
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
        device.close();
        arena.close();
    }
}
