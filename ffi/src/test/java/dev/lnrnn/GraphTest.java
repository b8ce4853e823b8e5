package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is captured is not carried out, what is launched is, and a graph has all it needs for as long as it lives. */
@Tag("device")
class GraphTest {

    private static final int STEPS = 4;
    private static final int BATCH = 3;
    private static final int INPUTS = 5;
    private static final int HIDDEN = 7;
    private Device device;
    private Stream stream;

    @BeforeAll
    static void onlyWhereThereAreGraphs() {
        boolean captures = TestDevice.captures();
        if (!captures) {
            System.out.println("tests of graphs are skipped: " + TestDevice.NAME + " captures none");
        }
        assumeTrue(captures);
    }

    @BeforeEach
    void open() {
        device = TestDevice.open();
        stream = device.createStream();
    }

    @AfterEach
    void close() {
        device.close();
        assertEquals(LeakCheck.NOTHING, Library.usage());
    }

    /** An inference whose buffers are in an arena, all but y. */
    private final class Inference {
        final Plan plan;
        final PlanSizes sizes;
        final InferencePass pass;
        final DeviceBuffer packed;
        final DeviceBuffer x;
        final DeviceBuffer workspace;
        final DeviceBuffer y;

        Inference(Normalization normalization, Arena arena) {
            plan = device.createPlan(LayerSpec.lstm(INPUTS, HIDDEN).withNormalization(normalization), arena);
            sizes = plan.sizes(STEPS, BATCH);
            packed = device.allocate(sizes.packedBytes(), arena);
            x = device.allocate((long) STEPS * BATCH * INPUTS * Float.BYTES, arena);
            workspace = device.allocate(sizes.inferenceWorkspaceBytes(), arena);
            y = device.allocate((long) STEPS * BATCH * HIDDEN * Float.BYTES);
            pass = plan.inference(Sequence.timeMajor(STEPS, BATCH), stream)
                    .packed(packed).x(x).y(y).workspace(workspace).bind();
            try (DeviceBuffer parameters = device.allocate(sizes.parameterBytes())) {
                plan.initialize(stream, 1, parameters);
                plan.pack(stream, parameters, packed);
            }
            stream.synchronize();
        }

        void run() {
            pass.run();
        }

        float[] eager(float[] input) {
            x.copyFrom(MemorySegment.ofArray(input));
            run();
            return y();
        }

        float[] y() {
            stream.synchronize();
            float[] values = new float[STEPS * BATCH * HIDDEN];
            y.copyTo(MemorySegment.ofArray(values));
            return values;
        }
    }

