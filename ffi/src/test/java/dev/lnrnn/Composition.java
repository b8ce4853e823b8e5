package dev.lnrnn;

import dev.lnrnn.oracle.Masks;
import dev.lnrnn.oracle.Problem;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a stack consists of, as problems of their own that read forward: their masks are the whole's, handed over,
 * since they would draw others: those of zoneout of h and of DropConnect.
 */
final class Composition {

    private Composition() {}

    /** One layer, in all directions that the stack has. */
    static Problem layer(Problem stack, int layer, double[] x, double[] dy) {
        LayerSpec spec = single(stack, stack.inputs(layer)).withDirection(stack.spec().direction());
        Problem part = part(stack, spec, layer * stack.directions());
        Map<String, double[]> tensors = new LinkedHashMap<>(part.tensors());
        tensors.put("x", x);
        tensors.put("dy", dy);
        for (String name : part.parameters()) {
            tensors.put(name, stack.tensor(name.replace("_l0", "_l" + layer)));
        }
        return part.with(tensors);
    }

    /** One direction of a single layer; the reverse one reads time backwards. */
    static Problem direction(Problem both, int direction) {
        Problem part = part(both, single(both, both.inputs()), direction);
        double[] dy = half(both, direction);
        Map<String, double[]> tensors = new LinkedHashMap<>(part.tensors());
        tensors.put("x", direction == 0 ? both.tensor("x") : reversed(both, both.tensor("x")));
        tensors.put("dy", direction == 0 ? dy : reversed(both, dy));
        for (String name : part.parameters()) {
            tensors.put(name, both.tensor(direction == 0 ? name : name.replace("_l0", "_l0_reverse")));
        }
        byte[] mask = part.zoneoutMask();
        return part.with(tensors).withMasks(
                mask == null || direction == 0 ? mask : reversed(both, mask), part.dropconnectMask());
    }

    /** A sequence (T,N,·) backwards, of each row the steps that it has. */
    static double[] reversed(Problem problem, double[] sequence) {
        double[] reversed = sequence.clone();
        reverse(problem, sequence, reversed, sequence.length);
        return reversed;
    }

    private static byte[] reversed(Problem problem, byte[] mask) {
        byte[] reversed = mask.clone();
        reverse(problem, mask, reversed, mask.length);
        return reversed;
    }

    /** Between arrays of either type, as {@link System#arraycopy} does. */
    private static void reverse(Problem problem, Object sequence, Object reversed, int elements) {
        int batch = problem.batch();
        int features = elements / (problem.steps() * batch);
        for (int n = 0; n < batch; n++) {
            int length = problem.length(n);
            for (int t = 0; t < length; t++) {
                System.arraycopy(sequence, (t * batch + n) * features,
                        reversed, ((length - 1 - t) * batch + n) * features, features);
            }
        }
    }

    /** The part of dy that belongs to a direction. */
    private static double[] half(Problem both, int direction) {
        double[] dy = both.tensor("dy");
        int width = both.outputWidth();
        double[] half = new double[dy.length / 2];
        for (int at = 0; at < half.length; at += width) {
            System.arraycopy(dy, 2 * at + direction * width, half, at, width);
        }
        return half;
    }

    private static LayerSpec single(Problem whole, int inputs) {
        LayerSpec spec = whole.spec();
        return LayerSpec.of(spec.cell(), inputs, spec.hiddenSize())
                .withNormalization(spec.normalization())
                .withDataType(spec.dataType())
                .withEpsilon(spec.epsilon())
                .withProjection(spec.projectionSize())
                .withCellClip(spec.cellClip())
                .withZoneout(spec.zoneout())
                .withDropconnect(spec.dropconnect());
    }

    /** Without x, dy and parameters: the states and masks from {@code state} on. */
    private static Problem part(Problem whole, LayerSpec spec, int state) {
        Problem empty = Problem.of(spec, whole.steps(), whole.batch(), whole.training(), Map.of());
        Map<String, double[]> tensors = new LinkedHashMap<>();
        whole.tensors().forEach((name, values) -> {
            switch (name) {
                case "h0", "c0", "dhn", "dcn" -> {
                    int elements = values.length / whole.states();
                    tensors.put(name,
                            Arrays.copyOfRange(values, state * elements, (state + empty.states()) * elements));
                }
                default -> {}
            }
        });
        byte[] zoneout = spec.zoneout() == 0 ? null : Masks.zoneout(whole);
        byte[] dropconnect = spec.dropconnect() == 0 ? null : Masks.dropconnect(whole);
        return empty.with(tensors).withLengths(whole.lengths()).withMasks(
                cut(zoneout, whole.states(), state, empty.states()),
                cut(dropconnect, whole.states(), state, empty.states()));
    }

    private static byte @Nullable [] cut(byte @Nullable [] mask, int states, int from, int count) {
        if (mask == null) {
            return null;
        }
        int perState = mask.length / states;
        return Arrays.copyOfRange(mask, from * perState, (from + count) * perState);
    }
}
