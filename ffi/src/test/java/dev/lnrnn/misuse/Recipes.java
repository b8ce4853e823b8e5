package dev.lnrnn.misuse;

import dev.lnrnn.DataType;
import dev.lnrnn.DoubleLayerState;
import dev.lnrnn.LayerState;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Stream;
import dev.lnrnn.TestDevice;
import dev.lnrnn.TrainingPass;
import dev.lnrnn.interop.ElementType;
import dev.lnrnn.memory.DeviceBuffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Good calls: receivers and arguments with which exported methods succeed in a {@link World}. */
final class Recipes {

    private static final long STEPS = World.STEPS;
    private static final long BATCH = World.BATCH;
    private static final int X = World.STEPS * World.BATCH * World.INPUTS;
    private static final int Y = World.STEPS * World.BATCH * World.HIDDEN;
    private static final int STATE = World.BATCH * World.HIDDEN;
    private static final int STEP = World.BATCH * World.INPUTS;
    private static final int BIAS = 4 * World.HIDDEN;
    private static final int RECURRENT = 4 * World.HIDDEN * World.HIDDEN;

    private final World world;

    Recipes(World world) {
        this.world = world;
    }

    /** {@code Type.method(Types)}, or {@code Type(Types)} for a constructor. */
    static String key(Executable method) {
        String type = method.getDeclaringClass().getSimpleName();
        String name = method instanceof Constructor ? type : type + "." + method.getName();
        return name + Arrays.stream(method.getParameterTypes()).map(Class::getSimpleName)
                .collect(Collectors.joining(",", "(", ")"));
    }

