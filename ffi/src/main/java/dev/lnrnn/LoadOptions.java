package dev.lnrnn;

import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Options for {@link Layer#load(java.nio.file.Path, LoadOptions)}. Immutable; start with {@link #DEFAULTS}. They
 * require exactly the layer's parameters, in a type that converts without loss, from a layer that computes the same:
 *
 * {@snippet :
 * layer.load(file, LoadOptions.DEFAULTS.withPrefix("encoder.rnn."));      // one of several layers in a file
 * layer.load(file, LoadOptions.DEFAULTS.withConversion(true));            // float32 into a layer in bfloat16
 * layer.load(file, LoadOptions.DEFAULTS.withDiffering("zoneout"));        // trained with another zoneout
 * layer.load(file, LoadOptions.DEFAULTS.withOnly("weight_ih_l0", "bias_l0"));
 * }
 *
 * @param prefix precedes each parameter's name in the file; tensors with other names are ignored
 * @param only the parameters to load, which the file must have; null for all
 * @param missing whether the file may lack parameters; these keep their values, or remain unset
 * @param others whether the file may have tensors that are no parameters of the layer; they are ignored
 * @param conversion whether values may be rounded to the layer's type; values too large for the type are refused
 * @param differing the properties among {@link #COMPARED} that may differ between file and layer
 */
public record LoadOptions(
        String prefix,
        @Nullable Set<String> only,
        boolean missing,
        boolean others,
        boolean conversion,
        Set<String> differing) {

    /**
     * The properties that change results, which must be equal in a file of {@link Layer#save} and in the layer:
     * {@code cell}, {@code normalization}, {@code epsilon}, {@code cell_clip}, {@code zoneout} and {@code zoneout_cell}
     * (inference uses their expectation). Unless only part of the parameters is loaded, also {@code direction},
     * {@code layers}, {@code input_size}, {@code hidden_size} and {@code projection_size}. DropConnect, dropout of
     * either kind and {@link Execution} may always differ. Types are those of the tensors.
     */
    public static final List<String> COMPARED = List.of("cell", "normalization", "direction", "layers", "input_size",
            "hidden_size", "projection_size", "epsilon", "cell_clip", "zoneout", "zoneout_cell");

    /** Requires exactly the layer's parameters, and equal properties. */
    public static final LoadOptions DEFAULTS = new LoadOptions("", null, false, false, false, Set.of());

    /**
     * Keeps copies of the sets.
     *
     * @throws IllegalArgumentException if {@code only} is empty, or {@code differing} has a property that is not
     *     compared
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
     * @param prefix precedes each parameter's name in the file
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
     * @param missing whether the file may lack parameters
     */
    public LoadOptions withMissing(boolean missing) {
        return new LoadOptions(prefix, only, missing, others, conversion, differing);
    }

    /**
     * {@return these options with another others}
     *
     * @param others whether the file may have tensors that are no parameters of the layer
     */
    public LoadOptions withOthers(boolean others) {
        return new LoadOptions(prefix, only, missing, others, conversion, differing);
    }

    /**
     * {@return these options with another conversion}
     *
     * @param conversion whether values may be rounded to the layer's type
     */
    public LoadOptions withConversion(boolean conversion) {
        return new LoadOptions(prefix, only, missing, others, conversion, differing);
    }

    /**
     * {@return these options with other differences allowed}
     *
     * @param differing the properties among {@link #COMPARED} that may differ
     */
    public LoadOptions withDiffering(String... differing) {
        return new LoadOptions(prefix, only, missing, others, conversion, Set.of(differing));
    }

    /** Whether parameters may keep what they have. */
    boolean partial() {
        return only != null || missing;
    }
}
