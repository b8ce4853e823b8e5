package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.lnrnn.oracle.Masks;
import dev.lnrnn.oracle.Oracle;
import dev.lnrnn.oracle.Problem;
import dev.lnrnn.oracle.Slice;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Different ways to ask for the same thing give the same answer. */
@Tag("device")
class EquivalencesTest {

    private static final int STEPS = 7;
    private static final int BATCH = 5;
    private static final int HIDDEN = 19;
    private static final Accuracy BOUND = Accuracy.bound(DataType.F64);
    private static Device device;

    @BeforeAll
    static void open() {
        device = TestDevice.open(2);
    }

    @AfterAll
    static void close() {
        device.close();
    }

    private static Problem problem(Normalization normalization) {
        LayerSpec spec = LayerSpec.lstm(6, HIDDEN).withNormalization(normalization).withDataType(DataType.F64)
                .withZoneout(0.3).withDropconnect(0.2);
        return Problem.random(spec, STEPS, BATCH, 42);
    }

    private static Problem haste() {
        return problem(Normalization.HASTE);
    }

    @ParameterizedTest
    @EnumSource(names = {"NONE", "HASTE"})
    void chunksAreTheWhole(Normalization normalization) {
        Problem whole = problem(normalization);
        Map<String, double[]> expected = Run.results(device, whole);
        int cut = 3;
        Problem first = Slice.steps(whole, 0, cut);
        Map<String, double[]> state = Oracle.forward(first);
        Problem second = Slice.steps(whole, cut, STEPS)
                .with("h0", state.get("hn")).with("c0", state.get("cn"));
        Map<String, double[]> late = Run.results(device, second);
        Map<String, double[]> early = Run.results(device,
                first.with("dhn", late.get("grad.h0")).with("dcn", late.get("grad.c0")));

        Map<String, double[]> joined = new HashMap<>(summed(whole, early, late));
        joined.put("y", concatenated(early.get("y"), late.get("y")));
        joined.put("grad.x", concatenated(early.get("grad.x"), late.get("grad.x")));
        joined.put("hn", late.get("hn"));
        joined.put("cn", late.get("cn"));
        joined.put("grad.h0", early.get("grad.h0"));
        joined.put("grad.c0", early.get("grad.c0"));
        Accuracy.assertClose("chunks", joined, expected, BOUND);
    }

