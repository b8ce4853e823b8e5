package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.lnrnn.oracle.Masks;
import dev.lnrnn.oracle.Oracle;
import dev.lnrnn.oracle.Problem;
import dev.lnrnn.oracle.Slice;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Different ways to ask for the same thing give the same answer. */
@Tag("device")
class EquivalencesTest {

    private static final int STEPS = 7;
    private static final int BATCH = 5;
    private static final int INPUTS = 6;
    private static final int HIDDEN = 19;
    private static final long[] LENGTHS = {4, STEPS, 0, 1, 3};
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

    /** Every kind that the device has, with all that is drawn; on an emulated one as few as show every pair. */
    static List<Problem> problems() {
        List<LayerSpec> supported = Variants.drawn(INPUTS, HIDDEN).stream()
                .filter(spec -> Variants.isSupported(device, spec)).toList();
        List<LayerSpec> specs =
                TestDevice.EMULATED ? Variants.covering(supported, Variants::options) : supported;
        return specs.stream().map(spec -> Problem.random(spec, STEPS, BATCH, 42)).toList();
    }

    /** The reverse direction begins at the end, wherever the sequence is cut. */
    static Stream<Problem> forwardProblems() {
        return problems().stream().filter(problem -> problem.directions() == 1);
    }

    static Stream<Arguments> stepwise() {
        return forwardProblems().filter(problem -> problem.layers() == 1)
                .flatMap(problem -> Stream.of(DataType.F32, DataType.F64).map(type -> Arguments.of(problem, type)));
    }

    static Stream<Arguments> layouts() {
        return problems().stream()
                .flatMap(problem -> Stream.of(Layout.values()).map(layout -> Arguments.of(problem, layout)));
    }

    @ParameterizedTest
    @MethodSource("forwardProblems")
    void chunksAreTheWhole(Problem whole) {
        Map<String, double[]> expected = Run.results(device, whole);
        int cut = 3;
        Problem first = Slice.steps(whole, 0, cut);
        Problem second = Slice.steps(whole, cut, STEPS);
        Map<String, double[]> state = Oracle.forward(first);
        second = second.with("h0", state.get("hn"));
        second = whole.hasCell() ? second.with("c0", state.get("cn")) : second;
        Map<String, double[]> late = Run.results(device, second);
        first = first.with("dhn", late.get("grad.h0"));
        first = whole.hasCell() ? first.with("dcn", late.get("grad.c0")) : first;
        Map<String, double[]> early = Run.results(device, first);

        Map<String, double[]> joined = new HashMap<>(Parts.summed(whole, early, late));
        for (String name : Parts.perRow(whole)) {
            joined.put(name, switch (name) {
                case "y", "grad.x" -> Parts.concatenated(early.get(name), late.get(name));
                case "hn", "cn" -> late.get(name);
                default -> early.get(name);
            });
        }
        Accuracy.assertClose("chunks", joined, expected, BOUND);
    }

