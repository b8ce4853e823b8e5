package dev.lnrnn;

import java.util.List;

/**
 * One tensor inside the flat parameter buffer, and at the same place its gradient.
 *
 * <p>The names are {@code weight_ih_l{k}} (G&middot;H, C), {@code weight_hh_l{k}} (G&middot;H, H), {@code bias_l{k}}
 * (G&middot;H), {@code layernorm_i_l{k}.weight} and {@code layernorm_h_l{k}.weight} (G&middot;H),
 * {@code layernorm_c_l{k}.weight} and {@code layernorm_c_l{k}.bias} (H), as far as the normalisation has them; a
 * reverse direction appends {@code _reverse} to the first part.
 *
 * @param name its name
 * @param layer the layer k it belongs to, from 0
 * @param shape its extents, row-major
 * @param elements their product
 * @param offsetBytes where it begins in the buffer, a multiple of 64
 */
public record Parameter(String name, int layer, List<Long> shape, long elements, long offsetBytes) {
    /** Keeps a copy of the shape. */
    public Parameter {
        shape = List.copyOf(shape);
    }
}
