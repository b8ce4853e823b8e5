package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Closing, in every order and while others are at work. */
@Tag("device")
class MemoryLifetimeTest {
    private static final LayerSpec SPEC = LayerSpec.lstm(8, 16);

    @AfterAll
    static void nothingLeaked() {
        assertEquals(LeakCheck.NOTHING, Library.usage());
    }

    @Test
    void deviceClosesEverythingMadeThroughIt() {
        Device device = TestDevice.open();
        Layer layer = device.createLayer(SPEC).initialize(1);
        Streaming streaming = layer.streaming(1);
        Training training = layer.training(Sequence.timeMajor(2, 1));
        Plan plan = device.createPlan(SPEC);
        Stream stream = device.createStream();
        Event event = device.createEvent();
        stream.record(event);
        device.defaultStream().await(event);
        event.synchronize();
        assertTrue(event.isDone());
        Usage usage = Library.usage();
        assertEquals(1, usage.handles());
        assertEquals(2, usage.plans());
        assertEquals(1, usage.streams());
        assertEquals(1, usage.events());
        device.close();
        assertEquals(0, Library.usage().handles());
        String name = "layer LSTM 8 to 16 on %s";
        assertClosed(name, () -> layer.forward(new float[8], 1, 1));
        assertClosed("streaming of " + name, () -> streaming.step(new float[8]));
        assertClosed("training of " + name, () -> training.forward(new float[16]));
        assertClosed("plan LSTM 8 to 16 on %s", () -> plan.sizes(1, 1));
        assertClosed("stream on %s", stream::synchronize);
        assertClosed("event on %s", event::isDone);
        for (AutoCloseable twice : new AutoCloseable[] {layer, streaming, training, plan, stream, event, device}) {
            assertDoesNotThrow(twice::close);
        }
    }

    /** As where another thread closes the memory of a training while one sets its masks. */
    @Test
    void masksThatCannotBeBoundAreFreed() {
        LayerSpec spec = SPEC.withZoneout(0.5).withDropconnect(0.5);
        try (Device device = TestDevice.open(); Layer layer = device.createLayer(spec).initialize(1)) {
            HostTraining passes = new HostTraining(layer, Sequence.timeMajor(2, 1));
            passes.close("training");
            Executable refused = () -> passes.setMask(MaskKind.DROPCONNECT, new byte[4 * 16 * 16]);
            // The first call leaves the device the pinned memory through which it copies.
            assertThrows(IllegalStateException.class, refused);
            Usage before = Library.usage();
            assertThrows(IllegalStateException.class, refused);
            assertEquals(before, Library.usage());
        }
    }

    @Test
    void defaultStreamIsNotTheCallersToClose() {
        try (Device device = TestDevice.open()) {
            assertEquals("the default stream of device " + TestDevice.NAME + " closes with its device", assertThrows(
                    IllegalStateException.class, device.defaultStream()::close).getMessage());
        }
    }

    @Test
    void passRefusesWhatIsClosedByName() {
        try (Device device = TestDevice.open()) {
            Plan plan = device.createPlan(SPEC);
            PlanSizes sizes = plan.sizes(1, 1);
            DeviceBuffer packed = device.allocate(sizes.packedBytes());
            DeviceBuffer x = device.allocate(8 * Float.BYTES);
            DeviceBuffer state = device.allocate(sizes.stateBytes());
            DeviceBuffer c = device.allocate(sizes.cellStateBytes());
            DeviceBuffer workspace = device.allocate(sizes.inferenceWorkspaceBytes() + sizes.stepWorkspaceBytes());
            Stream stream = device.createStream();
            InferenceArguments inference = plan.inference(Sequence.timeMajor(1, 1), stream)
                    .packed(packed).x(x).y(state).workspace(workspace);
            InferencePass pass = inference.bind();
            StepArguments steps = plan.step(1, device.defaultStream())
                    .packed(packed).x(x).h(state).c(c).workspace(workspace);
            StepPass step = steps.bind();
            x.close();
            assertClosed("buffer of 32 bytes on %s", pass::run);
            assertClosed("buffer of 32 bytes on %s", inference::bind);
            assertClosed("buffer of 32 bytes on %s", step::run);
            assertClosed("buffer of 32 bytes on %s", steps::bind);
            stream.close();
            assertClosed("stream on %s", pass::run);
            assertClosed("stream on %s", inference::bind);
            plan.close();
            assertClosed("plan LSTM 8 to 16 on %s", pass::run);
            pass.close();
            assertClosed("this InferencePass", pass::run);
        }
    }

