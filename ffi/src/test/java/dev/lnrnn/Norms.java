package dev.lnrnn;

import dev.lnrnn.oracle.Norm;
import java.util.List;

/** What the oracle is told of a layer's norms: where they stand, not how they are computed. */
public final class Norms {

    private Norms() {}

    /** In the order of their parameters. */
    public static List<Norm> of(LayerSpec spec) {
        return spec.normalization().sites(spec.cell()).stream()
                .map(site -> new Norm(name(site.of()), site.segments(), site.bias(), site.carried())).toList();
    }

    private static String name(NormSite.Term term) {
        return switch (term) {
            case INPUT -> "layernorm_i";
            case RECURRENT -> "layernorm_h";
            case SUM -> "layernorm_gates";
            case CELL -> "layernorm_c";
        };
    }
}
