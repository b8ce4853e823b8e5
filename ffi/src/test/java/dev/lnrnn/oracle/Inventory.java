package dev.lnrnn.oracle;

import dev.lnrnn.CellType;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.Norms;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Which tensors a problem has, and how many numbers each of them. */
final class Inventory {

    private Inventory() {}

    /** The parameters of one direction of one layer, without the parts of their names that say which. */
    static List<String> bareParameters(LayerSpec spec) {
        List<Norm> norms = Norms.of(spec);
        List<String> names = new ArrayList<>(List.of("weight_ih", "weight_hh"));
        if (spec.projectionSize() > 0) {
            names.add("weight_hr");
        }
        names.addAll(biases(spec.cell(), norms));
        norms.forEach(norm -> names.addAll(norm.parameters()));
        return names;
    }

    /** Those that no norm has: a GRU's are of each product, unless their norms have them, or the sum has one. */
    private static List<String> biases(CellType cell, List<Norm> norms) {
        if (cell != CellType.GRU || norms.stream().anyMatch(norm -> norm.name().equals("layernorm_gates"))) {
            return List.of("bias");
        }
        return norms.stream().anyMatch(Norm::bias) ? List.of() : List.of("bias_ih", "bias_hh");
    }

    /** The parameters of the whole stack by name, layer by layer. */
    static Map<String, Integer> parameters(Problem problem) {
        Map<String, Integer> elements = new LinkedHashMap<>();
        for (int layer = 0; layer < problem.layers(); layer++) {
            for (int direction = 0; direction < problem.directions(); direction++) {
                for (String bare : bareParameters(problem.spec())) {
                    elements.put(Weights.name(bare, layer, direction), elements(problem, bare, layer));
                }
            }
        }
        return elements;
    }

    /** Everything: input, states, the gradients that are given, and the parameters. */
    static Map<String, Integer> tensors(Problem problem) {
        int rows = problem.steps() * problem.batch();
        int stateRows = problem.states() * problem.batch();
        Map<String, Integer> elements = new LinkedHashMap<>();
        elements.put("x", rows * problem.inputs());
        for (String name : problem.hasCell() ? List.of("h0", "c0", "dhn", "dcn") : List.of("h0", "dhn")) {
            elements.put(name, stateRows * (name.contains("c") ? problem.hidden() : problem.outputWidth()));
        }
        elements.put("dy", rows * problem.outputs());
        elements.putAll(parameters(problem));
        return elements;
    }

    private static int elements(Problem problem, String bare, int layer) {
        int hidden = problem.hidden();
        int gates = problem.spec().cell().gates() * hidden;
        return switch (bare) {
            case "weight_ih" -> gates * problem.inputs(layer);
            case "weight_hh" -> problem.spec().cell() == CellType.INDRNN ? hidden : gates * problem.outputWidth();
            case "weight_hr" -> problem.outputWidth() * hidden;
            case "layernorm_c.weight", "layernorm_c.bias" -> hidden;
            default -> gates;
        };
    }
}