    /** A step on zeros, all of it in one arena. */
    private static StepPass step(Device device, LayerSpec spec, long batch, Arena arena) {
        Plan plan = device.createPlan(spec, arena);
        PlanSizes sizes = plan.sizes(1, batch);
        return plan.step(batch, device.defaultStream())
                .packed(zeros(device, sizes.packedBytes(), arena))
                .x(zeros(device, batch * spec.inputSize() * Float.BYTES, arena))
                .h(zeros(device, sizes.stateBytes(), arena))
                .c(zeros(device, sizes.cellStateBytes(), arena))
                .workspace(zeros(device, sizes.stepWorkspaceBytes(), arena))
                .bind();
    }

    private static DeviceBuffer zeros(Device device, long bytes, Arena arena) {
        DeviceBuffer buffer = device.allocate(bytes, arena);
        buffer.copyFrom(MemorySegment.ofArray(new byte[Math.toIntExact(bytes)]));
        return buffer;
    }

    @Test
    void confinedMemoryStaysInItsThread() throws InterruptedException {
        try (Device device = TestDevice.open();
                Arena arena = Arena.ofConfined()) {
            Plan plan = device.createPlan(SPEC, arena);
            assertEquals(WrongThreadException.class, thrownInAnotherThread(() -> plan.sizes(1, 1)).getClass());
        }
    }

