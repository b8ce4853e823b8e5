package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.oracle.FiniteDifferences;
import dev.lnrnn.oracle.Oracle;
import dev.lnrnn.oracle.Problem;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sizes, numbers and probabilities at the ends of their ranges. */
@Tag("device")
class EdgesTest {

    private static final Accuracy DIFFERENCES = new Accuracy(1e-12, 1e-6);
    /** None, one of each product, and one of their sum, whose cell is carried. */
    private static final List<Normalization> NORMALIZATIONS =
            List.of(Normalization.NONE, Normalization.HASTE, Normalization.PER_GATE_CARRY);
    private static Device device;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    static Stream<Arguments> variants() {
        return NORMALIZATIONS.stream().flatMap(
                normalization -> Stream.of(DataType.F32, DataType.F64).map(type -> Arguments.of(normalization, type)));
    }

    private static LayerSpec haste(long inputs, long hidden) {
        return LayerSpec.lstm(inputs, hidden).withDataType(DataType.F64);
    }

    @ParameterizedTest
    @MethodSource("variants")
    void noSteps(Normalization normalization, DataType type) {
        LayerSpec spec = haste(3, 5).withNormalization(normalization).withDataType(type).withZoneout(0.5);
        Problem problem = Problem.random(spec, 0, 4, 1);
        Map<String, double[]> results = Run.results(device, problem);
        assertArrayEquals(problem.tensor("h0"), results.get("hn"));
        assertArrayEquals(problem.tensor("c0"), results.get("cn"));
        assertArrayEquals(problem.tensor("dhn"), results.get("grad.h0"));
        assertArrayEquals(problem.tensor("dcn"), results.get("grad.c0"));
        assertNoParameterGradients(problem, results);
        Map<String, double[]> inferred = Run.results(device, problem.inference());
        assertArrayEquals(problem.tensor("h0"), inferred.get("hn"));
        assertArrayEquals(problem.tensor("c0"), inferred.get("cn"));
    }

    @ParameterizedTest
    @MethodSource("variants")
    void noRows(Normalization normalization, DataType type) {
        LayerSpec spec = haste(3, 5).withNormalization(normalization).withDataType(type);
        Problem problem = Problem.random(spec, 4, 0, 1);
        assertNoParameterGradients(problem, Run.results(device, problem));
        assertEquals(0, Run.results(device, problem.inference()).get("y").length);
    }

    private static void assertNoParameterGradients(Problem problem, Map<String, double[]> results) {
        for (String name : problem.parameters()) {
            assertArrayEquals(new double[problem.tensor(name).length], results.get("grad." + name), name);
        }
    }

    /** One unit: the cell's normalised row has variance zero. One input as well. */
    @ParameterizedTest
    @EnumSource(names = {"NONE", "HASTE", "PER_GATE_CARRY"})
    void oneUnit(Normalization normalization) {
        assertAsOracle(Problem.random(haste(1, 1).withNormalization(normalization), 3, 2, 3));
        assertAsOracle(Problem.random(haste(5, 1).withNormalization(normalization), 3, 2, 3));
    }

    @Test
    void oneInput() {
        assertAsOracle(Problem.random(haste(1, 6), 3, 2, 9));
    }

    /** h of one feature, of as many as the cell has units, and of more; and of a cell of one unit. */
    @ParameterizedTest
    @CsvSource({"1, 6", "6, 6", "11, 6", "3, 1"})
    void projections(int width, int hidden) {
        for (Normalization normalization : NORMALIZATIONS) {
            LayerSpec spec = haste(3, hidden).withNormalization(normalization).withProjection(width);
            assertAsOracle(Problem.random(spec, 3, 2, 14));
        }
    }

    static IntStream hiddenSizes() {
        IntStream sizes = IntStream.of(2, 3, 31, 33, 127, 257, 1000, 1025);
        return TestDevice.EMULATED ? sizes.limit(6) : sizes;
    }

    /**
     * Forward against the oracle, each gradient along a random direction against finite differences of it.
     */
    @ParameterizedTest
    @MethodSource("hiddenSizes")
    void hiddenSizes(int hidden) {
        Random random = new Random(hidden);
        // Gates of two units that are normalised by themselves are signs: their gradients are too small to measure.
        for (Normalization normalization : NORMALIZATIONS.subList(0, hidden == 2 ? 2 : 3)) {
            Problem problem = Problem.random(haste(7, hidden).withNormalization(normalization), 2, 3, hidden);
            Map<String, double[]> results = Run.results(device, problem);
            assertOutputs(results, problem);
            for (String name : problem.differentiable()) {
                double[] direction = random.doubles(problem.tensor(name).length, -1, 1).toArray();
                assertDerivative(problem, name, direction, results.get("grad." + name));
            }
            Problem single = problem.with(problem.spec().withDataType(DataType.F32));
            Accuracy.assertClose("f32", Run.results(device, single), results, Accuracy.bound(DataType.F32));
            assertOutputs(Run.results(device, single.inference()), single.inference());
        }
    }

