package dev.lnrnn.misuse;

import dev.lnrnn.DataType;
import dev.lnrnn.DeviceBuffer;
import dev.lnrnn.Direction;
import dev.lnrnn.DoubleLayerState;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.LayerState;
import dev.lnrnn.LoadOptions;
import dev.lnrnn.MaskKind;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Regularization;
import dev.lnrnn.StepArguments;
import dev.lnrnn.Stream;
import dev.lnrnn.TestDevice;
import dev.lnrnn.interop.ElementType;
import dev.lnrnn.interop.FileReplacement;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Good calls: receivers and arguments with which exported methods succeed in a {@link World}. */
final class Recipes {

    private static final long STEPS = Extents.STEPS;
    private static final long BATCH = Extents.BATCH;
    /** Every cell has it. */
    private static final String WEIGHT = "weight_ih_l0";
    private static final Set<String> STEPPING =
            Set.of("StepPass", "StepArguments", "Streaming", "Plan.step", "Layer.streaming");

    private final World world;
    private final LayerSpec spec;
    private final Extents extents;

    Recipes(World world) {
        this.world = world;
        this.spec = world.the(LayerSpec.class);
        this.extents = world.extents();
    }

    /** {@code Type.method(Types)}, or {@code Type(Types)} for a constructor. */
    static String key(Executable method) {
        String type = method.getDeclaringClass().getSimpleName();
        String name = method instanceof Constructor ? type : type + "." + method.getName();
        return name + Arrays.stream(method.getParameterTypes()).map(Class::getSimpleName)
                .collect(Collectors.joining(",", "(", ")"));
    }

    /** Any layer for which a good call of this method succeeds. */
    static LayerSpec spec(Executable method, Random random) {
        Class<?> owner = method.getDeclaringClass();
        if (owner == LayerSpec.class || owner == Regularization.class) {
            return Kinds.RICHEST;
        }
        List<Direction> directions = List.of(Direction.values());
        boolean steps = STEPPING.contains(owner.getSimpleName())
                || STEPPING.contains(owner.getSimpleName() + "." + method.getName());
        return Kinds.any(random, types(method), steps ? List.of(Direction.FORWARD) : directions);
    }

    /** Of which types a layer may be for this method. */
    static List<DataType> types(Executable method) {
        List<Class<?>> parameters = Arrays.asList(method.getParameterTypes());
        if (method.getName().endsWith("Doubles") || parameters.contains(double[].class)
                || parameters.contains(DoubleLayerState.class)) {
            return List.of(DataType.F64);
        }
        boolean any = parameters.contains(DeviceBuffer.class) || parameters.contains(MemorySegment.class);
        return any ? List.of(DataType.values()) : List.of(DataType.F32, DataType.F16, DataType.BF16);
    }

    static boolean isStatic(Executable method) {
        return method instanceof Constructor || Modifier.isStatic(method.getModifiers());
    }

    /** A call that succeeds. */
    Invocation call(Executable method) {
        Object receiver = isStatic(method) ? null : world.the(method.getDeclaringClass());
        return new Invocation(method, receiver, arguments(method));
    }

    /** What is not said here is good by its type alone. */
    private @Nullable Object[] arguments(Executable method) {
        return switch (method.getDeclaringClass().getSimpleName()) {
            case "Plan" -> plan(method);
            case "InferenceArguments", "StepArguments", "TrainingArguments", "ForwardArguments",
                    "BackwardArguments" -> buffer(method);
            case "Layer", "Streaming", "Training", "Parameters" -> layer(method);
            case "Safetensors", "Tensor" -> file(method);
            default -> other(method);
        };
    }

    private @Nullable Object[] plan(Executable method) {
        return switch (method.getName()) {
            case "initialize" -> of(world.the(Stream.class), 1L, world.parameters());
            case "pack" -> of(world.the(Stream.class), world.parameters(), bytes(sizes().packedBytes()));
            default -> byType(method);
        };
    }

    /** Another buffer, as good as the one that the arguments have. */
    private @Nullable Object[] buffer(Executable method) {
        boolean step = method.getDeclaringClass() == StepArguments.class;
        PlanSizes sizes = sizes();
        return switch (method.getName()) {
            case "packed" -> of(world.packed());
            case "parameters" -> of(world.parameters());
            case "x", "dx" -> of(step ? buffer(extents.stepX()) : x());
            case "y", "dy" -> of(y());
            case "h", "h0", "hn", "dhn", "dh0" -> of(h());
            case "c", "c0", "cn", "dcn", "dc0" -> of(c());
            case "resets" -> of(bytes(step ? BATCH : STEPS * BATCH));
            case "mask" -> of(MaskKind.ZONEOUT, bytes(extents.zoneoutMask()));
            case "random" -> of(bytes(3 * Long.BYTES));
            case "reserve" -> of(bytes(sizes.reserveBytes()));
            case "gradients" -> of(bytes(sizes.gradientBytes()));
            case "workspace" -> of(bytes(Math.max(
                    Math.max(sizes.stepWorkspaceBytes(), sizes.inferenceWorkspaceBytes()),
                    Math.max(sizes.trainingWorkspaceBytes(), sizes.backwardWorkspaceBytes()))));
            default -> byType(method);
        };
    }

