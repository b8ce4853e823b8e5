package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.BoundPasses.Kind;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Passes over memory of one arena or many, of every kind: the same results, and each arena is held. */
@Tag("device")
class PassArenasTest {

    /** With every mask that there is. */
    private static final LayerSpec SPEC = LayerSpec.lstm(5, 7).withLayers(2)
            .withRegularization(new Regularization(0.25, 0.25, 0.25, 0.25, false, 0.25));
    private static final int STEPS = 3;
    private static final int BATCH = 2;
    private static Device device;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
    }

    @AfterAll
    static void close() {
        device.close();
        assertEquals(LeakCheck.NOTHING, Library.usage());
    }

    /** Where buffers live; the plan lives in an arena that is shared, and its own but for the first two. */
    private enum Homes {
        ONE_SHARED, ONE_CONFINED, SHARED_EACH, CONFINED_EACH, DEVICE, AUTOMATIC_EACH, GLOBAL,
        /** Of each other kind in turn. */
        MIXED
    }

    /** Arenas of a kind, of which those that can be closed are. */
    private static final class Memory implements BiFunction<String, Long, DeviceBuffer>, AutoCloseable {
        private final Device device;
        private final Homes homes;
        private final Arena first;
        private final List<Arena> opened = new ArrayList<>();
        private int count;

        Memory(Device device, Homes homes) {
            this.device = device;
            this.homes = homes;
            this.first = opened(homes == Homes.ONE_CONFINED ? Arena.ofConfined() : Arena.ofShared());
        }

        private Arena opened(Arena arena) {
            opened.add(arena);
            return arena;
        }

        @Override
        public DeviceBuffer apply(String name, Long bytes) {
            Homes own = homes == Homes.MIXED ? Homes.values()[count++ % Homes.MIXED.ordinal()] : homes;
            return switch (own) {
                case SHARED_EACH -> device.allocate(bytes, opened(Arena.ofShared()));
                case CONFINED_EACH -> device.allocate(bytes, opened(Arena.ofConfined()));
                case DEVICE -> device.allocate(bytes);
                // Memory of the device would be freed when it is collected, or never.
                case AUTOMATIC_EACH -> host(Arena.ofAuto(), bytes);
                case GLOBAL -> host(Arena.global(), bytes);
                default -> device.allocate(bytes, first);
            };
        }

        private DeviceBuffer host(Arena arena, long bytes) {
            return TestDevice.isCpu()
                    ? DeviceBuffer.ofHost(device, arena.allocate(bytes, 64))
                    : device.allocate(bytes);
        }

        @Override
        public void close() {
            opened.forEach(Arena::close);
        }
    }

    @ParameterizedTest
    @EnumSource(Homes.class)
    void whereMemoryLivesDoesNotMatter(Homes homes) {
        try (Arena arena = Arena.ofShared(); Memory memory = new Memory(device, homes)) {
            BoundPasses expected = BoundPasses.in(arena, device, SPEC, STEPS, BATCH);
            BoundPasses passes = new BoundPasses(device, SPEC, STEPS, BATCH, memory.first, memory);
            for (Kind kind : Kind.values()) {
                assertSame(kind.name(), expected.results(kind), passes.results(kind));
            }
        }
    }

    private static void assertSame(String what, List<byte[]> expected, List<byte[]> actual) {
        assertFalse(expected.isEmpty());
        for (int i = 0; i < expected.size(); i++) {
            assertArrayEquals(expected.get(i), actual.get(i), what + ", result " + i);
        }
    }

    /** Everything in one arena but one buffer. */
    private static BoundPasses apart(Arena arena, String other, Arena others) {
        return new BoundPasses(device, SPEC, STEPS, BATCH, arena,
                (name, bytes) -> device.allocate(bytes, name.equals(other) ? others : arena));
    }

    /** The arena of all others keeps all but that one. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void everyBufferIsHeld(Kind kind) {
        for (String other : kind.buffers) {
            try (Arena arena = Arena.ofShared()) {
                Arena others = Arena.ofShared();
                BoundPasses passes = apart(arena, other, others);
                passes.of(kind).run();
                others.close();
                assertRefused("buffer of " + passes.buffer(other).byteSize() + " bytes on %s is closed",
                        passes.of(kind));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void everyConfinedBufferStaysInItsThread(Kind kind) throws InterruptedException {
        for (String other : kind.buffers) {
            try (Arena arena = Arena.ofShared(); Arena confined = Arena.ofConfined()) {
                Pass pass = apart(arena, other, confined).of(kind);
                pass.run();
                assertEquals(WrongThreadException.class, thrownInAnotherThread(pass).getClass(), other);
                pass.run();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void thePlanIsHeld(Kind kind) {
        try (Memory memory = new Memory(device, Homes.SHARED_EACH)) {
            Arena home = Arena.ofShared();
            BoundPasses passes = new BoundPasses(device, SPEC, STEPS, BATCH, home, memory);
            passes.of(kind).run();
            home.close();
            assertRefused("plan LSTM 5 to 7 on %s is closed", passes.of(kind));
        }
    }

    private static void assertRefused(String message, Runnable run) {
        assertEquals(message.formatted(TestDevice.NAME),
                assertThrows(IllegalStateException.class, run::run).getMessage());
    }

    private static Throwable thrownInAnotherThread(Runnable work) throws InterruptedException {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread thread = Thread.ofPlatform().start(() -> {
            try {
                work.run();
            } catch (Throwable e) {
                thrown.set(e);
            }
        });
        thread.join();
        assertTrue(thrown.get() != null, "nothing was thrown in the other thread");
        return thrown.get();
    }
}
