package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What is closed stays closed and says its name, what is in use stays open, a device leaves nothing. */
@Tag("device")
class LifetimeTest {

    private static final LayerSpec SPEC = LayerSpec.lstm(3, 4);
    private static final Usage NOTHING = LeakCheck.NOTHING;
    private Device device;

    @BeforeEach
    void open() {
        device = TestDevice.open(1);
    }

    @AfterEach
    void close() {
        device.close();
        assertEquals(NOTHING, Library.usage());
    }

    @Test
    void aDevice() {
        device.close();
        device.close();
        assertClosed("device %s is closed", () -> device.allocate(64));
        assertClosed("device %s is closed", device::createStream);
        assertClosed("device %s is closed", device::createEvent);
        assertClosed("device %s is closed", device::synchronize);
        assertClosed("device %s is closed", device::pinnedArena);
        try (Arena arena = Arena.ofShared()) {
            assertClosed("device %s is closed", () -> device.register(arena.allocate(8), arena));
        }
        assertClosed("device %s is closed", () -> device.createPlan(SPEC));
        assertClosed("device %s is closed", () -> device.createLayer(SPEC));
    }

    @Test
    void aBuffer() {
        DeviceBuffer buffer = device.allocate(64);
        DeviceBuffer part = buffer.slice(16, 16);
        DeviceBuffer other = device.allocate(64);
        buffer.close();
        buffer.close();
        assertFalse(buffer.isAlive());
        MemorySegment host = MemorySegment.ofArray(new byte[16]);
        assertClosed("buffer of 64 bytes on %s is closed", () -> buffer.copyFrom(host));
        assertClosed("buffer of 64 bytes on %s is closed", () -> buffer.copyTo(host));
        assertClosed("buffer of 64 bytes on %s is closed", () -> buffer.slice(0, 1));
        assertClosed("buffer of 64 bytes on %s is closed", () -> device.defaultStream().copy(other, buffer));
        assertClosed("buffer of 64 bytes on %s is closed",
                () -> device.defaultStream().fill(buffer, (byte) 1));
        assertClosed("buffer of 16 bytes on %s is closed", () -> part.copyTo(host));
    }

    @Test
    void aStream() {
        Stream stream = device.createStream();
        Event event = device.createEvent();
        DeviceBuffer buffer = device.allocate(64);
        stream.close();
        stream.close();
        assertClosed("stream on %s is closed", stream::synchronize);
        assertClosed("stream on %s is closed", () -> stream.record(event));
        assertClosed("stream on %s is closed", () -> stream.await(event));
        assertClosed("stream on %s is closed", () -> stream.fill(buffer, (byte) 0));
        assertClosed("stream on %s is closed", () -> stream.capture(() -> {}));
        IllegalStateException refusal =
                assertThrows(IllegalStateException.class, () -> device.defaultStream().close());
        assertTrue(refusal.getMessage().contains("default stream"), refusal.getMessage());
    }

    @Test
    void anEvent() {
        Event event = device.createEvent();
        Event end = device.createEvent();
        assertTrue(event.isDone());
        event.close();
        event.close();
        assertClosed("event on %s is closed", event::isDone);
        assertClosed("event on %s is closed", event::synchronize);
        assertClosed("event on %s is closed", () -> end.elapsedMilliseconds(event));
        assertClosed("event on %s is closed", () -> device.defaultStream().record(event));
    }

    @Test
    void aPlanAndItsPasses() {
        Plan plan = device.createPlan(SPEC);
        PlanSizes sizes = plan.sizes(1, 1);
        StepArguments arguments = plan.step(1, device.defaultStream())
                .packed(device.allocate(sizes.packedBytes())).x(device.allocate(12))
                .h(device.allocate(sizes.stateBytes())).c(device.allocate(sizes.cellStateBytes()))
                .workspace(device.allocate(sizes.stepWorkspaceBytes()));
        StepPass pass = arguments.bind();
        StepPass closedPass = arguments.bind();
        closedPass.close();
        closedPass.close();
        assertClosed("this StepPass is closed", closedPass);
        plan.close();
        plan.close();
        String name = "plan LSTM 3 to 4 on %s is closed";
        assertClosed(name, pass);
        assertClosed(name, arguments::bind);
        assertClosed(name, () -> plan.sizes(1, 1));
        assertClosed(name, () -> plan.step(1, device.defaultStream()));
        DeviceBuffer parameters = device.allocate(sizes.parameterBytes());
        assertClosed(name, () -> plan.initialize(device.defaultStream(), 1, parameters));
    }