    @ParameterizedTest
    @MethodSource("problems")
    void aRowOfABatchIsARunOfItsOwn(Problem problem) {
        Map<String, double[]> whole = Run.results(device, problem);
        for (int n = 0; n < BATCH; n++) {
            Map<String, double[]> alone = Run.results(device, Slice.rows(problem, n, n + 1));
            for (String name : Parts.perRow(problem)) {
                Accuracy.assertClose("row " + n, Map.of(name, alone.get(name)),
                        Map.of(name, Parts.row(problem, whole, name, n)), BOUND);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("problems")
    void lengthsAreSeparateRuns(Problem problem) {
        Problem whole = problem.withLengths(LENGTHS);
        Map<String, double[]> together = Run.results(device, whole);
        Map<String, double[]> sum = null;
        for (int n = 0; n < BATCH; n++) {
            Problem alone = Slice.steps(Slice.rows(problem, n, n + 1), 0, (int) LENGTHS[n]);
            Map<String, double[]> results = Run.results(device, alone);
            for (String name : Parts.perRow(problem)) {
                double[] row = Parts.row(whole, together, name, n);
                double[] expected = Arrays.copyOf(results.get(name), row.length);
                Accuracy.assertClose(name + " of row " + n, Map.of(name, row), Map.of(name, expected), BOUND);
            }
            sum = sum == null ? results : Parts.summed(whole, sum, results);
        }
        Accuracy.assertClose("gradients", Parts.ofParameters(whole, together), Parts.ofParameters(whole, sum), BOUND);
    }

    @ParameterizedTest
    @MethodSource("problems")
    void numbersInThePaddingAreNeverUsed(Problem problem) {
        Problem clean = problem.withLengths(LENGTHS);
        double[] x = clean.tensor("x").clone();
        double[] dy = clean.tensor("dy").clone();
        for (int t = 0; t < STEPS; t++) {
            for (int n = 0; n < BATCH; n++) {
                if (t >= clean.length(n)) {
                    fillRow(x, t * BATCH + n, clean.inputs(), Double.NaN);
                    fillRow(dy, t * BATCH + n, clean.outputs(), Double.NaN);
                }
            }
        }
        Problem dirty = clean.with("x", x).with("dy", dy);
        Accuracy.assertSameBits("training", Run.results(device, dirty), Run.results(device, clean));
        Accuracy.assertSameBits("inference",
                Run.results(device, dirty.inference()), Run.results(device, clean.inference()));
    }

    @ParameterizedTest
    @MethodSource("problems")
    void backwardLeavesWhatItReads(Problem problem) {
        try (Run run = new Run(device, problem); TrainingPasses pass = run.trainingPasses()) {
            run.forward(pass);
            Map<String, double[]> first = run.backward(pass);
            Accuracy.assertSameBits("backward twice", run.backward(pass), first);
        }
    }

    @ParameterizedTest
    @MethodSource("problems")
    void accumulatingTwiceDoubles(Problem problem) {
        try (Run run = new Run(device, problem); TrainingPasses pass = run.trainingPasses()) {
            run.forward(pass);
            Map<String, double[]> once = run.backward(pass);
            BackwardPass accumulating = run.backwardPass(pass);
            accumulating.setAccumulate(true);
            Map<String, double[]> twice = run.backward(accumulating);
            Map<String, double[]> expected = new HashMap<>(once);
            expected.putAll(Parts.summed(problem, once, once));
            Accuracy.assertClose("accumulated", twice, expected, BOUND);
        }
    }

    @ParameterizedTest
    @MethodSource("stepwise")
    void stepByStepIsTheWhole(Problem drawn, DataType type) {
        Problem problem = drawn.inference().with(drawn.spec().withDataType(type));
        Accuracy.assertClose("steps", Stepwise.results(device, problem, device::allocate),
                Run.results(device, problem), Accuracy.bound(type));
    }

    @ParameterizedTest
    @MethodSource("stepwise")
    void stepsInOneArenaAreSteps(Problem drawn, DataType type) {
        Problem problem = drawn.inference().with(drawn.spec().withDataType(type));
        Map<String, double[]> steps = Stepwise.results(device, problem, device::allocate);
        Accuracy.assertSameBits("one arena", Stepwise.inOneArena(device, problem), steps);
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void anyLayoutIsTimeMajor(Problem even, Layout layout) {
        for (Problem problem : List.of(even, even.inference(), even.withLengths(LENGTHS))) {
            Accuracy.assertClose(layout.toString(), Run.results(device, problem, layout, device::allocate),
                    Run.results(device, problem), BOUND);
        }
    }

    @ParameterizedTest
    @MethodSource("problems")
    void seedsDrawTheMasksThatNumericsDefines(Problem problem) {
        Problem drawn = problem.withOffsets(1L << 31, 1_000_000_007L);
        byte[] dropconnect = problem.spec().dropconnect() > 0 ? Masks.dropconnect(drawn) : null;
        Problem explicit = drawn.withMasks(Masks.zoneout(drawn), dropconnect);
        Accuracy.assertSameBits("masks", Run.results(device, explicit), Run.results(device, drawn));
    }

    @ParameterizedTest
    @MethodSource("problems")
    void anotherSeedDrawsOtherMasks(Problem problem) {
        assertFalse(Arrays.equals(Run.results(device, problem).get("y"),
                Run.results(device, problem.withSeed(43)).get("y")));
    }

    private static void fillRow(double[] sequence, int row, int width, double value) {
        Arrays.fill(sequence, row * width, (row + 1) * width, value);
    }
}
