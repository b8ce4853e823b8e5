package dev.lnrnn.misuse;

import dev.lnrnn.DataType;
import dev.lnrnn.DeviceBuffer;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.Direction;
import dev.lnrnn.Execution;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.LoadOptions;
import dev.lnrnn.Regularization;
import dev.lnrnn.Sequence;
import dev.lnrnn.Stream;
import dev.lnrnn.Strides;
import dev.lnrnn.TestDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Array;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Values that a caller should not pass, by the type of the parameter. */
final class Values {

    private static final long[] LONGS = {
        Long.MIN_VALUE, Integer.MIN_VALUE, -1, 0, 1, 3, 1L << 31, 1L << 33, 1L << 62, Long.MAX_VALUE};
    private static final int[] INTS = {Integer.MIN_VALUE, -1, 0, 7, 1025, 1 << 30, Integer.MAX_VALUE};
    private static final double[] DOUBLES = {
        Double.NaN, Double.NEGATIVE_INFINITY, -1, -0.0, 1.5, 1e300, Double.POSITIVE_INFINITY};
    private static final String[] STRINGS = {
        "", "no such name", "cuda:99", "cpu:1", "nul\0inside", "x".repeat(10_000)};
    private static final int[] LENGTHS = {0, 1, 5, 4_099};

    private final World world;
    private final Pool pool;
    private final Random random;

    Values(World world, Pool pool, Random random) {
        this.world = world;
        this.pool = pool;
        this.random = random;
    }

    /** A wrong value for {@code type}; any value of a primitive that has no wrong ones. */
    @Nullable
    Object wrong(Class<?> type) {
        if (type == long.class) {
            return LONGS[random.nextInt(LONGS.length)];
        }
        if (type == int.class) {
            return INTS[random.nextInt(INTS.length)];
        }
        if (type == double.class) {
            return DOUBLES[random.nextInt(DOUBLES.length)];
        }
        if (type == float.class) {
            return (float) DOUBLES[random.nextInt(DOUBLES.length)];
        }
        if (type == boolean.class) {
            return random.nextBoolean();
        }
        if (type == byte.class) {
            return (byte) random.nextInt();
        }
        return random.nextInt(4) == 0 ? null : wrongObject(type);
    }

    private @Nullable Object wrongObject(Class<?> type) {
        if (type == String.class) {
            return STRINGS[random.nextInt(STRINGS.length)];
        }
        if (type == MemorySegment.class) {
            return segment();
        }
        if (type == DeviceBuffer.class) {
            return buffer();
        }
        if (type == LayerSpec.class) {
            return spec();
        }
        if (type == Regularization.class) {
            return anySpec().regularization();
        }
        if (type == Execution.class) {
            return anySpec().execution();
        }
        if (type.isEnum()) {
            return Kinds.one(random, List.of(type.getEnumConstants()));
        }
        if (type == Sequence.class) {
            return sequence();
        }
        if (type == Strides.class) {
            return new Strides(LONGS[2 + random.nextInt(8)] & Long.MAX_VALUE, random.nextInt(3));
        }
        if (type == DeviceOptions.class) {
            return new DeviceOptions(1, "no such isa");
        }
        if (type == Arena.class) {
            return new ClosedArena();
        }
        if (type == Runnable.class) {
            return work();
        }
        if (type == Path.class) {
            return random.nextBoolean() ? world.directory() : world.directory().resolve("no/such/file");
        }
        if (type == LoadOptions.class) {
            return LoadOptions.DEFAULTS.withPrefix("no such.").withConversion(random.nextBoolean());
        }
        if (type == Set.class) {
            return Collections.singleton(random.nextBoolean() ? null : "no such");
        }
        if (type == List.class) {
            return Collections.singletonList(null);
        }
        if (type == Map.class) {
            return Collections.singletonMap(null, null);
        }
        if (type.isArray()) {
            return array(type.getComponentType());
        }
        return AutoCloseable.class.isAssignableFrom(type) ? closedOrForeign(type) : null;
    }