    private static void assertDerivative(
            Problem problem, String name, double[] direction, double[] gradient) {
        double expected = new FiniteDifferences(1e-4).along(problem, name, direction);
        double actual = 0;
        double scale = 0;
        for (int i = 0; i < gradient.length; i++) {
            actual += gradient[i] * direction[i];
            scale += Math.abs(gradient[i] * direction[i]);
        }
        assertEquals(expected, actual, 1e-6 * scale, name);
    }

    /** Products that are equal and exact: the normalised row is zero, and only the bias is left. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "F64"})
    void constantRows(DataType type) {
        Problem random = Problem.random(haste(4, 16).withDataType(type), 3, 2, 4);
        Problem problem = filled(filled(random, "weight_ih_l0", 0.5), "x", 0.25).inference();
        assertOutputs(Run.results(device, problem), problem);
        Problem silent = filled(random, "weight_ih_l0", 0).inference();
        Accuracy.assertClose("without input", Run.results(device, problem), Oracle.forward(silent),
                Accuracy.bound(type));
    }

    /** The first recurrent row is constant, and the gain back into dh0 is 1/√ε: small steps are needed. */
    @Test
    void zeroState() {
        Problem problem = Problem.random(haste(3, 6), 3, 2, 5);
        Problem zero = filled(filled(problem, "h0", 0), "c0", 0);
        Map<String, double[]> results = Run.results(device, zero);
        Map<String, double[]> expected = new HashMap<>(Oracle.forward(zero));
        expected.putAll(new FiniteDifferences(1e-5).gradients(zero));
        Accuracy.assertClose("zero state", results, expected, DIFFERENCES);
    }

