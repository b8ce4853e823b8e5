package dev.lnrnn.oracle;

import dev.lnrnn.LayerSpec;
import dev.lnrnn.Normalization;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Everything that decides what a single forward layer computes. Tensors go by the names of the reference cases:
 * {@code x, h0, c0, dy, dhn, dcn} and the parameters; sequences are (T,N,·), states (N,H).
 */
public record Problem(
        LayerSpec spec,
        int steps,
        int batch,
        boolean training,
        Map<String, double[]> tensors,
        long @Nullable [] lengths,
        byte @Nullable [] zoneoutMask,
        byte @Nullable [] dropconnectMask,
        long seed,
        long stepOffset,
        long rowOffset) {

    /** Training on random data, every number representable in float32, nothing zero. */
    public static Problem random(LayerSpec spec, int steps, int batch, long seed) {
        Random random = new Random(seed);
        Problem empty = new Problem(spec, steps, batch, true, Map.of(), null, null, null, seed, 0, 0);
        Map<String, double[]> tensors = new LinkedHashMap<>();
        empty.elements().forEach((name, elements) -> tensors.put(name, draw(name, elements, spec, random)));
        return empty.with(tensors);
    }

    private static double[] draw(String name, int elements, LayerSpec spec, Random random) {
        double scale = name.startsWith("weight_ih") ? 1 / Math.sqrt(spec.inputSize())
                : name.startsWith("weight_hh") ? 1 / Math.sqrt(spec.hiddenSize())
                : name.endsWith("bias") || name.startsWith("bias") ? 0.3
                : name.endsWith(".weight") ? 0.2 : 1;
        double center = name.endsWith(".weight") ? 1 : 0;
        double[] values = new double[elements];
        for (int i = 0; i < elements; i++) {
            values[i] = (float) (center + scale * random.nextGaussian());
        }
        return values;
    }

    public int inputs() {
        return (int) spec.inputSize();
    }

    public int hidden() {
        return (int) spec.hiddenSize();
    }

    public double[] tensor(String name) {
        double[] values = tensors.get(name);
        if (values == null) {
            throw new IllegalArgumentException("the problem has no " + name + ", only " + tensors.keySet());
        }
        return values;
    }

    /** Names of the parameters, in the order of the flat buffer. */
    public List<String> parameters() {
        Normalization normalization = spec.normalization();
        boolean gates = normalization != Normalization.NONE && normalization != Normalization.CELL;
        boolean gateBias = normalization == Normalization.PAPER || normalization == Normalization.CARRY;
        List<String> names = new ArrayList<>(List.of("weight_ih_l0", "weight_hh_l0", "bias_l0"));
        for (String layerNorm : gates ? List.of("layernorm_i_l0", "layernorm_h_l0") : List.<String>of()) {
            names.add(layerNorm + ".weight");
            if (gateBias) {
                names.add(layerNorm + ".bias");
            }
        }
        if (normalization != Normalization.NONE) {
            names.add("layernorm_c_l0.weight");
            names.add("layernorm_c_l0.bias");
        }
        return names;
    }

    /** Names of everything that has a gradient. */
    public List<String> differentiable() {
        List<String> names = new ArrayList<>(List.of("x", "h0", "c0"));
        names.addAll(parameters());
        return names;
    }

    /** How many numbers each tensor of this problem has. */
    public Map<String, Integer> elements() {
        int state = batch * hidden();
        Map<String, Integer> elements = new LinkedHashMap<>();
        elements.put("x", steps * batch * inputs());
        for (String name : List.of("h0", "c0", "dhn", "dcn")) {
            elements.put(name, state);
        }
        elements.put("dy", steps * state);
        for (String name : parameters()) {
            elements.put(name, switch (name) {
                case "weight_ih_l0" -> 4 * hidden() * inputs();
                case "weight_hh_l0" -> 4 * hidden() * hidden();
                case "layernorm_c_l0.weight", "layernorm_c_l0.bias" -> hidden();
                default -> 4 * hidden();
            });
        }
        return elements;
    }

    public Problem with(Map<String, double[]> newTensors) {
        return new Problem(spec, steps, batch, training, newTensors, lengths, zoneoutMask, dropconnectMask,
                seed, stepOffset, rowOffset);
    }

    public Problem with(String name, double... values) {
        Map<String, double[]> changed = new LinkedHashMap<>(tensors);
        changed.put(name, values);
        return with(changed);
    }

    public Problem with(LayerSpec newSpec) {
        return new Problem(newSpec, steps, batch, training, tensors, lengths, zoneoutMask, dropconnectMask,
                seed, stepOffset, rowOffset);
    }

    public Problem withLengths(long @Nullable ... newLengths) {
        return new Problem(spec, steps, batch, training, tensors, newLengths, zoneoutMask, dropconnectMask,
                seed, stepOffset, rowOffset);
    }

    public Problem withMasks(byte @Nullable [] zoneout, byte @Nullable [] dropconnect) {
        return new Problem(spec, steps, batch, training, tensors, lengths, zoneout, dropconnect,
                seed, stepOffset, rowOffset);
    }

    public Problem withOffsets(long step, long row) {
        return new Problem(spec, steps, batch, training, tensors, lengths, zoneoutMask, dropconnectMask,
                seed, step, row);
    }

    /** The same forward pass with zoneout as its expectation, DropConnect off, and no gradients. */
    public Problem inference() {
        return new Problem(spec, steps, batch, false, tensors, lengths, zoneoutMask, dropconnectMask,
                seed, stepOffset, rowOffset);
    }
}
