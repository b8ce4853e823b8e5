package dev.lnrnn;

import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What {@link Layer#load(java.nio.file.Path, LoadOptions)} takes from a file, and what it accepts. Immutable; start with
 * {@link #DEFAULTS}, which accepts nothing but exactly the layer's parameters, in a type that loses nothing, and trained
 * for what the layer computes:
 *
 * {@snippet :
 * layer.load(file, LoadOptions.DEFAULTS.withPrefix("encoder.rnn."));      // one of several layers in a file
 * layer.load(file, LoadOptions.DEFAULTS.withConversion(true));            // float32 into a layer in bfloat16
 * layer.load(file, LoadOptions.DEFAULTS.withDiffering("zoneout"));        // trained with another zoneout
 * layer.load(file, LoadOptions.DEFAULTS.withOnly("weight_ih_l0", "bias_l0"));
 * }
 *
 * @param prefix what stands before a parameter's name in the file; tensors whose names begin otherwise are left alone
 * @param only the parameters to load, each of which has to be there, whatever else is; null for all
 * @param missing whether parameters that the file does not have stay as they are: not set, where they never were
 * @param others whether the file may have tensors that are no parameters of the layer; they are left alone
 * @param conversion whether values are rounded to the layer's type, to the nearest, where it does not hold them all;
 *     numbers too large for it are refused
 * @param differing what the file may say otherwise than the layer, of {@link #COMPARED}
 */
public record LoadOptions(
        String prefix,
        @Nullable Set<String> only,
        boolean missing,
        boolean others,
        boolean conversion,
        Set<String> differing) {

    /**
     * What changes results and so is compared with what a file of {@link Layer#save} says: {@code cell},
     * {@code normalization}, {@code epsilon}, {@code zoneout}, {@code zoneout_cell} (inference works with their
     * expectation); and, unless a part of the parameters is loaded, {@code direction}, {@code layers},
     * {@code input_size} and {@code hidden_size}. What is drawn in training alone (DropConnect, dropout) and
     * {@link Execution} may always differ; types are those of the tensors.
     */
    public static final List<String> COMPARED = List.of("cell", "normalization", "direction", "layers", "input_size",
            "hidden_size", "epsilon", "zoneout", "zoneout_cell");

    /** Exactly the layer's parameters, and nothing that differs. */
    public static final LoadOptions DEFAULTS = new LoadOptions("", null, false, false, false, Set.of());

    /**
     * Keeps copies of the sets.
     *
     * @throws IllegalArgumentException if {@code only} is empty, or {@code differing} has what is not compared
     */
    public LoadOptions {
        Objects.requireNonNull(prefix, "prefix");
        only = only == null ? null : Set.copyOf(only);
        differing = Set.copyOf(Objects.requireNonNull(differing, "differing"));
        if (only != null && only.isEmpty()) {
            throw new IllegalArgumentException("only is empty, expected the names of some parameters");
        }
        for (String name : new TreeSet<>(differing)) {
            if (!COMPARED.contains(name)) {
                throw new IllegalArgumentException("differing has \"" + name + "\", expected some of " + COMPARED);
            }
        }
    }

    /**
     * {@return these options with another prefix}
     *
     * @param prefix what stands before a parameter's name in the file
     */
    public LoadOptions withPrefix(String prefix) {
        return new LoadOptions(prefix, only, missing, others, conversion, differing);
    }

    /**
     * {@return these options for some parameters alone}
     *
     * @param parameters their names, without the prefix
     */
    public LoadOptions withOnly(String... parameters) {
        return new LoadOptions(prefix, Set.of(parameters), missing, others, conversion, differing);
    }

    /**
     * {@return these options with another missing}
     *
     * @param missing whether parameters that the file does not have stay as they are
     */
    public LoadOptions withMissing(boolean missing) {
        return new LoadOptions(prefix, only, missing, others, conversion, differing);
    }

    /**
     * {@return these options with another others}
     *
     * @param others whether tensors that are no parameters of the layer are left alone
     */
    public LoadOptions withOthers(boolean others) {
        return new LoadOptions(prefix, only, missing, others, conversion, differing);
    }

    /**
     * {@return these options with another conversion}
     *
     * @param conversion whether values are rounded to the layer's type
     */
    public LoadOptions withConversion(boolean conversion) {
        return new LoadOptions(prefix, only, missing, others, conversion, differing);
    }

    /**
     * {@return these options with other differences allowed}
     *
     * @param differing what the file may say otherwise than the layer, of {@link #COMPARED}
     */
    public LoadOptions withDiffering(String... differing) {
        return new LoadOptions(prefix, only, missing, others, conversion, Set.of(differing));
    }

    /** Whether parameters may keep what they have. */
    boolean partial() {
        return only != null || missing;
    }
}
