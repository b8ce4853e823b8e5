package dev.lnrnn;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The state between two steps of a layer in {@link DataType#F64}. The arrays are not copied.
 *
 * @param h (L&middot;D,N,P)
 * @param c (L&middot;D,N,H), null for any cell but the LSTM
 */
public record DoubleLayerState(double[] h, double @Nullable [] c) {
    /**
     * Requires an h.
     *
     * @param h (L&middot;D,N,P)
     * @param c (L&middot;D,N,H), null for any cell but the LSTM
     */
    // Not the compact form, of which javac loses the annotation of c.
    public DoubleLayerState(double[] h, double @Nullable [] c) {
        this.h = Objects.requireNonNull(h, "h");
        this.c = c;
    }
}