    private static float[] input(long seed) {
        Random random = new Random(seed);
        float[] x = new float[STEPS * BATCH * INPUTS];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    @ParameterizedTest
    @EnumSource(names = {"NONE", "HASTE"})
    void aLaunchIsTheInferenceItself(Normalization normalization) {
        try (Arena arena = Arena.ofConfined(); PinnedArena pinned = device.pinnedArena()) {
            Inference inference = new Inference(normalization, arena);
            MemorySegment x = pinned.allocate(ValueLayout.JAVA_FLOAT, STEPS * BATCH * INPUTS);
            MemorySegment y = pinned.allocate(ValueLayout.JAVA_FLOAT, STEPS * BATCH * HIDDEN);
            Graph graph = stream.capture(() -> {
                stream.copy(inference.x, x);
                inference.run();
                stream.copy(y, inference.y);
            });
            for (int seed = 0; seed < 3; seed++) {
                float[] expected = inference.eager(input(seed));
                x.copyFrom(MemorySegment.ofArray(input(seed)));
                graph.launch(stream);
                stream.synchronize();
                assertArrayEquals(expected, y.toArray(ValueLayout.JAVA_FLOAT));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"NONE", "HASTE"})
    void aLaunchIsTheTrainingItself(Normalization normalization) {
        LayerSpec spec = LayerSpec.lstm(INPUTS, HIDDEN).withNormalization(normalization)
                .withZoneout(0.3).withDropconnect(0.2);
        Plan plan = device.createPlan(spec);
        PlanSizes sizes = plan.sizes(STEPS, BATCH);
        DeviceBuffer parameters = device.allocate(sizes.parameterBytes());
        plan.initialize(stream, 2, parameters);
        DeviceBuffer x = filled(input(5));
        DeviceBuffer dy = filled(new float[STEPS * BATCH * HIDDEN], 0.5f);
        DeviceBuffer reserve = device.allocate(sizes.reserveBytes());
        DeviceBuffer gradients = device.allocate(sizes.parameterBytes());
        DeviceBuffer workspace = device.allocate(
                Math.max(sizes.trainingWorkspaceBytes(), sizes.backwardWorkspaceBytes()));
        TrainingPasses pass = plan.training(Sequence.timeMajor(STEPS, BATCH), stream)
                .parameters(parameters).x(x).reserve(reserve).bind();
        ForwardPass forward = pass.forward().workspace(workspace).bind();
        BackwardPass backward = pass.backward().dy(dy).gradients(gradients).workspace(workspace).bind();
        Runnable work = () -> {
            forward.run();
            backward.run();
        };
        pass.setSeed(11);
        pass.setLengths(new long[] {STEPS, 1, 2});
        work.run();
        byte[] expected = bytes(gradients);
        Graph graph = stream.capture(work);
        // A graph keeps seed and lengths as they were.
        pass.setSeed(12);
        pass.setLengths(null);
        for (int launch = 0; launch < 2; launch++) {
            stream.fill(gradients, (byte) 1);
            graph.launch(stream);
            assertArrayEquals(expected, bytes(gradients));
        }
        work.run();
        assertFalse(Arrays.equals(expected, bytes(gradients)));
    }

    private DeviceBuffer filled(float[] values, float... value) {
        if (value.length > 0) {
            Arrays.fill(values, value[0]);
        }
        DeviceBuffer buffer = device.allocate((long) values.length * Float.BYTES);
        buffer.copyFrom(MemorySegment.ofArray(values));
        return buffer;
    }

    private byte[] bytes(DeviceBuffer buffer) {
        stream.synchronize();
        byte[] bytes = new byte[Math.toIntExact(buffer.byteSize())];
        buffer.copyTo(MemorySegment.ofArray(bytes));
        return bytes;
    }

    @Test
    void captureCarriesNothingOut() {
        DeviceBuffer buffer = device.allocate(3);
        stream.fill(buffer, (byte) 1);
        Graph graph = stream.capture(() -> stream.fill(buffer, (byte) 2));
        assertArrayEquals(new byte[] {1, 1, 1}, bytes(buffer));
        graph.launch(stream);
        assertArrayEquals(new byte[] {2, 2, 2}, bytes(buffer));
        assertSame(device, graph.device());
    }

    @Test
    void aGraphOutlivesTheArenasItUses() {
        Graph graph;
        DeviceBuffer y;
        float[] expected;
        filled(new float[1]); // what a device pins for itself, it pins now
        Usage before = Library.usage();
        Inference inference;
        try (Arena arena = Arena.ofConfined(); PinnedArena pinned = device.pinnedArena()) {
            inference = new Inference(Normalization.HASTE, arena);
            expected = inference.eager(input(1));
            MemorySegment x = pinned.allocate(ValueLayout.JAVA_FLOAT, STEPS * BATCH * INPUTS);
            x.copyFrom(MemorySegment.ofArray(input(1)));
            graph = stream.capture(() -> {
                stream.copy(inference.x, x);
                inference.run();
            });
        }
        Usage kept = Library.usage();
        assertEquals(1, kept.graphs());
        assertEquals(before.plans(), kept.plans());
        assertEquals(before.hostAllocations() + 1, kept.hostAllocations());
        assertTrue(kept.deviceBytes() >= inference.packed.byteSize() + inference.workspace.byteSize(), kept::toString);
        // What is allocated now would take the place of what was freed.
        stream.fill(device.allocate(inference.packed.byteSize()), (byte) -1);
        stream.fill(inference.y, (byte) -1);
        graph.launch(stream);
        assertArrayEquals(expected, inference.y());
        graph.launch(stream);
        graph.close();
        graph.close();
        assertArrayEquals(expected, inference.y());
        assertEquals(before.hostAllocations(), Library.usage().hostAllocations());
        assertEquals(0, Library.usage().graphs());
        assertClosed("graph on " + TestDevice.NAME, () -> graph.launch(stream));
    }

    /** Also where nothing that was captured uses it: no memory changes hands before the capture has ended. */
    @Test
    void whatIsFreedInACaptureIsFreedAfterIt() {
        DeviceBuffer result = device.allocate(8);
        long allocations = Library.usage().deviceAllocations();
        Graph graph = stream.capture(() -> {
            DeviceBuffer scratch = device.allocate(8);
            DeviceBuffer unused = device.allocate(8);
            stream.fill(scratch, (byte) 3);
            stream.copy(result, scratch);
            scratch.close();
            unused.close();
            assertEquals(allocations + 2, Library.usage().deviceAllocations());
        });
        assertEquals(allocations + 1, Library.usage().deviceAllocations());
        graph.launch(stream);
        assertArrayEquals(new byte[] {3, 3, 3, 3, 3, 3, 3, 3}, bytes(result));
        graph.close();
        assertEquals(allocations, Library.usage().deviceAllocations());
    }

    @Test
    void aSecondStreamJoinsByEvents() {
        Stream second = device.createStream();
        Event fork = device.createEvent();
        Event join = device.createEvent();
        DeviceBuffer a = device.allocate(1);
        DeviceBuffer b = device.allocate(1);
        DeviceBuffer c = device.allocate(1);
        Graph graph = stream.capture(() -> {
            stream.fill(a, (byte) 4);
            stream.record(fork);
            second.await(fork);
            second.copy(b, a);
            second.record(join);
            stream.await(join);
            stream.copy(c, b);
        });
        fork.close();
        join.close();
        second.close();
        a.close();
        b.close();
        graph.launch(device.defaultStream());
        device.synchronize();
        assertArrayEquals(new byte[] {4}, bytes(c));
    }

    @Test
    void aCaptureThatFailsLeavesAStreamThatWorks() {
        DeviceBuffer buffer = device.allocate(1);
        stream.fill(buffer, (byte) 1);
        IllegalStateException mine = new IllegalStateException("no more");
        assertSame(mine, assertThrows(IllegalStateException.class, () -> stream.capture(() -> {
            stream.fill(buffer, (byte) 2);
            throw mine;
        })));
        assertInvalidState(() -> stream.capture(stream::synchronize));
        assertInvalidState(() -> stream.capture(() -> stream.capture(() -> {})));
        Graph empty = stream.capture(() -> {});
        assertInvalidState(() -> stream.capture(() -> empty.launch(stream)));
        Plan plan = device.createPlan(LayerSpec.lstm(1, 1));
        DeviceBuffer parameters = device.allocate(plan.sizes(0, 0).parameterBytes());
        assertInvalidState(() -> stream.capture(() -> plan.initialize(stream, 1, parameters)));
        assertThrows(IllegalStateException.class,
                () -> stream.capture(() -> stream.copy(buffer, MemorySegment.ofArray(new byte[1]))));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pageable = arena.allocate(1);
            LnrnnException refusal = assertThrows(LnrnnException.class,
                    () -> stream.capture(() -> stream.copy(buffer, pageable)));
            assertEquals(Status.INVALID_ARGUMENT, refusal.status(), refusal.getMessage());
        }
        empty.close();
        assertEquals(0, Library.usage().graphs());
        assertArrayEquals(new byte[] {1}, bytes(buffer));
    }

    private static void assertInvalidState(Runnable work) {
        LnrnnException refusal = assertThrows(LnrnnException.class, work::run);
        assertEquals(Status.INVALID_STATE, refusal.status(), refusal.getMessage());
    }

    @Test
    void aStreamThatIsClosedInItsCapture() {
        Stream other = device.createStream();
        assertClosed("stream on " + TestDevice.NAME, () -> other.capture(other::close));
        stream.capture(() -> {}).launch(stream);
    }

    @Test
    void registeredMemoryThatIsNotRegisteredAnyMore() {
        DeviceBuffer buffer = device.allocate(8);
        try (Arena arena = Arena.ofShared()) {
            MemorySegment host = arena.allocate(8).fill((byte) 5);
            Registration registration = device.register(host, arena);
            Graph graph = stream.capture(() -> stream.copy(buffer, host));
            graph.launch(stream);
            assertArrayEquals(new byte[] {5, 5, 5, 5, 5, 5, 5, 5}, bytes(buffer));
            registration.close();
            assertInvalidState(() -> graph.launch(stream));
            device.register(host, arena);
            assertInvalidState(() -> graph.launch(stream));
        }
        assertEquals(0, Library.usage().registrations());
    }

    @Test
    void theDefaultStreamIsNotCaptured() {
        String message = assertThrows(IllegalStateException.class, () -> device.defaultStream().capture(() -> {}))
                .getMessage();
        assertTrue(message.contains("create a stream"), message);
    }

    @Test
    void aStreamOfAnotherDevice() {
        try (Device other = TestDevice.open()) {
            Graph graph = stream.capture(() -> {});
            assertThrows(IllegalArgumentException.class, () -> graph.launch(other.defaultStream()));
        }
    }

    @Test
    void itsDeviceClosesIt() {
        Graph graph = stream.capture(() -> {});
        device.close();
        assertClosed("graph on " + TestDevice.NAME, () -> graph.launch(stream));
    }

    private static void assertClosed(String name, Runnable use) {
        assertEquals(name + " is closed", assertThrows(IllegalStateException.class, use::run).getMessage());
    }
}
