package dev.lnrnn;

import java.util.List;

/**
 * One tensor inside the flat parameter buffer, and its gradient inside the flat gradient buffer.
 *
 * <p>Names are those of the cell ({@link CellType}) with {@code _l{k}} for layer k appended to the first part, and
 * {@code _reverse} after it for the direction that reads backwards: {@code weight_ih_l0}, {@code bias_l1_reverse},
 * {@code layernorm_c_l0_reverse.weight}.
 *
 * @param name its name
 * @param layer the layer k it belongs to, from 0
 * @param direction 0 forward, 1 reverse
 * @param shape its extents, row-major
 * @param elements their product
 * @param offsetBytes where it begins among the parameters, a multiple of 64
 * @param gradientOffsetBytes where its gradient begins among the gradients, a multiple of 64
 */
public record Parameter(
        String name,
        int layer,
        int direction,
        List<Long> shape,
        long elements,
        long offsetBytes,
        long gradientOffsetBytes) {

    /** Keeps a copy of the shape. */
    public Parameter {
        shape = List.copyOf(shape);
    }
}
