package dev.lnrnn.oracle;

import java.util.ArrayList;
import java.util.List;

/**
 * A layer norm of a cell, as the oracle is told of it.
 *
 * @param name what its parameters' names begin with
 * @param segments the parts of its row that have statistics of their own, each as wide as so many gates
 * @param bias whether it has a bias beside its gain
 * @param carried whether the next step sees what it gives
 */
public record Norm(String name, List<Integer> segments, boolean bias, boolean carried) {

    /** Its parameters, in order. */
    List<String> parameters() {
        List<String> parameters = new ArrayList<>(List.of(name + ".weight"));
        if (bias) {
            parameters.add(name + ".bias");
        }
        return parameters;
    }
}
