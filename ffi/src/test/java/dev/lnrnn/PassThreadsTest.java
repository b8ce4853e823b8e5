package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.BoundPasses.Kind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What happens to a pass, its settings and its memory while another thread is in it. */
@Tag("device")
class PassThreadsTest {

    private static final LayerSpec SMALL = LayerSpec.lstm(5, 7);
    /** So much arithmetic that a run takes a few tenths of a second. */
    private static final LayerSpec LARGE = LayerSpec.lstm(256, 256);
    private static final int LARGE_STEPS = 400;
    private static final int LARGE_BATCH = 32;
    private Device device;

    @BeforeEach
    void open() {
        device = TestDevice.open(1);
    }

    @AfterEach
    void close() {
        device.close();
        assertEquals(LeakCheck.NOTHING, Library.usage());
    }

    /** A run in another thread. */
    private static final class Running {
        private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        private final Thread thread;

        /** Returns when the thread is in the native library. */
        Running(Pass pass) throws InterruptedException {
            thread = Thread.ofPlatform().start(() -> {
                try {
                    pass.run();
                } catch (Throwable e) {
                    failure.set(e);
                }
            });
            while (thread.isAlive() && Arrays.stream(thread.getStackTrace())
                    .noneMatch(frame -> frame.getClassName().endsWith(".HeldCalls"))) {
                Thread.sleep(1);
            }
            // From the binding into the library.
            Thread.sleep(20);
        }

        void end() throws InterruptedException {
            assertTrue(thread.isAlive(), "the run had ended before anything was tried");
            thread.join();
            assertNull(failure.get());
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @Tag("cpu")
    void oneArenaStaysOpen(Kind kind) throws InterruptedException {
        Arena arena = Arena.ofShared();
        Pass pass = BoundPasses.in(arena, device, LARGE, LARGE_STEPS, LARGE_BATCH).of(kind);
        warmUp(kind, arena);
        Running running = new Running(pass);
        assertThrows(IllegalStateException.class, arena::close);
        assertThrows(IllegalStateException.class, arena::close);
        running.end();
        arena.close();
        assertEquals("plan LSTM 256 to 256 on " + TestDevice.NAME + " is closed",
                assertThrows(IllegalStateException.class, pass::run).getMessage());
    }

    /** Every buffer has an arena of its own. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    @Tag("cpu")
    void severalArenasStayOpen(Kind kind) throws InterruptedException {
        BoundPasses passes = BoundPasses.apart(device, LARGE, LARGE_STEPS, LARGE_BATCH);
        warmUp(kind, null);
        Running running = new Running(passes.of(kind));
        for (String name : kind.buffers) {
            // The plan draws no masks, so that these two are not bound.
            if (!name.endsWith("Mask")) {
                DeviceBuffer buffer = passes.buffer(name);
                assertInUse("buffer of " + buffer.byteSize() + " bytes on %s", buffer::close);
            }
        }
        assertInUse("plan LSTM 256 to 256 on %s", passes.plan::close);
        running.end();
    }

    /** With nothing that is not in use: to free that, a device would wait for the run. */
    @Test
    @Tag("cpu")
    void aDeviceStaysOpen() throws InterruptedException {
        warmUp(Kind.INFERENCE, null);
        try (Device own = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(1))) {
            Plan plan = own.createPlan(LARGE);
            PlanSizes sizes = plan.sizes(LARGE_STEPS, LARGE_BATCH);
            DeviceBuffer x = own.allocate(LARGE_STEPS * LARGE_BATCH * LARGE.inputSize() * Float.BYTES);
            DeviceBuffer packed = own.allocate(sizes.packedBytes());
            own.defaultStream().fill(x, (byte) 0);
            own.defaultStream().fill(packed, (byte) 0);
            Running running = new Running(plan.inference(Sequence.timeMajor(LARGE_STEPS, LARGE_BATCH),
                    own.defaultStream()).packed(packed).x(x)
                    .workspace(own.allocate(sizes.inferenceWorkspaceBytes())).bind());
            assertThrows(IllegalStateException.class, own::close);
            running.end();
            own.close();
            assertFalse(x.isAlive());
        }
    }