    private @Nullable Object[] layer(Executable method) {
        return switch (key(method)) {
            case "Layer.forward(float[],long,long)" -> of(new float[extents.x()], STEPS, BATCH);
            case "Layer.forward(float[],long,long,LayerState,long[])" ->
                    of(new float[extents.x()], STEPS, BATCH, world.the(LayerState.class), new long[] {1, 2});
            case "Layer.forward(float[],long,long,byte[],LayerState,long[])" ->
                    of(new float[extents.x()], STEPS, BATCH, resets(), world.the(LayerState.class), new long[] {1, 2});
            case "Layer.forward(double[],long,long,byte[],DoubleLayerState,long[])" ->
                    of(new double[extents.x()], STEPS, BATCH, resets(), world.the(DoubleLayerState.class),
                            new long[] {1, 2});
            case "Layer.forward(double[],long,long)" -> of(new double[extents.x()], STEPS, BATCH);
            case "Layer.forward(double[],long,long,DoubleLayerState,long[])" ->
                    of(new double[extents.x()], STEPS, BATCH, world.the(DoubleLayerState.class), new long[] {1, 2});
            case "Layer.forward(MemorySegment,Sequence,MemorySegment,MemorySegment,MemorySegment,long[],MemorySegment,"
                    + "MemorySegment,MemorySegment)" ->
                    of(hostX(), World.SEQUENCE, flat(STEPS * BATCH), hostH(), hostC(),
                            new long[] {1, 2}, hostY(), hostH(), hostC());
            case "Layer.load(Path)" -> of(world.weights());
            case "Layer.load(Path,LoadOptions)" -> of(world.weights(), LoadOptions.DEFAULTS);
            case "Layer.load(Safetensors,LoadOptions)" -> of(world.saved(), LoadOptions.DEFAULTS);
            case "Streaming.step(float[])" -> of(new float[extents.stepX()]);
            case "Streaming.step(float[],float[])" ->
                    of(new float[extents.stepX()], new float[extents.stepOutput()]);
            case "Streaming.step(double[])" -> of(new double[extents.stepX()]);
            case "Streaming.step(double[],double[])" ->
                    of(new double[extents.stepX()], new double[extents.stepOutput()]);
            case "Streaming.reset(long)" -> of(BATCH - 1);
            case "Training.setResets(byte[])" -> of((Object) resets());
            case "Training.setMask(MaskKind,byte[])" -> of(MaskKind.ZONEOUT, new byte[extents.zoneoutMask()]);
            case "Training.forward(float[])" -> of(new float[extents.x()]);
            case "Training.forward(double[])" -> of(new double[extents.x()]);
            case "Training.forward(MemorySegment,MemorySegment,MemorySegment,MemorySegment,MemorySegment,"
                    + "MemorySegment)" ->
                    of(hostX(), hostH(), hostC(), hostY(), hostH(), hostC());
            case "Training.backward(float[])" -> of(new float[extents.y()]);
            case "Training.backward(double[])" -> of(new double[extents.y()]);
            case "Training.backward(MemorySegment,MemorySegment,MemorySegment,MemorySegment,MemorySegment,"
                    + "MemorySegment,MemorySegment)" ->
                    of(hostY(), hostH(), hostC(), flat(sizes().gradientBytes()), hostX(), hostH(), hostC());
            case "Parameters.copyFrom(MemorySegment)", "Parameters.copyTo(MemorySegment)" ->
                    of(flat(sizes().parameterBytes()));
            case "Parameters.set(String,float[])" -> of(WEIGHT, new float[extents.weightIh()]);
            case "Parameters.set(String,double[])" -> of(WEIGHT, new double[extents.weightIh()]);
            case "Parameters.get(String)", "Parameters.getDoubles(String)", "Parameters.describe(String)",
                    "Training.gradient(String)", "Training.gradientDoubles(String)" -> of(WEIGHT);
            default -> byType(method);
        };
    }

    private static byte[] resets() {
        return new byte[Math.toIntExact(STEPS * BATCH)];
    }