    @Test
    void masksThatWereClosedAfterTheyWereBound() {
        Plan plan = device.createPlan(SPEC.withZoneout(0.5));
        PlanSizes sizes = plan.sizes(1, 1);
        DeviceBuffer mask = device.allocate(4);
        TrainingPasses training = plan.training(Sequence.timeMajor(1, 1), device.defaultStream())
                .parameters(device.allocate(sizes.parameterBytes())).x(device.allocate(12)).mask(MaskKind.ZONEOUT, mask)
                .reserve(device.allocate(sizes.reserveBytes())).bind();
        ForwardArguments arguments =
                training.forward().workspace(device.allocate(sizes.trainingWorkspaceBytes()));
        ForwardPass pass = arguments.bind();
        mask.close();
        assertClosed("buffer of 4 bytes on %s is closed", pass);
        assertClosed("buffer of 4 bytes on %s is closed", arguments::bind);
    }

    @Test
    void aLayerAndWhatItGave() {
        Layer layer = device.createLayer(SPEC).initialize(1);
        Streaming streaming = layer.streaming(1);
        Training training = layer.training(Sequence.timeMajor(1, 1));
        streaming.close();
        streaming.close();
        assertThrows(IllegalStateException.class, () -> streaming.step(new float[3]));
        training.close();
        training.close();
        assertThrows(IllegalStateException.class, () -> training.forward(new float[3]));
        Streaming orphan = layer.streaming(1);
        layer.close();
        layer.close();
        List<Runnable> uses = List.of(
                () -> layer.forward(new float[3], 1, 1),
                () -> layer.initialize(2),
                () -> layer.streaming(1),
                () -> orphan.step(new float[3]),
                () -> layer.parameters().get("bias_l0"));
        for (Runnable use : uses) {
            String message = assertThrows(IllegalStateException.class, use::run).getMessage();
            assertTrue(message.endsWith("is closed"), message);
        }
    }

    @Test
    void aLayerWithoutParameters() {
        Layer layer = device.createLayer(SPEC);
        String message = assertThrows(IllegalStateException.class,
                () -> layer.forward(new float[3], 1, 1)).getMessage();
        assertTrue(message.contains("initialize"), message);
    }

    @Test
    void aDeviceClosesWhatItOwns() {
        device.createStream();
        device.createEvent();
        device.allocate(1000);
        device.createPlan(SPEC);
        device.createLayer(SPEC).initialize(1).training(Sequence.timeMajor(2, 2)).forward(new float[12]);
        device.pinnedArena().allocate(100, 8);
        Usage usage = Library.usage();
        assertEquals(1, usage.handles());
        assertTrue(usage.plans() >= 2 && usage.streams() >= 1 && usage.events() == 1, usage.toString());
        assertTrue(usage.deviceBytes() >= 1000 && usage.hostBytes() >= 100, usage.toString());
        device.close();
        assertEquals(NOTHING, Library.usage());
    }

    @Test
    void memoryInAnArenaOutlivesItsDevice() {
        try (Arena arena = Arena.ofConfined()) {
            DeviceBuffer buffer = device.allocate(64, arena);
            Plan plan = device.createPlan(SPEC, arena);
            device.close();
            assertTrue(buffer.isAlive());
            assertClosed("device %s is closed", () -> device.defaultStream().fill(buffer, (byte) 1));
            assertEquals(SPEC, plan.spec());
        }
        assertEquals(NOTHING, Library.usage());
    }

    @Test
    @Tag("cpu")
    void borrowedHostMemory() {
        DeviceBuffer borrowed;
        try (Arena arena = Arena.ofShared()) {
            borrowed = DeviceBuffer.wrap(device, arena.allocate(64));
            borrowed.close();
            assertTrue(borrowed.isAlive(), "closing a borrowed buffer leaves the memory alone");
        }
        assertClosed("buffer of 64 bytes on %s is closed",
                () -> device.defaultStream().fill(borrowed, (byte) 1));
    }

    @Test
    void pinnedMemory() {
        PinnedArena pinned = device.pinnedArena();
        MemorySegment segment = pinned.allocate(64, 64);
        DeviceBuffer buffer = device.allocate(64);
        pinned.close();
        pinned.close();
        assertClosed("pinned arena on %s is closed", () -> pinned.allocate(1, 1));
        assertThrows(IllegalStateException.class, () -> buffer.copyFrom(segment));
        assertThrows(IllegalStateException.class, () -> segment.fill((byte) 0));
    }

    /** {@code %s} in the message stands for the device's name. */
    private static void assertClosed(String message, Runnable use) {
        assertEquals(message.formatted(TestDevice.NAME),
                assertThrows(IllegalStateException.class, use::run).getMessage());
    }
}