    private @Nullable Object array(Class<?> component) {
        int length = LENGTHS[random.nextInt(LENGTHS.length)];
        Object array = Array.newInstance(component, length);
        if (array instanceof long[] longs) {
            Arrays.setAll(longs, i -> LONGS[random.nextInt(LONGS.length)]);
        }
        return array;
    }

    private MemorySegment segment() {
        return switch (random.nextInt(10)) {
            case 0 -> MemorySegment.NULL;
            case 1 -> Arena.ofAuto().allocate(1);
            case 2 -> Arena.ofAuto().allocate(4096).asSlice(1);
            case 3 -> Arena.ofAuto().allocate(4096).asReadOnly();
            case 4 -> MemorySegment.ofArray(new long[random.nextInt(600)]);
            case 5 -> new ClosedArena().segment;
            case 6 -> pool.ofAnotherThread();
            default -> Lasting.segment(random);
        };
    }

    private DeviceBuffer buffer() {
        return switch (random.nextInt(TestDevice.isCpu() ? 10 : 8)) {
            case 6 -> (DeviceBuffer) pool.closed(DeviceBuffer.class);
            case 7 -> (DeviceBuffer) pool.foreign(DeviceBuffer.class);
            case 8, 9 -> Lasting.buffer(world.device(), random);
            case 0 -> world.device().allocate(0);
            case 1 -> world.device().allocate(1);
            case 2 -> world.stranger().allocate(1 << 16);
            // A state as if it were of 16 bits itself.
            case 3 -> world.device().allocate(world.extents().state() * (long) Short.BYTES);
            case 4 -> {
                DeviceBuffer closed = world.device().allocate(1 << 16);
                closed.close();
                yield closed;
            }
            default -> {
                DeviceBuffer owner = world.device().allocate(1 << 16);
                DeviceBuffer slice = owner.slice(64, 1 << 12);
                owner.close();
                yield slice;
            }
        };
    }

    /** Another kind of layer, or one that no machine has the memory for. */
    private LayerSpec spec() {
        return switch (random.nextInt(6)) {
            case 0, 1 -> anySpec();
            case 2 -> LayerSpec.gru(3, 1 << 20).withLayers(1024);
            case 3 -> LayerSpec.lstm(1L << 40, 1L << 40);
            case 4 -> LayerSpec.lstm(1L << 40, 1);
            default -> LayerSpec.indrnn(1, 1L << 40);
        };
    }

    private LayerSpec anySpec() {
        return Kinds.any(random, List.of(DataType.values()), List.of(Direction.values()));
    }

    private Sequence sequence() {
        return switch (random.nextInt(5)) {
            case 0 -> Sequence.timeMajor(1L << 40, 1L << 40);
            case 1 -> Sequence.timeMajor(Long.MAX_VALUE, 1);
            case 2 -> Sequence.timeMajor(2, 2).withX(new Strides(Long.MAX_VALUE, Long.MAX_VALUE));
            case 3 -> Sequence.timeMajor(2, 2).withY(new Strides(1L << 62, 4));
            default -> Sequence.timeMajor(3, 5);
        };
    }

    /** What should not be captured, or not happen in a capture. */
    private Runnable work() {
        return switch (random.nextInt(5)) {
            case 0 -> () -> {
                throw new IllegalStateException("not to be captured");
            };
            case 1 -> () -> world.the(Stream.class).synchronize();
            case 2 -> () -> world.the(Stream.class).copy(world.device().allocate(8),
                    MemorySegment.ofArray(new long[1]));
            case 3 -> () -> world.the(Stream.class).capture(() -> {});
            default -> () -> World.close(random.nextBoolean() ? world.the(Stream.class) : world.device());
        };
    }

    private Object closedOrForeign(Class<?> type) {
        if (random.nextInt(4) == 0) {
            return random.nextBoolean() ? pool.closed(type) : pool.foreign(type);
        }
        Object object = random.nextBoolean() ? world.foreign(type) : world.fresh(type);
        if (random.nextBoolean()) {
            World.close(object);
        }
        return object;
    }
}
