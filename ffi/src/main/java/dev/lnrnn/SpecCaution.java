package dev.lnrnn;

import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What to say to whoever makes a layer that cannot see its input. */
final class SpecCaution {
    private SpecCaution() {}

    /** What such a layer cannot see; null for nothing. */
    static @Nullable String of(LayerSpec spec) {
        CellType cell = spec.cell();
        Normalization normalization = spec.normalization();
        boolean one = spec.inputSize() == 1 || spec.layers() > 1 && spec.outputSize() == 1;
        String with = cell + " with normalization " + normalization + " and ";
        if (one && normalizesInput(spec, normalization)) {
            return with + (spec.inputSize() == 1 ? "inputSize 1" : "layers of one feature")
                    + " normalises x W_ih', which takes "
                    + "the size of a single feature away: y depends on its sign alone. Choose normalization "
                    + cell.normalizations().stream()
                            .filter(other -> !normalizesInput(spec, other) && !normalizesFew(spec, other))
                            .map(Normalization::name).collect(Collectors.joining(" or "))
                    + ", or more features";
        }
        return !normalizesFew(spec, normalization) ? null
                : with + "hiddenSize " + spec.hiddenSize() + " normalises rows of "
                        + (spec.hiddenSize() == 1 ? "one number, of which nothing is left: y does not depend on x"
                                : "two numbers, of which only the sign of their difference is left")
                        + ". Choose normalization NONE, or more units";
    }

    private static boolean normalizesInput(LayerSpec spec, Normalization normalization) {
        return normalization.sites(spec.cell()).stream().anyMatch(site -> site.of() == NormSite.Term.INPUT);
    }

    /** Whether a norm has a row, or a part of one, that is as wide as so few units. */
    private static boolean normalizesFew(LayerSpec spec, Normalization normalization) {
        return spec.hiddenSize() <= 2
                && normalization.sites(spec.cell()).stream().anyMatch(NormSite::hasSegmentOfOneGate);
    }
}