    /** Of which type the layer must be for this method. */
    static DataType dataType(Executable method) {
        boolean doubles = method.getName().endsWith("Doubles")
                || Arrays.asList(method.getParameterTypes()).contains(double[].class)
                || Arrays.asList(method.getParameterTypes()).contains(DoubleLayerState.class);
        return doubles ? DataType.F64 : DataType.F32;
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
    private Object[] arguments(Executable method) {
        return switch (method.getDeclaringClass().getSimpleName()) {
            case "Plan", "InferencePass", "TrainingPass", "StepPass" -> pass(method);
            case "Layer", "Streaming", "Training", "Parameters" -> layer(method);
            case "Safetensors", "Tensor" -> file(method);
            default -> other(method);
        };
    }

    private Object[] pass(Executable method) {
        PlanSizes sizes = world.the(Plan.class).sizes(World.STEPS, World.BATCH);
        DeviceBuffer parameters = world.parameters();
        DeviceBuffer x = buffer(X);
        return switch (method.getDeclaringClass().getSimpleName() + "." + method.getName()) {
            case "Plan.initialize" -> of(world.the(Stream.class), 1L, parameters);
            case "Plan.pack" -> of(world.the(Stream.class), parameters, bytes(sizes.packedBytes()));
            case "InferencePass.run" -> of(world.packed(), x, buffer(STATE), buffer(STATE), buffer(Y),
                    buffer(STATE), buffer(STATE), bytes(sizes.inferenceWorkspaceBytes()));
            case "StepPass.run" -> of(world.packed(), buffer(STEP), buffer(STATE), buffer(STATE),
                    bytes(sizes.stepWorkspaceBytes()));
            case "TrainingPass.setMasks" -> of(bytes(Y), bytes(RECURRENT));
            case "TrainingPass.forward" -> of(parameters, x, buffer(STATE), buffer(STATE), buffer(Y),
                    buffer(STATE), buffer(STATE), bytes(sizes.reserveBytes()),
                    bytes(sizes.trainingWorkspaceBytes()));
            case "TrainingPass.backward" -> {
                DeviceBuffer reserve = bytes(sizes.reserveBytes());
                world.the(TrainingPass.class).forward(parameters, x, null, null, null, null, null, reserve,
                        bytes(sizes.trainingWorkspaceBytes()));
                yield of(parameters, x, buffer(Y), buffer(STATE), buffer(STATE), reserve,
                        bytes(sizes.parameterBytes()), buffer(X), buffer(STATE), buffer(STATE),
                        bytes(sizes.backwardWorkspaceBytes()));
            }
            default -> byType(method);
        };
    }

    private Object[] layer(Executable method) {
        return switch (key(method)) {
            case "Layer.forward(float[],long,long)" -> of(new float[X], STEPS, BATCH);
            case "Layer.forward(float[],long,long,LayerState,long[])" ->
                    of(new float[X], STEPS, BATCH, world.the(LayerState.class), new long[] {1, 2});
            case "Layer.forward(double[],long,long)" -> of(new double[X], STEPS, BATCH);
            case "Layer.forward(double[],long,long,DoubleLayerState,long[])" ->
                    of(new double[X], STEPS, BATCH, world.the(DoubleLayerState.class), new long[] {1, 2});
            case "Layer.forward(MemorySegment,Sequence,MemorySegment,MemorySegment,long[],MemorySegment,"
                    + "MemorySegment,MemorySegment)" ->
                    of(host(X), World.SEQUENCE, host(STATE), host(STATE), new long[] {1, 2}, host(Y),
                            host(STATE), host(STATE));
            case "Layer.load(Path)" -> of(world.weights());
            case "Streaming.step(float[])" -> of(new float[STEP]);
            case "Streaming.step(float[],float[])" -> of(new float[STEP], new float[STATE]);
            case "Streaming.step(double[])" -> of(new double[STEP]);
            case "Streaming.step(double[],double[])" -> of(new double[STEP], new double[STATE]);
            case "Training.setMasks(byte[],byte[])" -> of(new byte[Y], new byte[RECURRENT]);
            case "Training.forward(float[])" -> of(new float[X]);
            case "Training.forward(double[])" -> of(new double[X]);
            case "Training.forward(MemorySegment,MemorySegment,MemorySegment,MemorySegment,MemorySegment,"
                    + "MemorySegment)" ->
                    of(host(X), host(STATE), host(STATE), host(Y), host(STATE), host(STATE));
            case "Training.backward(float[])" -> of(new float[Y]);
            case "Training.backward(double[])" -> of(new double[Y]);
            case "Training.backward(MemorySegment,MemorySegment,MemorySegment,MemorySegment,MemorySegment,"
                    + "MemorySegment,MemorySegment)" ->
                    of(host(Y), host(STATE), host(STATE), flat(), host(X), host(STATE), host(STATE));
            case "Parameters.copyFrom(MemorySegment)", "Parameters.copyTo(MemorySegment)" -> of(flat());
            case "Parameters.set(String,float[])" -> of("bias_l0", new float[BIAS]);
            case "Parameters.set(String,double[])" -> of("bias_l0", new double[BIAS]);
            case "Parameters.get(String)", "Parameters.getDoubles(String)", "Parameters.describe(String)",
                    "Training.gradient(String)", "Training.gradientDoubles(String)" -> of("bias_l0");
            default -> byType(method);
        };
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
            case "float[]" -> new float[STATE];
            case "double[]" -> new double[STATE];
            case "long[]" -> new long[] {1, 2};
            case "MemorySegment" -> host(4);
            case "Arena" -> world.arena();
            case "Path" -> world.directory().resolve("written.safetensors");
            case "Runnable" -> (Runnable) () -> { };
            case "List" -> List.of();
            case "Map" -> Map.of();
            case "Object", "Throwable" -> new IllegalStateException("an object");
            default -> world.the(type);
        };
    }

    private static Object[] of(Object... arguments) {
        return arguments;
    }

    private DeviceBuffer bytes(long bytes) {
        return world.device().allocate(bytes);
    }

    private DeviceBuffer buffer(int elements) {
        return bytes((long) elements * world.elementBytes());
    }

    private MemorySegment host(int elements) {
        return world.arena().allocate((long) elements * world.elementBytes(), 8);
    }

    private MemorySegment flat() {
        return world.arena().allocate(world.the(Plan.class).sizes(1, 1).parameterBytes(), 64);
    }

    private byte[] contents() {
        try {
            return Files.readAllBytes(world.numbers());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