    private static Throwable thrownInAnotherThread(Runnable work) throws InterruptedException {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (Throwable e) {
                thrown.set(e);
            }
        });
        thread.start();
        thread.join();
        return thrown.get();
    }

    /** A thread works while another closes: the worker sees a refusal, the closer sees one or closes; nobody crashes. */
    @Test
    void closingWhileOthersWorkIsSafe() throws Throwable {
        for (int round = 0; round < (TestDevice.EMULATED ? 4 : 20); round++) {
            // One thread: more would only compete with the worker and the closer for processors.
            Device device = TestDevice.open(1);
            Plan plan = device.createPlan(SPEC);
            PlanSizes sizes = plan.sizes(50, 4);
            DeviceBuffer packed = device.allocate(sizes.packedBytes());
            DeviceBuffer x = device.allocate(50 * 4 * 8 * Float.BYTES);
            DeviceBuffer y = device.allocate(50 * 4 * 16 * Float.BYTES);
            device.defaultStream().fill(x, (byte) 0);
            device.defaultStream().fill(packed, (byte) 0);
            DeviceBuffer workspace = device.allocate(sizes.inferenceWorkspaceBytes());
            InferencePass pass = plan.inference(Sequence.timeMajor(50, 4), device.defaultStream())
                    .packed(packed).x(x).y(y).workspace(workspace).bind();
            AutoCloseable closed = round % 2 == 0 ? device : x;
            Throwable end = runUntilRefused(() -> {
                pass.run();
                device.synchronize();
            }, () -> closeUntilClosed(closed));
            assertEquals(IllegalStateException.class, end.getClass());
            assertTrue(end.getMessage().endsWith("is closed"), end::getMessage);
            closeUntilClosed(device);
        }
    }

    /** Works in another thread while this one closes; the answer is what ended the work. */
    private static Throwable runUntilRefused(Runnable work, Executable closing) throws Throwable {
        AtomicReference<Throwable> end = new AtomicReference<>();
        CountDownLatch working = new CountDownLatch(1);
        AtomicBoolean stopped = new AtomicBoolean();
        Thread worker = new Thread(() -> {
            try {
                while (!stopped.get()) {
                    work.run();
                    working.countDown();
                }
            } catch (Throwable e) {
                end.set(e);
            } finally {
                working.countDown();
            }
        });
        worker.start();
        working.await();
        try {
            closing.execute();
        } catch (Throwable e) {
            stopped.set(true);
            throw e;
        } finally {
            worker.join();
        }
        return end.get();
    }

    /** The plan's arena is all that keeps the buffers of a step: it must not close during one. */
    @Test
    void closingTheArenaOfStepsAtWorkIsSafe() throws Throwable {
        // On the CPU a call lasts as long as its step: so long that closing comes in the middle of one.
        LayerSpec spec = TestDevice.EMULATED ? SPEC : LayerSpec.lstm(64, 256);
        AtomicInteger refused = new AtomicInteger();
        try (Device device = TestDevice.open(1)) {
            for (int round = 0; round < (TestDevice.EMULATED ? 4 : 20); round++) {
                long moment = round * 50_000L;
                Arena arena = Arena.ofShared();
                StepPass step = step(device, spec, 64, arena);
                Throwable end = runUntilRefused(() -> {
                    step.run();
                    // Long enough that closing finds a moment between two steps.
                    LockSupport.parkNanos(1);
                }, () -> {
                    // The first step has just ended: later ones are met at a moment of each round's own.
                    LockSupport.parkNanos(moment);
                    refused.addAndGet(closeUntilClosed(arena));
                });
                assertEquals(IllegalStateException.class, end.getClass());
                assertTrue(end.getMessage().matches("plan LSTM .* on " + TestDevice.NAME + " is closed"),
                        end::getMessage);
            }
        }
        assertTrue(refused.get() > 0 || !TestDevice.isCpu(), "closing never came in the middle of a step");
    }

    /** What is queued keeps its memory, also where buffers, pinned memory, stream and plan are closed before. */
    @Test
    void closingWithWorkInFlightIsSafe() {
        try (Device device = TestDevice.open()) {
            float[] expected = run(device, false);
            for (int round = 0; round < 5; round++) {
                assertArrayEquals(expected, run(device, true));
            }
        }
    }

    private static float[] run(Device device, boolean closeAtOnce) {
        int steps = 20;
        int batch = 4;
        float[] y = new float[steps * batch * 16];
        try (DeviceBuffer result = device.allocate((long) y.length * Float.BYTES); Event done = device.createEvent()) {
            Arena arena = Arena.ofConfined();
            PinnedArena pinned = device.pinnedArena();
            Stream stream = device.createStream();
            Plan plan = device.createPlan(SPEC, arena);
            PlanSizes sizes = plan.sizes(steps, batch);
            DeviceBuffer parameters = device.allocate(sizes.parameterBytes(), arena);
            DeviceBuffer packed = device.allocate(sizes.packedBytes(), arena);
            DeviceBuffer workspace = device.allocate(sizes.inferenceWorkspaceBytes(), arena);
            MemorySegment host = pinned.allocate(ValueLayout.JAVA_FLOAT, steps * batch * 8);
            for (int i = 0; i < steps * batch * 8; i++) {
                host.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.sin(i));
            }
            DeviceBuffer x = device.allocate(host.byteSize(), arena);
            plan.initialize(stream, 1, parameters);
            plan.pack(stream, parameters, packed);
            stream.copy(x, host);
            plan.inference(Sequence.timeMajor(steps, batch), stream)
                    .packed(packed).x(x).y(result).workspace(workspace).bind().run();
            stream.record(done);
            if (!closeAtOnce) {
                done.synchronize();
            }
            arena.close();
            pinned.close();
            stream.close();
            // What is allocated now would take the place of what was freed.
            try (DeviceBuffer other = device.allocate(workspace.byteSize())) {
                device.defaultStream().fill(other, (byte) -1);
            }
            done.synchronize();
            result.copyTo(MemorySegment.ofArray(y));
        }
        return y;
    }

    /** How often it was refused before. */
    private static int closeUntilClosed(AutoCloseable owner) throws Exception {
        for (int refused = 0;; refused++) {
            try {
                owner.close();
                return refused;
            } catch (IllegalStateException e) {
                String message = e.getMessage();
                assertTrue(message.endsWith("is in use by a call in another thread")
                        || message.startsWith("Session is acquired by"), message);
            }
        }
    }

    /** {@code %s} in the name stands for the device's. */
    private static void assertClosed(String name, Executable code) {
        assertEquals(name.formatted(TestDevice.NAME) + " is closed",
                assertThrows(IllegalStateException.class, code).getMessage());
    }
}
