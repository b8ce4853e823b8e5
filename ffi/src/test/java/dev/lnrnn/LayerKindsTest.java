package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lnrnn.oracle.Problem;
import dev.lnrnn.oracle.Slice;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Arrays give what the passes give, to the bit, for every cell, normalisation, shape and type. */
@Tag("device")
class LayerKindsTest {

    private static final int STEPS = 5;
    private static final int BATCH = 3;
    private static final int INPUTS = 4;
    private static final int HIDDEN = 6;
    private static Device device;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    static List<LayerSpec> kinds() {
        return Variants.drawn(INPUTS, HIDDEN).stream()
                .flatMap(spec -> Stream.of(DataType.values()).map(spec::withDataType))
                .toList();
    }

    static List<LayerSpec> forwardKinds() {
        return kinds().stream().filter(spec -> spec.direction() == Direction.FORWARD).toList();
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void forward(LayerSpec spec) {
        Problem problem = Problem.random(spec, STEPS, BATCH, 31).withLengths(5, 0, 2).inference();
        try (Layer layer = Layers.of(device, problem)) {
            Accuracy.assertSameBits(spec.toString(), forward(layer, problem), Run.results(device, problem));
        }
    }

    private static Map<String, double[]> forward(Layer layer, Problem problem) {
        double[] h0 = problem.tensor("h0");
        double[] c0 = problem.hasCell() ? problem.tensor("c0") : null;
        Map<String, double[]> results = new HashMap<>();
        if (Layers.isDouble(problem)) {
            LayerOutput output = layer.forward(
                    problem.tensor("x"), STEPS, BATCH, new DoubleLayerState(h0, c0), problem.lengths());
            results.put("y", output.yDoubles());
            results.put("hn", output.stateDoubles().h());
            results.put("cn", output.stateDoubles().c());
        } else {
            LayerState initial = new LayerState(Layers.floats(h0), c0 == null ? null : Layers.floats(c0));
            LayerOutput output = layer.forward(
                    Layers.floats(problem.tensor("x")), STEPS, BATCH, initial, problem.lengths());
            results.put("y", Layers.doubles(output.y()));
            results.put("hn", Layers.doubles(output.state().h()));
            float[] c = output.state().c();
            results.put("cn", c == null ? null : Layers.doubles(c));
        }
        if (!problem.hasCell()) {
            assertNull(results.remove("cn"));
        }
        return results;
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void training(LayerSpec spec) {
        Problem problem = fromZero(Problem.random(spec, STEPS, BATCH, 32));
        Map<String, double[]> expected = Run.results(device, problem);
        try (Layer layer = Layers.of(device, problem);
                Training training = layer.training(Sequence.timeMajor(STEPS, BATCH))) {
            training.setSeed(problem.seed());
            if (Layers.isDouble(problem)) {
                assertArrayEquals(expected.get("y"), training.forward(problem.tensor("x")));
                training.backward(problem.tensor("dy"));
            } else {
                assertArrayEquals(Layers.floats(expected.get("y")),
                        training.forward(Layers.floats(problem.tensor("x"))));
                training.backward(Layers.floats(problem.tensor("dy")));
            }
            assertEquals(problem.parameters(), layer.parameters().names());
            for (String name : problem.parameters()) {
                double[] gradient = Layers.isDouble(problem)
                        ? training.gradientDoubles(name)
                        : Layers.doubles(training.gradient(name));
                assertArrayEquals(expected.get("grad." + name), gradient, name);
            }
        }
    }

    private static Problem fromZero(Problem problem) {
        for (String state : problem.hasCell() ? List.of("h0", "c0", "dhn", "dcn") : List.of("h0", "dhn")) {
            problem = problem.with(state, new double[problem.tensor(state).length]);
        }
        return problem;
    }

    @ParameterizedTest
    @MethodSource("forwardKinds")
    void streaming(LayerSpec spec) {
        Problem problem = Problem.random(spec, STEPS, BATCH, 33).inference();
        try (Layer layer = Layers.of(device, problem); Streaming streaming = layer.streaming(BATCH)) {
            Accuracy.assertSameBits(spec.toString(),
                    streaming(streaming, problem), Stepwise.results(device, problem, device::allocate));
        }
    }

    private static Map<String, double[]> streaming(Streaming streaming, Problem problem) {
        double[] h0 = problem.tensor("h0");
        double[] c0 = problem.hasCell() ? problem.tensor("c0") : null;
        boolean doubles = Layers.isDouble(problem);
        if (doubles) {
            streaming.setState(new DoubleLayerState(h0, c0));
        } else {
            streaming.setState(new LayerState(Layers.floats(h0), c0 == null ? null : Layers.floats(c0)));
        }
        int stepOutputs = BATCH * problem.outputs();
        double[] y = new double[STEPS * stepOutputs];
        for (int t = 0; t < STEPS; t++) {
            double[] x = Slice.of(problem.tensor("x"), STEPS, BATCH, t, t + 1, 0, BATCH);
            double[] h = doubles ? streaming.step(x) : Layers.doubles(streaming.step(Layers.floats(x)));
            System.arraycopy(h, 0, y, t * stepOutputs, stepOutputs);
        }
        Map<String, double[]> results = new HashMap<>();
        results.put("y", y);
        results.put("hn", doubles ? streaming.stateDoubles().h() : Layers.doubles(streaming.state().h()));
        if (c0 != null) {
            results.put("cn", doubles ? streaming.stateDoubles().c() : Layers.doubles(streaming.state().c()));
        }
        return results;
    }

    /** The largest that still rounds to a finite F16, a tie, and what is no number of its own. */
    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void roundingToSixteenBits(DataType type) {
        float[] values = {type == DataType.F16 ? 65519 : 1e30f, -1e-30f, 1 + 0x1p-9f, 1 + 0x1p-12f, Float.NaN,
            Float.NEGATIVE_INFINITY};
        float[] expected = type == DataType.F16
                ? new float[] {65504, -0f, 1 + 0x1p-9f, 1, Float.NaN, Float.NEGATIVE_INFINITY}
                : new float[] {0x1.94p99f, -0x1.44p-100f, 1, 1, Float.NaN, Float.NEGATIVE_INFINITY};
        try (Layer layer = device.createLayer(LayerSpec.indrnn(1, values.length).withDataType(type))) {
            layer.parameters().set("weight_ih_l0", values);
            assertArrayEquals(expected, layer.parameters().get("weight_ih_l0"));
        }
    }

    @Test
    void aStateThatTheCellDoesNotHave() {
        try (Layer gru = device.createLayer(LayerSpec.gru(INPUTS, HIDDEN)).initialize(1);
                Streaming streaming = gru.streaming(1)) {
            LayerState withCell = new LayerState(new float[HIDDEN], new float[HIDDEN]);
            assertRefused("c0 is given, expected null because cell is GRU",
                    () -> gru.forward(new float[INPUTS], 1, 1, withCell, null));
            assertRefused("c is given, expected null because cell is GRU", () -> streaming.setState(withCell));
        }
    }

    @Test
    void stepsOfABidirectionalLayer() {
        LayerSpec spec = LayerSpec.gru(INPUTS, HIDDEN).withDirection(Direction.BIDIRECTIONAL);
        try (Layer layer = device.createLayer(spec).initialize(1)) {
            assertRefused(
                    "direction is BIDIRECTIONAL, expected FORWARD: a reverse direction begins at the end, which a "
                            + "stream of steps does not have",
                    () -> layer.streaming(1));
        }
    }

    @Test
    void masksThatAreNotDrawn() {
        try (Layer layer = device.createLayer(LayerSpec.lstm(INPUTS, HIDDEN)).initialize(1);
                Training training = layer.training(Sequence.timeMajor(1, 1))) {
            assertRefused("zoneoutMask is given, expected null where zoneout is 0",
                    () -> training.setMask(MaskKind.ZONEOUT, new byte[HIDDEN]));
            assertRefused("dropconnectMask is given, expected null where dropconnect is 0",
                    () -> training.setMask(MaskKind.DROPCONNECT, new byte[4 * HIDDEN * HIDDEN]));
            training.forward(new float[INPUTS]);
            assertRefused("kind is DROPOUT_CANDIDATE, but dropoutCandidate is 0: no such mask is drawn",
                    () -> training.mask(MaskKind.DROPOUT_CANDIDATE));
        }
    }

    private static void assertRefused(String message, Runnable misuse) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, misuse::run).getMessage());
    }
}
