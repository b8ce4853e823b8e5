package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lnrnn.oracle.Oracle;
import dev.lnrnn.oracle.Problem;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a description's flags ask for arrives in the library. */
@Tag("device")
class FlagsTest {

    private static final int STEPS = 6;
    private static final int BATCH = 3;
    private static final int INPUTS = 5;
    private static final int HIDDEN = 16;
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
        return Variants.drawn(INPUTS, HIDDEN);
    }

    static List<LayerSpec> stacks() {
        return kinds().stream().filter(spec -> spec.layers() > 1).toList();
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void recomputingGivesTheSame(LayerSpec spec) {
        Problem problem = Problem.random(spec, STEPS, BATCH, 41).withLengths(STEPS, 2, 4);
        Accuracy.assertClose(spec.toString(), Run.results(device, problem.with(spec.withRecompute(true))),
                Run.results(device, problem), Accuracy.bound(DataType.F64));
    }

    /** By just what the C API says is not kept: x W_ih', and h W_hh' where it is needed apart. */
    @ParameterizedTest
    @MethodSource("kinds")
    void recomputingKeepsLess(LayerSpec spec) {
        List<NormSite.Term> terms = spec.normalization().sites(spec.cell()).stream().map(NormSite::of).toList();
        boolean apart = terms.contains(NormSite.Term.RECURRENT)
                || spec.cell() == CellType.GRU && !terms.contains(NormSite.Term.SUM);
        long product = (long) STEPS * BATCH * spec.cell().gates() * HIDDEN * Double.BYTES;
        long saved = spec.states() * (apart ? 2 : 1) * product;
        assertEquals(saved, reserveBytes(spec) - reserveBytes(spec.withRecompute(true)));
    }

    private static long reserveBytes(LayerSpec spec) {
        try (Plan plan = device.createPlan(spec)) {
            return plan.sizes(STEPS, BATCH).reserveBytes();
        }
    }

    @ParameterizedTest
    @MethodSource("stacks")
    void variationalDropoutDrawsOnceForAllSteps(LayerSpec spec) {
        Problem problem = Problem.random(spec.withVariationalDropout(true), STEPS, BATCH, 42)
                .withOffsets(3, 2);
        Map<String, double[]> results = Run.results(device, problem);
        results.keySet().removeIf(name -> name.startsWith("grad."));
        Accuracy.assertClose(spec.toString(), results, Oracle.forward(problem), Accuracy.bound(DataType.F64));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void deterministicGradientsRepeat(LayerSpec spec) {
        try (Run run = new Run(device, Problem.random(spec.withDeterministic(true), STEPS, BATCH, 43));
                TrainingPasses pass = run.trainingPasses()) {
            run.forward(pass);
            Map<String, double[]> gradients = run.backward(pass);
            Accuracy.assertSameBits(spec.toString(), run.backward(pass), gradients);
        }
    }
}
