package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a pass is given wrongly is refused by the name of the argument, one argument at a time. */
@Tag("device")
class MisuseTest {

    private static final int STEPS = 3;
    private static final int BATCH = 2;
    private static final LayerSpec SPEC = LayerSpec.lstm(5, 7).withZoneout(0.25).withDropconnect(0.25);
    private static Device device;
    private static Device stranger;
    private static Plan plan;

    /** One buffer argument: its name, the bytes it needs, and whether it may be absent. */
    private record Operand(String name, long bytes, boolean optional) {}

    /** A method of the passes that takes buffers. */
    private record Call(String name, List<Operand> operands, Consumer<DeviceBuffer[]> action) {

        /** Buffers of exactly the needed sizes, zeroed. */
        DeviceBuffer[] buffers() {
            return operands.stream().map(operand -> buffer(device, operand.bytes))
                    .toArray(DeviceBuffer[]::new);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    @BeforeAll
    static void open() {
        device = TestDevice.open();
        stranger = TestDevice.open();
        plan = device.createPlan(SPEC);
    }

    @AfterAll
    static void close() {
        device.close();
        stranger.close();
    }

    static Stream<Call> calls() {
        PlanSizes sizes = plan.sizes(STEPS, BATCH);
        dev.lnrnn.Stream stream = device.defaultStream();
        Sequence sequence = Sequence.timeMajor(STEPS, BATCH);
        Operand parameters = required("parameters", sizes.parameterBytes());
        Operand packed = required("packed", sizes.packedBytes());
        Operand x = required("x", (long) STEPS * BATCH * 5 * Float.BYTES);
        long y = (long) STEPS * BATCH * 7 * Float.BYTES;
        long state = sizes.stateBytes();
        Operand reserve = required("reserve", sizes.reserveBytes());
        Operand zoneoutMask = optional("zoneoutMask", (long) STEPS * BATCH * 7);
        Operand dropconnectMask = optional("dropconnectMask", 4 * 7 * 7);
        Operand random = optional("random", 3 * Long.BYTES);
        return Stream.of(
                new Call("initialize", List.of(parameters), b -> plan.initialize(stream, 1, b[0])),
                new Call("pack", List.of(parameters, packed), b -> plan.pack(stream, b[0], b[1])),
                new Call("inference",
                        List.of(packed, x, optional("h0", state), optional("c0", state), optional("y", y),
                                optional("hn", state), optional("cn", state),
                                required("workspace", sizes.inferenceWorkspaceBytes())),
                        b -> {
                            InferenceArguments arguments = plan.inference(sequence, stream)
                                    .h0(b[2]).c0(b[3]).y(b[4]).hn(b[5]).cn(b[6]);
                            ifGiven(b[0], arguments::packed);
                            ifGiven(b[1], arguments::x);
                            ifGiven(b[7], arguments::workspace);
                            arguments.bind().run();
                        }),
                new Call("step",
                        List.of(packed, required("x", (long) BATCH * 5 * Float.BYTES), required("h", state),
                                required("c", state), required("workspace", sizes.stepWorkspaceBytes())),
                        b -> {
                            StepArguments arguments = plan.step(BATCH, stream).c(b[3]);
                            ifGiven(b[0], arguments::packed);
                            ifGiven(b[1], arguments::x);
                            ifGiven(b[2], arguments::h);
                            ifGiven(b[4], arguments::workspace);
                            arguments.bind().run();
                        }),
                new Call("training",
                        List.of(parameters, x, zoneoutMask, dropconnectMask, random, reserve),
                        b -> training(b[0], b[1], b[2], b[3], b[4], b[5])),
                new Call("training forward",
                        List.of(parameters, x, optional("h0", state), optional("c0", state), optional("y", y),
                                optional("hn", state), optional("cn", state), reserve,
                                required("workspace", sizes.trainingWorkspaceBytes()), random),
                        b -> {
                            ForwardArguments arguments = training(b[0], b[1], null, null, b[9], b[7]).forward()
                                    .h0(b[2]).c0(b[3]).y(b[4]).hn(b[5]).cn(b[6]);
                            ifGiven(b[8], arguments::workspace);
                            arguments.bind().run();
                        }),
                new Call("training backward",
                        List.of(parameters, x, optional("dy", y), optional("dhn", state),
                                optional("dcn", state), reserve,
                                optional("gradients", sizes.gradientBytes()),
                                optional("dx", x.bytes), optional("dh0", state), optional("dc0", state),
                                required("workspace", sizes.backwardWorkspaceBytes()), random),
                        b -> {
                            BackwardArguments arguments = training(b[0], b[1], null, null, b[11], b[5]).backward()
                                    .dy(b[2]).dhn(b[3]).dcn(b[4]).gradients(b[6]).dx(b[7]).dh0(b[8]).dc0(b[9]);
                            ifGiven(b[10], arguments::workspace);
                            arguments.bind().run();
                        }));
    }

    private static TrainingPasses training(DeviceBuffer parameters, DeviceBuffer x, DeviceBuffer zoneoutMask,
            DeviceBuffer dropconnectMask, DeviceBuffer random, DeviceBuffer reserve) {
        TrainingArguments arguments = plan.training(Sequence.timeMajor(STEPS, BATCH), device.defaultStream())
                .mask(MaskKind.ZONEOUT, zoneoutMask).mask(MaskKind.DROPCONNECT, dropconnectMask).random(random);
        ifGiven(parameters, arguments::parameters);
        ifGiven(x, arguments::x);
        ifGiven(reserve, arguments::reserve);
        return arguments.bind();
    }

    private static void ifGiven(DeviceBuffer buffer, Consumer<DeviceBuffer> setter) {
        if (buffer != null) {
            setter.accept(buffer);
        }
    }

    private static TrainingPasses training() {
        PlanSizes sizes = plan.sizes(STEPS, BATCH);
        return training(buffer(device, sizes.parameterBytes()), buffer(device, STEPS * BATCH * 5 * Float.BYTES), null,
                null, null, buffer(device, sizes.reserveBytes()));
    }

    private static Operand required(String name, long bytes) {
        return new Operand(name, bytes, false);
    }

    private static Operand optional(String name, long bytes) {
        return new Operand(name, bytes, true);
    }

    private static DeviceBuffer buffer(Device owner, long bytes) {
        DeviceBuffer buffer = owner.allocate(bytes);
        owner.defaultStream().fill(buffer, (byte) 0);
        return buffer;
    }

    @ParameterizedTest
    @MethodSource("calls")
    void exactSizesAreEnough(Call call) {
        assertDoesNotThrow(() -> {
            call.action.accept(call.buffers());
            device.synchronize();
        });
    }

    @ParameterizedTest
    @MethodSource("calls")
    void aBufferThatIsTooSmall(Call call) {
        for (int i = 0; i < call.operands.size(); i++) {
            Operand operand = call.operands.get(i);
            if (operand.bytes > 0) {
                DeviceBuffer[] buffers = call.buffers();
                buffers[i] = buffer(device, operand.bytes - 1);
                String message = assertRefused(IllegalArgumentException.class, call, buffers);
                assertTrue(message.contains(operand.name), message);
                assertTrue(message.contains(Long.toString(operand.bytes)), message);
                assertTrue(message.contains(Long.toString(operand.bytes - 1)), message);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("calls")
    void aBufferOfAnotherDevice(Call call) {
        for (int i = 0; i < call.operands.size(); i++) {
            DeviceBuffer[] buffers = call.buffers();
            buffers[i] = buffer(stranger, call.operands.get(i).bytes);
            String message = assertRefused(IllegalArgumentException.class, call, buffers);
            assertTrue(message.contains(call.operands.get(i).name), message);
        }
    }

    @ParameterizedTest
    @MethodSource("calls")
    void nothingWhereSomethingIsNeeded(Call call) {
        for (int i = 0; i < call.operands.size(); i++) {
            DeviceBuffer[] buffers = call.buffers();
            buffers[i] = null;
            if (call.operands.get(i).optional) {
                assertDoesNotThrow(() -> call.action.accept(buffers), call.operands.get(i).name);
            } else if (call.name.equals("initialize") || call.name.equals("pack")) {
                String message = assertRefused(NullPointerException.class, call, buffers);
                assertEquals(call.operands.get(i).name, message);
            } else {
                String message = assertRefused(IllegalArgumentException.class, call, buffers);
                assertEquals(call.operands.get(i).name + " is missing", message);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("calls")
    void aBufferThatIsClosed(Call call) {
        for (int i = 0; i < call.operands.size(); i++) {
            DeviceBuffer[] buffers = call.buffers();
            buffers[i].close();
            String message = assertRefused(IllegalStateException.class, call, buffers);
            assertEquals("buffer of " + call.operands.get(i).bytes + " bytes on " + TestDevice.NAME + " is closed",
                    message);
        }
    }

    /** Masks are bytes and may begin anywhere. */
    @ParameterizedTest
    @MethodSource("calls")
    void aBufferBetweenElements(Call call) {
        for (int i = 0; i < call.operands.size(); i++) {
            Operand operand = call.operands.get(i);
            if (operand.bytes > 0 && !operand.name.endsWith("Mask")) {
                DeviceBuffer[] buffers = call.buffers();
                buffers[i] = buffer(device, operand.bytes + 1).slice(1, operand.bytes);
                String message = assertRefused(RuntimeException.class, call, buffers);
                assertTrue(message.contains(operand.name), message);
            }
        }
    }

    private static String assertRefused(Class<? extends Exception> type, Call call, DeviceBuffer[] buffers) {
        return assertThrows(type, () -> call.action.accept(buffers)).getMessage();
    }

    /** Reserve and packed weights are the caller's memory: at worst what is in them makes wrong results. */
    @ParameterizedTest
    @MethodSource("calls")
    void garbageInEveryBuffer(Call call) {
        Random random = new Random(1);
        for (int round = 0; round < (TestDevice.EMULATED ? 2 : 20); round++) {
            DeviceBuffer[] buffers = call.buffers();
            for (DeviceBuffer buffer : buffers) {
                byte[] garbage = new byte[(int) buffer.byteSize()];
                random.nextBytes(garbage);
                buffer.copyFrom(MemorySegment.ofArray(garbage));
            }
            assertDoesNotThrow(() -> {
                call.action.accept(buffers);
                device.synchronize();
            });
        }
    }

    @Test
    @Tag("cpu")
    void readOnlyMemoryForAResult() {
        try (Arena arena = Arena.ofConfined()) {
            long bytes = plan.sizes(STEPS, BATCH).parameterBytes();
            DeviceBuffer readOnly = DeviceBuffer.wrap(device, arena.allocate(bytes, 64).asReadOnly());
            String message = assertThrows(IllegalArgumentException.class,
                    () -> plan.initialize(device.defaultStream(), 1, readOnly)).getMessage();
            assertTrue(message.contains("parameters") && message.contains("read-only"), message);
        }
    }

    @Test
    void lengthsThatCannotBe() {
        assertMessage("lengths has 3 elements, expected 2", () -> training().setLengths(new long[] {1, 2, 3}));
        assertMessage("lengths[1] is -1, expected 0...3", () -> training().setLengths(new long[] {1, -1}));
        assertMessage("lengths[0] is 4, expected 0...3", () -> training().setLengths(new long[] {4, 0}));
    }

    @Test
    void offsetsThatCannotBe() {
        assertMessage("step is -1, expected 0...4294967293", () -> training().setOffsets(-1, 0));
        assertMessage("row is 4294967295, expected 0...4294967294",
                () -> training().setOffsets(0, 4294967295L));
    }

    /** Every two buffers of a pass, one of which it writes. */
    @Test
    void buffersThatOverlap() {
        PlanSizes sizes = plan.sizes(STEPS, BATCH);
        dev.lnrnn.Stream stream = device.defaultStream();
        DeviceBuffer packed = buffer(device, sizes.packedBytes());
        DeviceBuffer x = buffer(device, STEPS * BATCH * 7 * Float.BYTES);
        DeviceBuffer state = buffer(device, 2 * sizes.stateBytes());
        DeviceBuffer workspace = buffer(device, Math.max(sizes.packedBytes(),
                Math.max(sizes.inferenceWorkspaceBytes(), sizes.stepWorkspaceBytes())));
        InferenceArguments inference = plan.inference(Sequence.timeMajor(STEPS, BATCH), stream)
                .packed(packed).x(x).workspace(workspace);
        assertMessage("x and y overlap, but y is written", () -> inference.y(x).bind());
        assertMessage("h0 and hn overlap, but hn is written",
                () -> inference.y(null).h0(state).hn(state.slice(4, sizes.stateBytes())).bind());
        assertMessage("hn and cn overlap, but cn is written", () -> inference.h0(null).hn(state).cn(state).bind());
        assertMessage("packed and workspace overlap, but workspace is written",
                () -> inference.hn(null).cn(null).packed(workspace).bind());
        StepArguments step = plan.step(BATCH, stream).packed(packed).x(x).h(state).workspace(workspace);
        assertMessage("h and c overlap, but c is written", () -> step.c(state).bind());
        DeviceBuffer both = buffer(device, Math.max(sizes.parameterBytes(), sizes.reserveBytes()));
        assertMessage("parameters and reserve overlap, but reserve is written",
                () -> training(both, x, null, null, null, both).forward()
                        .workspace(buffer(device, sizes.trainingWorkspaceBytes())).bind());
        inference.packed(packed).h0(state).hn(state).bind().run();
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.1, 1.1, Double.NaN, Double.POSITIVE_INFINITY})
    void probabilitiesThatCannotBe(double p) {
        assertMessage("zoneout is " + p + ", expected a probability in 0...1", () -> SPEC.withZoneout(p));
        assertMessage("dropconnect is " + p + ", expected a probability in 0...1",
                () -> SPEC.withDropconnect(p));
    }

    @Test
    void sizesThatCannotBe() {
        assertMessage("inputSize is 0, expected 1...", () -> LayerSpec.lstm(0, 1));
        assertMessage("hiddenSize is -3, expected 1...", () -> LayerSpec.lstm(1, -3));
        assertMessage("epsilon is 0.0, expected", () -> SPEC.withEpsilon(0));
        assertMessage("steps is -1, expected at least 0", () -> plan.sizes(-1, 1));
        assertMessage("bytes is -1, expected at least 0", () -> device.allocate(-1));
    }

    @Test
    @Tag("cpu")
    void devicesThatAreNot() {
        assertMessage("name is \"gpu\", expected \"cpu\" or \"cuda:N\"", () -> Device.open("gpu"));
        LnrnnException refusal = assertThrows(LnrnnException.class,
                () -> Device.open("cpu", DeviceOptions.DEFAULTS.withIsa("mmx")));
        assertEquals(Status.INVALID_ARGUMENT, refusal.status());
        assertEquals("lnrnnCreate", refusal.function());
        for (String isa : device.info().isaAvailable()) {
            assertTrue(refusal.getMessage().contains(isa), refusal.getMessage());
        }
    }

    @Test
    @Tag("cpu")
    void graphsThatAreNot() {
        try (dev.lnrnn.Stream stream = device.createStream()) {
            LnrnnException refusal = assertThrows(LnrnnException.class, () -> stream.capture(() -> {}));
            assertEquals(Status.NOT_SUPPORTED, refusal.status());
            assertTrue(refusal.getMessage().contains("captures no graphs"), refusal.getMessage());
            stream.synchronize();
        }
    }

    private static void assertMessage(String expected, Runnable misuse) {
        String message = assertThrows(IllegalArgumentException.class, misuse::run).getMessage();
        assertTrue(message.contains(expected), message);
    }
}