    /** Of a confined arena only the thread that is in the run could close it. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    @Tag("cpu")
    void aConfinedArenaStaysOpen(Kind kind) throws Exception {
        AtomicReference<Arena> arena = new AtomicReference<>();
        try (ExecutorService thread = Executors.newSingleThreadExecutor()) {
            Pass pass = thread.submit(() -> {
                arena.set(Arena.ofConfined());
                return BoundPasses.in(arena.get(), device, LARGE, LARGE_STEPS, LARGE_BATCH).of(kind);
            }).get();
            Future<?> run = thread.submit(pass);
            Thread.sleep(20);
            assertThrows(WrongThreadException.class, () -> arena.get().close());
            assertThrows(WrongThreadException.class, pass::run);
            run.get();
            thread.submit(() -> arena.get().close()).get();
            assertThrows(IllegalStateException.class, pass::run);
        }
    }

    private static void assertInUse(String name, Runnable close) {
        assertEquals(name.formatted(TestDevice.NAME) + " is in use by a call in another thread",
                assertThrows(IllegalStateException.class, close::run).getMessage());
    }

    /** A binding is linked by its first call, which would be a long way into the library. */
    private void warmUp(Kind kind, @Nullable Arena arena) {
        (arena == null ? BoundPasses.apart(device, SMALL, 1, 1) : BoundPasses.in(arena, device, SMALL, 1, 1))
                .of(kind).run();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @Tag("cpu")
    void aPassThatIsClosedIsRunToItsEnd(Kind kind) throws InterruptedException {
        try (Arena arena = Arena.ofShared()) {
            BoundPasses expected = BoundPasses.in(arena, device, LARGE, LARGE_STEPS, LARGE_BATCH);
            List<byte[]> results = expected.results(kind);
            BoundPasses passes = BoundPasses.in(arena, device, LARGE, LARGE_STEPS, LARGE_BATCH);
            if (kind == Kind.BACKWARD) {
                passes.of(Kind.FORWARD).run();
            }
            Pass pass = passes.of(kind);
            Running running = new Running(pass);
            pass.close();
            pass.close();
            assertClosed(pass);
            running.end();
            List<byte[]> written = passes.written(kind);
            for (int i = 0; i < results.size(); i++) {
                assertArrayEquals(results.get(i), written.get(i));
            }
        }
    }

    @Test
    void whatIsClosedRefusesEverything() {
        try (Arena arena = Arena.ofShared()) {
            BoundPasses passes = BoundPasses.in(arena, device, SMALL, 3, 2);
            InferencePass inference = (InferencePass) passes.of(Kind.INFERENCE);
            inference.close();
            assertClosed(inference);
            assertThrows(IllegalStateException.class, () -> inference.setLengths(null));
            BackwardPass backward = (BackwardPass) passes.of(Kind.BACKWARD);
            passes.training.close();
            passes.training.close();
            String message = "this TrainingPasses is closed";
            for (Runnable use : List.<Runnable>of(backward, passes.of(Kind.FORWARD), passes.training::forward,
                    passes.training::backward, () -> passes.training.setSeed(1), () -> passes.training.setLengths(null),
                    () -> passes.training.setOffsets(0, 0), () -> backward.setAccumulate(true))) {
                assertEquals(message, assertThrows(IllegalStateException.class, use::run).getMessage());
            }
        }
    }

    private static void assertClosed(Pass pass) {
        assertEquals("this " + pass.getClass().getSimpleName() + " is closed",
                assertThrows(IllegalStateException.class, pass::run).getMessage());
    }

    @Test
    void passesOfOneBindingAreIndependent() {
        try (Arena arena = Arena.ofShared(); Arena other = Arena.ofShared()) {
            BoundPasses passes = BoundPasses.in(arena, device, SMALL, 3, 2);
            byte[] expected = passes.results(Kind.INFERENCE).getFirst();
            InferencePass first = passes.inferenceArguments.bind();
            DeviceBuffer y = device.allocate(expected.length, other);
            InferencePass second = passes.inferenceArguments.y(y).bind();
            first.setLengths(new long[] {0, 0});
            first.run();
            second.run();
            byte[] written = new byte[expected.length];
            y.copyTo(MemorySegment.ofArray(written));
            assertArrayEquals(expected, written);
            assertArrayEquals(new byte[expected.length], passes.bytes("y"));
            first.close();
            second.run();
        }
    }

    @Test
    void severalThreadsBindAndRun() throws Exception {
        try (Arena arena = Arena.ofShared(); ExecutorService threads = Executors.newFixedThreadPool(4)) {
            BoundPasses passes = BoundPasses.in(arena, device, SMALL, 3, 2);
            byte[] expected = passes.results(Kind.INFERENCE).getFirst();
            Callable<@Nullable Void> bindAndRun = () -> {
                for (int i = 0; i < (TestDevice.EMULATED ? 3 : 200); i++) {
                    passes.inferenceArguments.bind().run();
                    passes.of(Kind.INFERENCE).run();
                }
                return null;
            };
            for (Future<?> end : threads.invokeAll(List.of(bindAndRun, bindAndRun, bindAndRun, bindAndRun))) {
                end.get();
            }
            device.synchronize();
            assertArrayEquals(expected, passes.bytes("y"));
        }
    }

    /** Each result is that of settings as they were before or after a change, never of half of one. */
    @Test
    void aRunSeesAllOfAChangeOrNothing() throws Exception {
        try (Arena arena = Arena.ofShared(); ExecutorService thread = Executors.newSingleThreadExecutor()) {
            int batch = 64;
            BoundPasses passes = BoundPasses.in(arena, device, SMALL, 2, batch);
            InferencePass inference = (InferencePass) passes.of(Kind.INFERENCE);
            List<long[]> lengths = new ArrayList<>();
            Map<Integer, long[]> known = new HashMap<>();
            for (long length = 0; length <= 2; length++) {
                long[] all = new long[batch];
                Arrays.fill(all, length);
                lengths.add(all);
                inference.setLengths(all);
                inference.run();
                device.synchronize();
                known.put(Arrays.hashCode(passes.bytes("y")), all);
            }
            assertEquals(3, known.size());
            AtomicBoolean stopped = new AtomicBoolean();
            Future<?> changes = thread.submit(() -> {
                for (int i = 0; !stopped.get(); i++) {
                    inference.setLengths(lengths.get(i % 3));
                }
            });
            for (int run = 0; run < (TestDevice.EMULATED ? 5 : 2000); run++) {
                inference.run();
                device.synchronize();
                assertTrue(known.containsKey(Arrays.hashCode(passes.bytes("y"))), "a run of mixed lengths");
            }
            stopped.set(true);
            changes.get();
        }
    }

    /** The same of seeds, for passes that share them. */
    @Test
    void aRunDrawsFromOneSeed() throws Exception {
        try (Arena arena = Arena.ofShared(); ExecutorService thread = Executors.newSingleThreadExecutor()) {
            BoundPasses passes = BoundPasses.in(arena, device, SMALL, 2, 4);
            Plan plan = device.createPlan(SMALL.withZoneout(0.5), arena);
            PlanSizes sizes = plan.sizes(2, 4);
            TrainingPasses training = plan.training(Sequence.timeMajor(2, 4), device.defaultStream())
                    .parameters(passes.buffer("parameters")).x(passes.buffer("x"))
                    .reserve(device.allocate(sizes.reserveBytes(), arena)).bind();
            ForwardPass forward = training.forward().y(passes.buffer("y"))
                    .workspace(device.allocate(sizes.trainingWorkspaceBytes(), arena)).bind();
            // Words of which a half each would be a third seed, with other masks.
            long[] seeds = {0, -1};
            Map<Integer, Long> known = new HashMap<>();
            for (long seed : seeds) {
                training.setSeed(seed);
                forward.run();
                device.synchronize();
                known.put(Arrays.hashCode(passes.bytes("y")), seed);
            }
            assertEquals(2, known.size());
            AtomicBoolean stopped = new AtomicBoolean();
            Future<?> changes = thread.submit(() -> {
                for (int i = 0; !stopped.get(); i++) {
                    training.setSeed(seeds[i % 2]);
                }
            });
            for (int run = 0; run < (TestDevice.EMULATED ? 5 : 2000); run++) {
                forward.run();
                device.synchronize();
                assertTrue(known.containsKey(Arrays.hashCode(passes.bytes("y"))), "a run of another seed");
            }
            stopped.set(true);
            changes.get();
        }
    }
}