    @Test
    void aRowOfABatchIsARunOfItsOwn() {
        Map<String, double[]> whole = Run.results(device, haste());
        for (int n = 0; n < BATCH; n++) {
            Map<String, double[]> alone = Run.results(device, Slice.rows(haste(), n, n + 1));
            for (String name : List.of("y", "hn", "cn", "grad.x", "grad.h0", "grad.c0")) {
                Accuracy.assertClose("row " + n,
                        Map.of(name, alone.get(name)), Map.of(name, row(whole, name, n)), BOUND);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"NONE", "HASTE"})
    void lengthsAreSeparateRuns(Normalization normalization) {
        long[] lengths = {4, STEPS, 0, 1, 3};
        Problem whole = problem(normalization).withLengths(lengths);
        Map<String, double[]> together = Run.results(device, whole);
        Map<String, double[]> sum = null;
        for (int n = 0; n < BATCH; n++) {
            Problem alone = Slice.steps(Slice.rows(problem(normalization), n, n + 1), 0, (int) lengths[n]);
            Map<String, double[]> results = Run.results(device, alone);
            for (String name : List.of("y", "hn", "cn", "grad.x", "grad.h0", "grad.c0")) {
                double[] expected = Arrays.copyOf(results.get(name), row(together, name, n).length);
                Accuracy.assertClose(name + " of row " + n,
                        Map.of(name, row(together, name, n)), Map.of(name, expected), BOUND);
            }
            sum = sum == null ? results : summed(whole, sum, results);
        }
        Accuracy.assertClose("gradients", onlyParameters(whole, together), onlyParameters(whole, sum), BOUND);
    }

    @Test
    void numbersInThePaddingAreNeverUsed() {
        Problem clean = haste().withLengths(4, STEPS, 0, 1, 3);
        double[] x = clean.tensor("x").clone();
        double[] dy = clean.tensor("dy").clone();
        for (int t = 0; t < STEPS; t++) {
            for (int n = 0; n < BATCH; n++) {
                if (t >= clean.lengths()[n]) {
                    fillRow(x, t * BATCH + n, clean.inputs(), Double.NaN);
                    fillRow(dy, t * BATCH + n, HIDDEN, Double.NaN);
                }
            }
        }
        Problem dirty = clean.with("x", x).with("dy", dy);
        Accuracy.assertSameBits("training", Run.results(device, dirty), Run.results(device, clean));
        Accuracy.assertSameBits("inference",
                Run.results(device, dirty.inference()), Run.results(device, clean.inference()));
    }

    @Test
    void backwardLeavesWhatItReads() {
        try (Run run = new Run(device, haste()); TrainingPass pass = run.trainingPass()) {
            run.forward(pass);
            Map<String, double[]> first = run.backward(pass);
            Accuracy.assertSameBits("backward twice", run.backward(pass), first);
        }
    }

    @Test
    void accumulatingTwiceDoubles() {
        try (Run run = new Run(device, haste()); TrainingPass pass = run.trainingPass()) {
            run.forward(pass);
            Map<String, double[]> once = run.backward(pass);
            pass.setAccumulate(true);
            Map<String, double[]> twice = run.backward(pass);
            Map<String, double[]> expected = new HashMap<>(once);
            expected.putAll(summed(haste(), once, once));
            Accuracy.assertClose("accumulated", twice, expected, BOUND);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F64"})
    void stepByStepIsTheWhole(DataType type) {
        Problem problem = haste().inference().with(haste().spec().withDataType(type));
        Accuracy.assertClose("steps", Stepwise.results(device, problem, device::allocate),
                Run.results(device, problem), Accuracy.bound(type));
    }

    @ParameterizedTest
    @EnumSource(Layout.class)
    void anyLayoutIsTimeMajor(Layout layout) {
        Problem ragged = haste().withLengths(4, STEPS, 0, 1, 3);
        for (Problem problem : List.of(haste(), haste().inference(), ragged)) {
            Accuracy.assertClose(layout.toString(), Run.results(device, problem, layout, device::allocate),
                    Run.results(device, problem), BOUND);
        }
    }

    @Test
    void seedsDrawTheMasksThatNumericsDefines() {
        Problem drawn = haste().withOffsets(1L << 31, 1_000_000_007L);
        Problem explicit = drawn.withMasks(Masks.zoneout(drawn), Masks.dropconnect(drawn));
        Accuracy.assertSameBits("masks", Run.results(device, explicit), Run.results(device, drawn));
    }

    @Test
    void anotherSeedDrawsOtherMasks() {
        Problem one = haste();
        Problem other = Problem.random(one.spec(), STEPS, BATCH, 43).with(one.tensors());
        assertFalse(Arrays.equals(
                Run.results(device, one).get("y"), Run.results(device, other).get("y")));
    }

    /** Large enough that rows, units and gates are really shared out. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "F64"})
    @Tag("cpu")
    void anyNumberOfThreads(DataType type) {
        Problem problem = Problem.random(haste().spec().withDataType(type), 4, 9, 5);
        Problem wide = Problem.random(LayerSpec.lstm(40, 131).withDataType(type).withZoneout(0.1), 3, 2, 6);
        for (Problem each : List.of(problem, wide)) {
            Map<String, double[]> expected = onThreads(1, each);
            for (int threads = 1; threads <= 4; threads++) {
                Map<String, double[]> results = onThreads(threads, each);
                Accuracy.assertClose(threads + " threads", results, expected, Accuracy.bound(type));
                for (String output : List.of("y", "hn", "cn")) {
                    assertArrayEquals(expected.get(output), results.get(output), output + " on " + threads);
                }
                Accuracy.assertSameBits(threads + " threads again", onThreads(threads, each), results);
            }
        }
    }

    private static Map<String, double[]> onThreads(int threads, Problem problem) {
        try (Device own = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(threads))) {
            assertEquals(threads, own.info().threads());
            return Run.results(own, problem);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F64"})
    @Tag("cpu")
    void anyInstructionSet(DataType type) {
        Problem problem = Problem.random(LayerSpec.lstm(21, 67).withDataType(type).withZoneout(0.1), 4, 7, 8);
        Map<String, double[]> expected = Run.results(device, problem);
        Problem inference = problem.inference();
        for (String isa : device.info().isaAvailable()) {
            try (Device own = Device.open("cpu", DeviceOptions.DEFAULTS.withIsa(isa))) {
                assertEquals(isa, own.info().isa());
                Accuracy.assertClose(isa, Run.results(own, problem), expected, Accuracy.bound(type));
                Accuracy.assertClose(isa, Run.results(own, inference), Oracle.forward(inference),
                        Accuracy.bound(type));
                Accuracy.assertClose(isa, Stepwise.results(own, inference, own::allocate),
                        Oracle.forward(inference), Accuracy.bound(type));
            }
        }
    }

    /** The gradients of the parameters of two runs, added. */
    private static Map<String, double[]> summed(
            Problem problem, Map<String, double[]> a, Map<String, double[]> b) {
        Map<String, double[]> sums = new HashMap<>();
        onlyParameters(problem, a).forEach((name, values) -> {
            double[] sum = values.clone();
            for (int i = 0; i < sum.length; i++) {
                sum[i] += b.get(name)[i];
            }
            sums.put(name, sum);
        });
        return sums;
    }

    private static Map<String, double[]> onlyParameters(Problem problem, Map<String, double[]> results) {
        Map<String, double[]> gradients = new HashMap<>();
        problem.parameters().forEach(name -> gradients.put("grad." + name, results.get("grad." + name)));
        return gradients;
    }

    /** Row n of a result of the whole batch; states are sequences of one step. */
    private static double[] row(Map<String, double[]> results, String name, int n) {
        int steps = name.equals("y") || name.equals("grad.x") ? STEPS : 1;
        return Slice.of(results.get(name), steps, BATCH, 0, steps, n, n + 1);
    }

    private static double[] concatenated(double[] first, double[] second) {
        double[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return all;
    }

    private static void fillRow(double[] sequence, int row, int width, double value) {
        Arrays.fill(sequence, row * width, (row + 1) * width, value);
    }
}
