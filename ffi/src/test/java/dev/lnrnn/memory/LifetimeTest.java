package dev.lnrnn.memory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.Device;
import dev.lnrnn.Event;
import dev.lnrnn.InferencePass;
import dev.lnrnn.Layer;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.LeakCheck;
import dev.lnrnn.Library;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Sequence;
import dev.lnrnn.StepPass;
import dev.lnrnn.Stream;
import dev.lnrnn.Streaming;
import dev.lnrnn.TestDevice;
import dev.lnrnn.Training;
import dev.lnrnn.Usage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Closing, in every order and while others are at work. */
@Tag("device")
class LifetimeTest {
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
            DeviceBuffer c = device.allocate(sizes.stateBytes());
            DeviceBuffer workspace = device.allocate(sizes.inferenceWorkspaceBytes() + sizes.stepWorkspaceBytes());
            Stream stream = device.createStream();
            InferencePass pass = plan.inferencePass(Sequence.timeMajor(1, 1), stream);
            StepPass step = plan.stepPass(1, device.defaultStream());
            Executable run = () -> pass.run(packed, x, null, null, state, null, null, workspace);
            x.close();
            assertClosed("buffer of 32 bytes on %s", run);
            assertClosed("buffer of 32 bytes on %s", () -> step.run(packed, x, state, c, workspace));
            stream.close();
            assertClosed("stream on %s", run);
            plan.close();
            assertClosed("plan LSTM 8 to 16 on %s", run);
            pass.close();
            assertClosed("this InferencePass", run);
        }
    }

    @Test
    void confinedMemoryStaysInItsThread() throws InterruptedException {
        try (Device device = TestDevice.open();
                Arena arena = Arena.ofConfined()) {
            Plan plan = device.createPlan(SPEC, arena);
            AtomicReference<Throwable> refusal = new AtomicReference<>();
            Thread thread = new Thread(() -> {
                try {
                    plan.sizes(1, 1);
                } catch (Throwable e) {
                    refusal.set(e);
                }
            });
            thread.start();
            thread.join();
            assertEquals(WrongThreadException.class, refusal.get().getClass());
        }
    }

    /** A thread works while another closes: the worker sees a refusal, the closer sees one or closes; nobody crashes. */
    @Test
    void closingWhileOthersWorkIsSafe() throws Exception {
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
            InferencePass pass = plan.inferencePass(Sequence.timeMajor(50, 4), device.defaultStream());
            AtomicReference<RuntimeException> end = new AtomicReference<>();
            CountDownLatch working = new CountDownLatch(1);
            Thread worker = new Thread(() -> {
                try {
                    while (true) {
                        pass.run(packed, x, null, null, y, null, null, workspace);
                        device.synchronize();
                        working.countDown();
                    }
                } catch (RuntimeException e) {
                    end.set(e);
                }
            });
            worker.start();
            working.await();
            closeUntilClosed(round % 2 == 0 ? device : x);
            worker.join();
            assertEquals(IllegalStateException.class, end.get().getClass());
            assertTrue(end.get().getMessage().endsWith("is closed"), end.get()::getMessage);
            closeUntilClosed(device);
        }
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
            InferencePass pass = plan.inferencePass(Sequence.timeMajor(steps, batch), stream);
            pass.run(packed, x, null, null, result, null, null, workspace);
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

    private static void closeUntilClosed(AutoCloseable owner) throws Exception {
        while (true) {
            try {
                owner.close();
                return;
            } catch (IllegalStateException e) {
                assertTrue(e.getMessage().endsWith("is in use by a call in another thread"), e::getMessage);
            }
        }
    }

    /** {@code %s} in the name stands for the device's. */
    private static void assertClosed(String name, Executable code) {
        assertEquals(name.formatted(TestDevice.NAME) + " is closed",
                assertThrows(IllegalStateException.class, code).getMessage());
    }
}
