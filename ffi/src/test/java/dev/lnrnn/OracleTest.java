package dev.lnrnn;

import dev.lnrnn.oracle.FiniteDifferences;
import dev.lnrnn.oracle.Oracle;
import dev.lnrnn.oracle.Problem;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The library against an LSTM that shares nothing with it, and its gradients against finite differences of
 * that LSTM: random sizes, with and without normalisation, zoneout, DropConnect, dropout of the candidate and
 * lengths, masks from the seed.
 */
@Tag("device")
class OracleTest {

    private static final int PROBLEMS = TestDevice.EMULATED ? 16 : 48;
    /** What finite differences themselves lose. */
    private static final Accuracy DIFFERENCES = new Accuracy(1e-12, 1e-6);
    private static Device device;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    static Stream<Problem> problems() {
        return IntStream.range(0, PROBLEMS).mapToObj(OracleTest::problem);
    }

    /** The index decides what is switched on, so that every combination occurs; chance decides the rest. */
    private static Problem problem(int index) {
        Random random = new Random(index);
        LayerSpec spec = LayerSpec.lstm(2 + random.nextInt(6), 4 + random.nextInt(8))
                .withNormalization((index & 1) == 0 ? Normalization.HASTE : Normalization.NONE)
                .withZoneout((index & 2) == 0 ? 0 : 0.1 + 0.6 * random.nextDouble())
                .withDropconnect((index & 4) == 0 ? 0 : 0.1 + 0.6 * random.nextDouble())
                .withDropoutCandidate((index % 3) == 0 ? 0 : 0.1 + 0.6 * random.nextDouble())
                .withDataType(DataType.F64);
        int steps = 1 + random.nextInt(5);
        int batch = 1 + random.nextInt(4);
        Problem problem = Problem.random(spec, steps, batch, random.nextLong());
        return (index & 8) == 0 ? problem : problem.withLengths(random.longs(batch, 0, steps + 1).toArray());
    }

    @ParameterizedTest
    @MethodSource("problems")
    void trainsAsTheOracle(Problem problem) {
        Map<String, double[]> expected = new HashMap<>(Oracle.forward(problem));
        expected.putAll(FiniteDifferences.OF_ORDINARY_DATA.gradients(problem));
        Map<String, double[]> results = Run.results(device, problem);
        Accuracy.assertClose("f64", results, expected, DIFFERENCES);
        Problem single = problem.with(problem.spec().withDataType(DataType.F32));
        Accuracy.assertClose("f32", Run.results(device, single), results, Accuracy.bound(DataType.F32));
    }

    @ParameterizedTest
    @MethodSource("problems")
    void infersAsTheOracle(Problem problem) {
        for (DataType type : new DataType[] {DataType.F64, DataType.F32}) {
            Problem inference = problem.inference().with(problem.spec().withDataType(type));
            Accuracy.assertClose("inference " + type,
                    Run.results(device, inference), Oracle.forward(inference), Accuracy.bound(type));
        }
    }

    /** A second opinion: the library's backward pass is the derivative of its own forward pass. */
    @Test
    void backwardIsTheDerivativeOfForward() {
        for (int index = TestDevice.EMULATED ? 15 : 12; index < 16; index++) {
            Problem problem = problem(index);
            Map<String, double[]> results = Run.results(device, problem);
            Map<String, double[]> expected = FiniteDifferences.OF_ORDINARY_DATA.gradients(problem,
                    moved -> Oracle.loss(moved, forward(moved)));
            results.keySet().retainAll(expected.keySet());
            Accuracy.assertClose("problem " + index, results, expected, DIFFERENCES);
        }
    }

    private static Map<String, double[]> forward(Problem problem) {
        try (Run run = new Run(device, problem); TrainingPasses pass = run.trainingPasses()) {
            return run.forward(pass);
        }
    }
}
