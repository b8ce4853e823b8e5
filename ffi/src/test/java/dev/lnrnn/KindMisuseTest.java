package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is right for one kind of layer and given to another. */
@Tag("device")
class KindMisuseTest {

    private static final int STEPS = 3;
    private static final int BATCH = 2;
    private static final Sequence SEQUENCE = Sequence.timeMajor(STEPS, BATCH);
    private static Device device;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    /** Passes of a plan on buffers of the right sizes, in which any of them can be replaced. */
    private static final class Passes {
        final PlanSizes sizes;
        final Plan plan;
        final DeviceBuffer parameters;
        final DeviceBuffer packed;
        final DeviceBuffer x;
        final DeviceBuffer reserve;
        final DeviceBuffer workspace;

        Passes(LayerSpec spec) {
            plan = device.createPlan(spec);
            sizes = plan.sizes(STEPS, BATCH);
            parameters = device.allocate(sizes.parameterBytes());
            packed = device.allocate(sizes.packedBytes());
            x = device.allocate(STEPS * BATCH * spec.inputSize() * spec.dataType().byteSize());
            reserve = device.allocate(sizes.reserveBytes());
            workspace = device.allocate(Math.max(sizes.inferenceWorkspaceBytes(),
                    Math.max(sizes.trainingWorkspaceBytes(), sizes.backwardWorkspaceBytes())));
        }

        TrainingArguments training() {
            return plan.training(SEQUENCE, device.defaultStream()).parameters(parameters).x(x).reserve(reserve);
        }

        void infer(DeviceBuffer h0, DeviceBuffer c0, DeviceBuffer hn, DeviceBuffer cn) {
            plan.inference(SEQUENCE, device.defaultStream()).packed(packed).x(x).h0(h0).c0(c0).hn(hn).cn(cn)
                    .workspace(workspace).bind();
        }

        void forward(DeviceBuffer h0, DeviceBuffer c0, DeviceBuffer hn, DeviceBuffer cn) {
            training().bind().forward().h0(h0).c0(c0).hn(hn).cn(cn).workspace(workspace).bind();
        }

        void backward(DeviceBuffer dhn, DeviceBuffer dcn, DeviceBuffer gradients, DeviceBuffer dh0, DeviceBuffer dc0) {
            training().bind().backward().dhn(dhn).dcn(dcn).gradients(gradients).dh0(dh0).dc0(dc0)
                    .workspace(workspace).bind();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"GRU", "INDRNN"})
    void aCWhereThereIsNone(CellType cell) {
        LayerSpec spec = LayerSpec.of(cell, 5, 7);
        Passes passes = new Passes(spec);
        DeviceBuffer state = device.allocate(passes.sizes.stateBytes());
        String refusal = " is given, expected null because cell is " + cell;
        assertRefused("c0" + refusal, () -> passes.infer(null, state, null, null));
        assertRefused("cn" + refusal, () -> passes.infer(null, null, null, state));
        assertRefused("c0" + refusal, () -> passes.forward(null, state, null, null));
        assertRefused("cn" + refusal, () -> passes.forward(null, null, null, state));
        assertRefused("dcn" + refusal, () -> passes.backward(null, state, null, null, null));
        assertRefused("dc0" + refusal, () -> passes.backward(null, null, null, null, state));
        try (Plan plan = device.createPlan(spec)) {
            StepArguments step = plan.step(BATCH, device.defaultStream()).packed(passes.packed).x(passes.x).h(state)
                    .workspace(passes.workspace);
            assertRefused("c" + refusal, () -> step.c(state).bind());
            step.c(null).bind().run();
        }
    }

    /** States and gradients of parameters are floats: a buffer of as many halves is half of what is needed. */
    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void statesAndGradientsAsIfTheyWereOfSixteenBits(DataType type) {
        LayerSpec spec = LayerSpec.lstm(5, 7).withDataType(type);
        Passes passes = new Passes(spec);
        long bytes = passes.sizes.stateBytes();
        assertEquals(BATCH * 7 * Float.BYTES, bytes);
        assertEquals(2 * passes.sizes.parameterBytes(), passes.sizes.gradientBytes());
        DeviceBuffer halves = device.allocate(bytes / 2);
        String refusal = " has " + bytes / 2 + " bytes, but " + bytes + " are needed";
        assertRefused("h0" + refusal, () -> passes.infer(halves, null, null, null));
        assertRefused("c0" + refusal, () -> passes.infer(null, halves, null, null));
        assertRefused("hn" + refusal, () -> passes.forward(null, null, halves, null));
        assertRefused("cn" + refusal, () -> passes.forward(null, null, null, halves));
        assertRefused("dhn" + refusal, () -> passes.backward(halves, null, null, null, null));
        assertRefused("dc0" + refusal, () -> passes.backward(null, null, null, null, halves));
        DeviceBuffer gradients = device.allocate(passes.sizes.parameterBytes());
        assertRefused("gradients has " + gradients.byteSize() + " bytes, but " + 2 * gradients.byteSize()
                + " are needed", () -> passes.backward(null, null, gradients, null, null));
    }

    @Test
    void statesBetweenFloats() {
        Passes passes = new Passes(LayerSpec.lstm(5, 7).withDataType(DataType.F16));
        DeviceBuffer odd = device.allocate(passes.sizes.stateBytes() + 2).slice(2, passes.sizes.stateBytes());
        assertRefused("hn begins at 0x" + Long.toHexString(odd.address()) + ", expected a multiple of 4 bytes",
                () -> passes.infer(null, null, odd, null));
    }

    @Test
    void masksThatAreNotDrawn() {
        Passes passes = new Passes(LayerSpec.lstm(5, 7));
        DeviceBuffer mask = device.allocate(1 << 16);
        for (MaskKind kind : MaskKind.values()) {
            assertThrows(IllegalArgumentException.class, () -> passes.training().mask(kind, mask).bind());
            assertThrows(IllegalArgumentException.class, () -> passes.training().bind().drawMask(kind, mask));
        }
    }

    @Test
    void stepsOfABidirectionalPlan() {
        try (Plan plan = device.createPlan(LayerSpec.lstm(5, 7).withDirection(Direction.BIDIRECTIONAL))) {
            assertRefused(
                    "direction is BIDIRECTIONAL, expected FORWARD: a reverse direction begins at the end, which a "
                            + "stream of steps does not have",
                    () -> plan.step(1, device.defaultStream()));
        }
    }

    private static void assertRefused(String message, Runnable misuse) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, misuse::run).getMessage());
    }
}
