package dev.lnrnn;

import dev.lnrnn.oracle.Masks;
import dev.lnrnn.oracle.Problem;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Two directions are two runs, a stack is its layers, and one normalisation is another with its biases folded. */
@Tag("device")
class CompositionTest {

    private static final int STEPS = 5;
    private static final int BATCH = 3;
    private static final int INPUTS = 6;
    private static final int HIDDEN = 9;
    private static final Accuracy BOUND = Accuracy.bound(DataType.F64);
    private static Device device;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    /** Without zoneout of c and dropout of the candidate: a part is handed no masks of these. */
    private static Stream<LayerSpec> supported() {
        return Variants.drawn(INPUTS, HIDDEN).stream()
                .filter(spec -> spec.zoneoutCell() == 0)
                .map(spec -> spec.withDropoutCandidate(0))
                .filter(spec -> Variants.isSupported(device, spec));
    }

    static Stream<LayerSpec> bidirectional() {
        return supported().filter(spec -> spec.layers() == 1 && spec.direction() == Direction.BIDIRECTIONAL);
    }

    static Stream<LayerSpec> stacks() {
        return supported().filter(spec -> spec.layers() > 1).map(spec -> spec.withLayers(3));
    }

    /** The LSTM's: the GRU's PAPER has other norms than its HASTE. */
    static Stream<LayerSpec> papers() {
        return Variants.drawn(INPUTS, HIDDEN).stream()
                .filter(spec -> spec.cell() == CellType.LSTM && spec.normalization() == Normalization.PAPER)
                .filter(spec -> Variants.isSupported(device, spec));
    }

    private static List<Problem> problems(LayerSpec spec) {
        Problem problem = Problem.random(spec, STEPS, BATCH, 17);
        return List.of(problem, problem.withLengths(2, 0, STEPS));
    }

    @ParameterizedTest
    @MethodSource("bidirectional")
    void twoDirectionsAreTwoRuns(LayerSpec spec) {
        for (Problem both : problems(spec)) {
            Map<String, double[]> ahead = Run.results(device, Composition.direction(both, 0));
            Map<String, double[]> back = Run.results(device, Composition.direction(both, 1));
            back.replaceAll((name, values) -> name.equals("y") || name.equals("grad.x")
                    ? Composition.reversed(both, values) : values);

            Map<String, double[]> joined = new HashMap<>();
            ahead.forEach((name, values) -> {
                double[] others = back.get(name);
                switch (name) {
                    case "y" -> joined.put(name, Parts.sideBySide(values, others, both.outputWidth()));
                    case "hn", "cn", "grad.h0", "grad.c0" -> joined.put(name, Parts.concatenated(values, others));
                    case "grad.x" -> joined.put(name, Parts.sum(values, others));
                    default -> {
                        joined.put(name, values);
                        joined.put(name.replace("_l0", "_l0_reverse"), others);
                    }
                }
            });
            Accuracy.assertClose(spec.toString(), joined, Run.results(device, both), BOUND);
        }
    }

    @ParameterizedTest
    @MethodSource("stacks")
    void aStackIsItsLayers(LayerSpec spec) {
        for (Problem stack : problems(spec)) {
            Accuracy.assertClose(spec.toString(), layerByLayer(stack), Run.results(device, stack), BOUND);
        }
    }

    /** Up with what each layer gives to the next, and down again with the gradients. */
    private static Map<String, double[]> layerByLayer(Problem stack) {
        double[] noGradient = new double[stack.tensor("dy").length];
        List<double[]> inputs = new ArrayList<>(List.of(stack.tensor("x")));
        for (int layer = 0; layer < stack.layers() - 1; layer++) {
            Problem part = Composition.layer(stack, layer, inputs.get(layer), noGradient);
            inputs.add(dropped(stack, layer, Run.results(device, part).get("y")));
        }
        Map<String, double[]> joined = new HashMap<>();
        double[] dy = stack.tensor("dy");
        for (int layer = stack.layers() - 1; layer >= 0; layer--) {
            int index = layer;
            Map<String, double[]> results =
                    Run.results(device, Composition.layer(stack, layer, inputs.get(layer), dy));
            results.forEach((name, values) -> {
                switch (name) {
                    case "y" -> joined.putIfAbsent(name, values);
                    case "grad.x" -> joined.put(name, values);
                    case "hn", "cn", "grad.h0", "grad.c0" -> joined.merge(name, values,
                            (above, below) -> Parts.concatenated(below, above));
                    default -> joined.put(name.replace("_l0", "_l" + index), values);
                }
            });
            dy = layer == 0 ? dy : dropped(stack, layer - 1, results.get("grad.x"));
        }
        return joined;
    }

    private static double[] dropped(Problem stack, int layer, double[] values) {
        double p = stack.spec().dropout();
        byte[] mask = Masks.dropout(stack, layer);
        double[] kept = new double[values.length];
        for (int i = 0; i < kept.length; i++) {
            kept[i] = mask[i] != 0 ? values[i] / (1 - p) : 0;
        }
        return kept;
    }

    @ParameterizedTest
    @MethodSource("papers")
    void paperIsHasteWithItsBiasesFolded(LayerSpec spec) {
        for (Problem paper : problems(spec)) {
            Problem haste = paper.with(spec.withNormalization(Normalization.HASTE));
            for (String bias : paper.parameters().stream().filter(name -> name.startsWith("bias")).toList()) {
                double[] folded = Parts.sum(paper.tensor(bias), Parts.sum(
                        paper.tensor(ofLayerNorm("i", bias)), paper.tensor(ofLayerNorm("h", bias))));
                haste = haste.with(bias, folded);
            }
            Map<String, double[]> expected = Run.results(device, haste);
            // What is added to the same gates has the same gradient.
            for (String bias : haste.parameters().stream().filter(name -> name.startsWith("bias")).toList()) {
                expected.put("grad." + ofLayerNorm("i", bias), expected.get("grad." + bias));
                expected.put("grad." + ofLayerNorm("h", bias), expected.get("grad." + bias));
            }
            Accuracy.assertClose(spec.toString(), Run.results(device, paper), expected, BOUND);
        }
    }

    /** {@code bias_l1_reverse} as {@code layernorm_i_l1_reverse.bias}. */
    private static String ofLayerNorm(String which, String bias) {
        return bias.replace("bias", "layernorm_" + which) + ".bias";
    }
}
