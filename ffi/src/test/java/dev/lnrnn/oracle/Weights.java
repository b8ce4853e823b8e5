package dev.lnrnn.oracle;

import dev.lnrnn.Normalization;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

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

    /** The normalisation of that name, or what changes nothing where the problem has none. */
    UnaryOperator<double[]> layerNorm(String bare) {
        double[] gain = find(bare + ".weight");
        double[] bias = find(bare + ".bias");
        return gain == null ? UnaryOperator.identity() : new LayerNorm(problem.spec().epsilon(), gain, bias);
    }

    boolean carriesNormalized() {
        return problem.spec().normalization() == Normalization.CARRY;
    }

    private double @Nullable [] find(String bare) {
        return Inventory.bareParameters(problem.spec()).contains(bare) ? get(bare) : null;
    }
}