    @ParameterizedTest
    @ValueSource(doubles = {1e-30, 1e-20, 1e-10, 1e-5, 1, 1e5, 1e10, 1e15})
    void magnitudes(double magnitude) {
        for (Normalization normalization : NORMALIZATIONS) {
            LayerSpec spec = haste(8, 17).withNormalization(normalization).withDataType(DataType.F32);
            Problem ordinary = Problem.random(spec, 3, 2, 6);
            Problem problem = mapped(ordinary, "x", value -> (float) (value * magnitude));
            Map<String, double[]> results = Run.results(device, problem);
            assertOutputs(results, problem);
            results.forEach(EdgesTest::assertFinite);
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void saturatedGates(Normalization normalization, DataType type) {
        LayerSpec spec = haste(3, 16).withNormalization(normalization).withDataType(type);
        Problem random = Problem.random(spec, 4, 2, 7);
        Random signs = new Random(7);
        Problem problem = mapped(random, "bias_l0", value -> signs.nextBoolean() ? 100 : -100);
        Map<String, double[]> results = Run.results(device, problem);
        assertOutputs(results, problem);
        results.forEach(EdgesTest::assertFinite);
    }

    @ParameterizedTest
    @MethodSource("variants")
    void nanStaysInItsRowFromItsStepOn(Normalization normalization, DataType type) {
        assertStaysInItsRow(haste(3, 9).withNormalization(normalization).withDataType(type), Double.NaN);
    }

    /** Through the normalisation infinity becomes NaN, and nothing hangs. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "F64"})
    void infinityBecomesNan(DataType type) {
        assertStaysInItsRow(haste(3, 9).withDataType(type), Double.POSITIVE_INFINITY);
    }

    private static void assertStaysInItsRow(LayerSpec spec, double poison) {
        int steps = 4;
        int batch = 7;
        int badStep = 1;
        int badRow = 3;
        int hidden = (int) spec.hiddenSize();
        Problem clean = Problem.random(spec, steps, batch, 8);
        double[] x = clean.tensor("x").clone();
        x[(badStep * batch + badRow) * clean.inputs() + 1] = poison;
        for (Problem problem : List.of(clean, clean.inference())) {
            double[] expected = Run.results(device, problem).get("y");
            double[] y = Run.results(device, problem.with("x", x)).get("y");
            for (int i = 0; i < y.length; i++) {
                int t = i / hidden / batch;
                int n = i / hidden % batch;
                boolean poisoned = n == badRow && t >= badStep;
                assertEquals(poisoned ? Double.NaN : expected[i], y[i], "t " + t + ", n " + n);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void zoneoutOfEverything(Normalization normalization, DataType type) {
        LayerSpec spec = haste(3, 5).withNormalization(normalization).withDataType(type).withZoneout(1);
        Problem problem = Problem.random(spec, 3, 2, 9);
        for (Problem each : List.of(problem, problem.inference())) {
            Map<String, double[]> results = Run.results(device, each);
            assertArrayEquals(problem.tensor("h0"), results.get("hn"));
            assertOutputs(results, each);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"NONE", "HASTE"})
    void dropconnectOfEverything(Normalization normalization) {
        LayerSpec spec = haste(3, 5).withNormalization(normalization).withDropconnect(1);
        Problem problem = Problem.random(spec, 3, 2, 10);
        Map<String, double[]> results = assertAsOracle(problem);
        assertArrayEquals(new double[4 * 5 * 5], results.get("grad.weight_hh_l0"));
        assertOutputs(Run.results(device, problem.inference()), problem.inference());
    }

    @Test
    void gainsThatAreZeroOrNegative() {
        Problem random = Problem.random(haste(3, 6), 3, 2, 11);
        Random signs = new Random(11);
        for (String layerNorm : List.of("layernorm_i_l0", "layernorm_h_l0", "layernorm_c_l0")) {
            String gain = layerNorm + ".weight";
            assertAsOracle(filled(random, gain, 0));
            assertAsOracle(mapped(random, gain, value -> signs.nextBoolean() ? -value : 0));
        }
    }

    @Test
    void sizesBeyond32Bits() {
        long hidden = 4096;
        long steps = 1L << 20;
        long batch = 1L << 12;
        try (Plan plan = device.createPlan(LayerSpec.lstm(4096, hidden))) {
            PlanSizes sizes = plan.sizes(steps, batch);
            assertEquals(batch * hidden * Float.BYTES, sizes.stateBytes());
            assertTrue(sizes.reserveBytes() >= steps * batch * hidden * Float.BYTES, sizes.toString());
            LnrnnException refusal = assertThrows(LnrnnException.class, () -> plan.sizes(1L << 40, 1L << 40));
            assertEquals(Status.INVALID_ARGUMENT, refusal.status());
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void buffersAlignedToTheirElementsOnly(Normalization normalization, DataType type) {
        LayerSpec spec = haste(5, 19).withNormalization(normalization).withDataType(type)
                .withZoneout(0.2).withDropconnect(0.2);
        Problem problem = Problem.random(spec, 3, 7, 12);
        try (Device own = TestDevice.open()) {
            Memory skewed = new Skewed(own, type.byteSize());
            for (Problem each : List.of(problem, problem.inference())) {
                Accuracy.assertClose("misaligned", Run.results(own, each, Layout.GAPS, skewed),
                        Run.results(own, each), Accuracy.bound(type));
            }
            assertOutputs(Stepwise.results(own, problem.inference(), skewed), problem.inference());
        }
    }

    /**
     * Tensors that begin one element behind an aligned address; what they are cut from closes with the
     * device.
     */
    private record Skewed(Device device, long skew) implements Memory {

        @Override
        public DeviceBuffer tensor(long bytes) {
            return device.allocate(bytes + skew).slice(skew, bytes);
        }

        @Override
        public DeviceBuffer space(long bytes) {
            return device.allocate(bytes);
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void finalStateOverTheInitialState(Normalization normalization, DataType type) {
        LayerSpec spec = haste(5, 19).withNormalization(normalization).withDataType(type).withZoneout(0.2);
        Problem problem = Problem.random(spec, 3, 4, 13).withLengths(3, 0, 1, 2);
        for (Problem each : List.of(problem, problem.inference())) {
            try (Run apart = new Run(device, each); Run over = new Run(device, each).aliased()) {
                Accuracy.assertSameBits("in place", over.results(), apart.results());
            }
        }
    }

    private static Map<String, double[]> assertAsOracle(Problem problem) {
        Map<String, double[]> expected = new HashMap<>(Oracle.forward(problem));
        expected.putAll(FiniteDifferences.OF_ORDINARY_DATA.gradients(problem));
        Map<String, double[]> results = Run.results(device, problem);
        Accuracy.assertClose(problem.spec().toString(), results, expected, DIFFERENCES);
        return results;
    }

    private static void assertOutputs(Map<String, double[]> results, Problem problem) {
        Map<String, double[]> outputs = new HashMap<>(results);
        outputs.keySet().removeIf(name -> name.startsWith("grad."));
        Accuracy.assertClose(problem.spec().toString(), outputs, Oracle.forward(problem),
                Accuracy.bound(problem.spec().dataType()));
    }

    private static void assertFinite(String name, double[] values) {
        assertTrue(Arrays.stream(values).allMatch(Double::isFinite), name + " is not finite");
    }

    private static Problem filled(Problem problem, String name, double value) {
        return mapped(problem, name, old -> value);
    }

    private static Problem mapped(Problem problem, String name, DoubleUnaryOperator change) {
        return problem.with(name, Arrays.stream(problem.tensor(name)).map(change).toArray());
    }
}
