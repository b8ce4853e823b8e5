package dev.lnrnn.oracle;

import dev.lnrnn.Norms;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** The parameters of one direction of one layer, under the names that they have without either. */
record Weights(Problem problem, int layer, int direction) {

    /** What {@code weight_ih} or {@code layernorm_c.bias} is called in a stack: {@code layernorm_c_l0_reverse.bias}. */
    static String name(String bare, int layer, int direction) {
        String suffix = "_l" + layer + (direction == 0 ? "" : "_reverse");
        int dot = bare.indexOf('.');
        return dot < 0 ? bare + suffix : bare.substring(0, dot) + suffix + bare.substring(dot);
    }

    double[] get(String bare) {
        return problem.tensor(name(bare, layer, direction));
    }

    /** The bias of that name, or zeros where the problem has none. */
    double[] bias(String bare) {
        return Inventory.bareParameters(problem.spec()).contains(bare) ? get(bare)
                : new double[problem.spec().cell().gates() * problem.hidden()];
    }

    /** The normalisation of that name, or what changes nothing where the problem has none. */
    UnaryOperator<double[]> layerNorm(String name) {
        return norm(name)
                .<UnaryOperator<double[]>>map(norm -> new LayerNorm(problem.spec().epsilon(), norm.segments(),
                        get(name + ".weight"), norm.bias() ? get(name + ".bias") : null))
                .orElse(UnaryOperator.identity());
    }

    /** What makes h of what the cell puts out. */
    UnaryOperator<double[]> projection() {
        return problem.spec().projectionSize() == 0 ? UnaryOperator.identity()
                : output -> Algebra.product(get("weight_hr"), problem.outputWidth(), output);
    }

    boolean has(String norm) {
        return norm(norm).isPresent();
    }

    boolean carriesNormalized() {
        return norm("layernorm_c").filter(Norm::carried).isPresent();
    }

    private Optional<Norm> norm(String name) {
        return Norms.of(problem.spec()).stream().filter(norm -> norm.name().equals(name)).findFirst();
    }
}
