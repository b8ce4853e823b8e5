package dev.lnrnn.misuse;

import dev.lnrnn.LayerState;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Stream;
import dev.lnrnn.TrainingPass;
import dev.lnrnn.memory.DeviceBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Good calls: arguments with which an exported method succeeds in a {@link World}. */
final class Recipes {

    private static final int X = World.STEPS * World.BATCH * (int) World.SPEC.inputSize();
    private static final int Y = World.STEPS * World.BATCH * (int) World.SPEC.hiddenSize();
    private static final int STATE = World.BATCH * (int) World.SPEC.hiddenSize();
    private static final int RECURRENT = 4 * (int) (World.SPEC.hiddenSize() * World.SPEC.hiddenSize());

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

    /** What the method is called on; null where it needs nothing. */
    @Nullable Object receiver(Executable method) {
        return MisuseFuzz.isStatic(method) ? null : world.the(method.getDeclaringClass());
    }

    /** What is not said here is good by its type alone. */
    Object[] arguments(Executable method) {
        return switch (method.getDeclaringClass().getSimpleName()) {
            case "Plan", "InferencePass", "TrainingPass", "StepPass" -> pass(method);
            case "Layer", "Streaming", "Training", "Parameters" -> layer(method);
            default -> other(method);
        };
    }

    private Object[] pass(Executable method) {
        PlanSizes sizes = world.the(Plan.class).sizes(World.STEPS, World.BATCH);
        DeviceBuffer parameters = world.parameters();
        DeviceBuffer x = floats(X);
        return switch (method.getDeclaringClass().getSimpleName() + "." + method.getName()) {
            case "Plan.initialize" -> of(world.the(Stream.class), 1L, parameters);
            case "Plan.pack" -> of(world.the(Stream.class), parameters, bytes(sizes.packedBytes()));
            case "InferencePass.run" -> of(world.packed(), x, floats(STATE), floats(STATE), floats(Y), floats(STATE),
                    floats(STATE), bytes(sizes.inferenceWorkspaceBytes()));
            case "StepPass.run" -> of(world.packed(), floats(X / World.STEPS), floats(STATE), floats(STATE),
                    bytes(sizes.stepWorkspaceBytes()));
            case "TrainingPass.setMasks" -> of(bytes(Y), bytes(RECURRENT));
            case "TrainingPass.forward" -> of(parameters, x, floats(STATE), floats(STATE), floats(Y), floats(STATE),
                    floats(STATE), bytes(sizes.reserveBytes()), bytes(sizes.trainingWorkspaceBytes()));
            case "TrainingPass.backward" -> {
                DeviceBuffer reserve = bytes(sizes.reserveBytes());
                world.the(TrainingPass.class).forward(parameters, x, null, null, null, null, null, reserve,
                        bytes(sizes.trainingWorkspaceBytes()));
                yield of(parameters, x, floats(Y), floats(STATE), floats(STATE), reserve,
                        bytes(sizes.parameterBytes()), floats(X), floats(STATE), floats(STATE),
                        bytes(sizes.backwardWorkspaceBytes()));
            }
            default -> byType(method);
        };
    }

    private Object[] layer(Executable method) {
        return switch (key(method)) {
            case "Layer.forward(float[],long,long)" -> of(new float[X], 2L, 2L);
            case "Layer.forward(float[],long,long,LayerState,long[])" ->
                    of(new float[X], 2L, 2L, world.the(LayerState.class), new long[] {1, 2});
            case "Layer.forward(double[],long,long)" -> of(new double[X], 2L, 2L);
            case "Layer.forward(double[],long,long,LayerState,long[])" ->
                    of(new double[X], 2L, 2L, world.the(LayerState.class), new long[] {1, 2});
            case "Layer.forward(MemorySegment,Sequence,MemorySegment,MemorySegment,long[],MemorySegment,"
                    + "MemorySegment,MemorySegment)" ->
                    of(host(X), World.SEQUENCE, host(STATE), host(STATE), new long[] {1, 2}, host(Y), host(STATE),
                            host(STATE));
            case "Streaming.step(float[])" -> of(new float[X / World.STEPS]);
            case "Streaming.step(float[],float[])" -> of(new float[X / World.STEPS], new float[STATE]);
            case "Training.setMasks(byte[],byte[])" -> of(new byte[Y], new byte[RECURRENT]);
            case "Training.forward(float[])" -> of(new float[X]);
            case "Training.forward(MemorySegment,MemorySegment,MemorySegment,MemorySegment,MemorySegment,"
                    + "MemorySegment)" ->
                    of(host(X), host(STATE), host(STATE), host(Y), host(STATE), host(STATE));
            case "Training.backward(float[])" -> of(new float[Y]);
            case "Training.backward(MemorySegment,MemorySegment,MemorySegment,MemorySegment,MemorySegment,"
                    + "MemorySegment,MemorySegment)" ->
                    of(host(Y), host(STATE), host(STATE), parameterHost(), host(X), host(STATE), host(STATE));
            case "Parameters.get(String)", "Parameters.getDoubles(String)" -> of("bias_l0");
            case "Parameters.set(String,float[])" -> of("bias_l0", new float[16]);
            case "Parameters.set(String,double[])" -> of("bias_l0", new double[16]);
            default -> byType(method);
        };
    }

    private Object[] other(Executable method) {
        return switch (key(method)) {
            case "DeviceBuffer.slice(long,long)" -> of(8L, 16L);
            case "PinnedArena.allocate(long,long)" -> of(100L, 16L);
            default -> byType(method);
        };
    }

    private Object[] byType(Executable method) {
        return Arrays.stream(method.getParameterTypes()).map(this::good).toArray();
    }

    private Object good(Class<?> type) {
        if (type.isEnum()) {
            return type.getEnumConstants()[0];
        }
        return switch (type.getSimpleName()) {
            case "long" -> 2L;
            case "int" -> 2;
            case "double" -> 0.25;
            case "boolean" -> true;
            case "byte" -> (byte) 1;
            case "String" -> "cpu";
            case "float[]" -> new float[STATE];
            case "double[]" -> new double[STATE];
            case "long[]" -> new long[] {1, 2};
            case "MemorySegment" -> host(16);
            case "Arena" -> world.arena();
            case "Path" -> world.file();
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

    private DeviceBuffer floats(int elements) {
        return bytes((long) elements * Float.BYTES);
    }

    private static MemorySegment host(int elements) {
        return Arena.ofAuto().allocate((long) elements * Float.BYTES, Float.BYTES);
    }

    private MemorySegment parameterHost() {
        return Arena.ofAuto().allocate(world.the(Plan.class).sizes(World.STEPS, World.BATCH).parameterBytes(), 64);
    }
}