    private Object[] file(Executable method) {
        long[] shape = {2};
        return switch (key(method)) {
            case "Safetensors.read(Path)" -> of(world.numbers());
            case "Safetensors.read(byte[])" -> of((Object) contents());
            case "Safetensors.read(MemorySegment)" -> of(MemorySegment.ofArray(contents()));
            case "Safetensors.longs(String)" -> of("n");
            case "Safetensors.floats(String)", "Safetensors.doubles(String)",
                    "Safetensors.data(String)" -> of("x");
            case "Tensor(String,ElementType,long[],MemorySegment)" ->
                    of("x", ElementType.F32, shape, MemorySegment.ofArray(new float[2]));
            case "Tensor.f32(String,long[],float[])" -> of("x", shape, new float[2]);
            case "Tensor.f64(String,long[],double[])" -> of("x", shape, new double[2]);
            case "Tensor.i64(String,long[],long[])" -> of("x", shape, new long[2]);
            default -> byType(method);
        };
    }

    private Object[] other(Executable method) {
        if (method.getDeclaringClass().isEnum() && method.getName().equals("valueOf")) {
            return of(((Enum<?>) world.the(method.getDeclaringClass())).name());
        }
        return switch (key(method)) {
            case "Device.loadLayer(Path)" -> of(world.weights());
            case "TrainingPasses.drawMask(MaskKind,DeviceBuffer)" ->
                    of(MaskKind.ZONEOUT, bytes(extents.zoneoutMask()));
            case "Device.loadLayer(Path,LoadOptions)" -> of(world.weights(), LoadOptions.DEFAULTS);
            case "Device.loadLayer(Safetensors,LoadOptions)" -> of(world.saved(), LoadOptions.DEFAULTS);
            case "LayerSpec.ofMetadata(Map)" -> of(spec.toMetadata());
            case "LoadOptions.withDiffering(String[])" -> of((Object) new String[] {"zoneout"});
            case "Stream.copy(DeviceBuffer,DeviceBuffer)" -> of(bytes(64), bytes(64));
            case "DeviceBuffer.slice(long,long)" -> of(8L, 16L);
            case "PinnedArena.allocate(long,long)" -> of(100L, 16L);
            default -> byType(method);
        };
    }

    private Object[] byType(Executable method) {
        return Arrays.stream(method.getParameterTypes()).map(this::good).toArray();
    }

    private Object good(Class<?> type) {
        return switch (type.getSimpleName()) {
            case "long" -> 2L;
            case "int" -> 2;
            case "double" -> 0.25;
            case "boolean" -> true;
            case "byte" -> (byte) 1;
            case "String" -> TestDevice.NAME;
            case "float[]" -> new float[extents.state()];
            case "double[]" -> new double[extents.state()];
            case "long[]" -> new long[] {1, 2};
            case "byte[]" -> new byte[2];
            case "Content" -> (FileReplacement.Content) channel -> channel.write(ByteBuffer.allocate(2));
            case "MemorySegment" -> flat(16);
            case "Arena" -> world.arena();
            case "Path" -> world.directory().resolve("written.safetensors");
            case "Runnable" -> (Runnable) () -> {};
            case "List" -> List.of();
            case "Set" -> Set.of("zoneout");
            case "String[]" -> new String[] {"bias_l0"};
            case "Map" -> Map.of();
            case "Object", "Throwable" -> new IllegalStateException("an object");
            default -> world.the(type);
        };
    }

    private static @Nullable Object[] of(@Nullable Object... arguments) {
        return arguments == null ? new Object[] {null} : arguments;
    }

    private DeviceBuffer bytes(long bytes) {
        return world.device().allocate(bytes);
    }

    private DeviceBuffer buffer(int elements) {
        return bytes((long) elements * spec.dataType().byteSize());
    }

    private DeviceBuffer x() {
        return buffer(extents.x());
    }

    private DeviceBuffer y() {
        return buffer(extents.y());
    }

    private DeviceBuffer h() {
        return bytes(sizes().stateBytes());
    }

    private @Nullable DeviceBuffer c() {
        return spec.cell().carriesCell() ? bytes(sizes().cellStateBytes()) : null;
    }

    private MemorySegment hostX() {
        return flat((long) extents.x() * spec.dataType().byteSize());
    }

    private MemorySegment hostY() {
        return flat((long) extents.y() * spec.dataType().byteSize());
    }

    private MemorySegment hostH() {
        return flat(sizes().stateBytes());
    }

    private @Nullable MemorySegment hostC() {
        return spec.cell().carriesCell() ? flat(sizes().cellStateBytes()) : null;
    }

    private MemorySegment flat(long bytes) {
        return world.arena().allocate(bytes, 64);
    }

    private PlanSizes sizes() {
        return world.the(Plan.class).sizes(STEPS, BATCH);
    }

    private byte[] contents() {
        try {
            return Files.readAllBytes(world.numbers());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
