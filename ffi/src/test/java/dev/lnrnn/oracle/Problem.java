package dev.lnrnn.oracle;

import dev.lnrnn.CellType;
import dev.lnrnn.LayerSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Everything that decides what a stack of layers computes. Tensors go by the names of the reference cases:
 * {@code x, h0, dy, dhn}, with an LSTM {@code c0, dcn}, and the parameters; sequences are (T,N,·), states
 * h (L·D,N,P) and c (L·D,N,H), masks (L·D,T,N,P) and (L·D,G·H,P), resets (T,N).
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
        byte @Nullable [] resets,
        long seed,
        long stepOffset,
        long rowOffset) {

    /** Training on random data, every number representable in float32, nothing zero. */
    public static Problem random(LayerSpec spec, int steps, int batch, long seed) {
        Random random = new Random(seed);
        Problem empty = of(spec, steps, batch, true, Map.of()).withSeed(seed);
        Map<String, double[]> tensors = new LinkedHashMap<>();
        empty.elements().forEach(
                (name, elements) -> tensors.put(name, draw(elements, center(name), empty.scale(name), random)));
        return empty.with(tensors);
    }

    /** A problem without lengths or masks, whose seed and offsets are 0. */
    public static Problem of(
            LayerSpec spec, int steps, int batch, boolean training, Map<String, double[]> tensors) {
        return new Problem(spec, steps, batch, training, tensors, null, null, null, null, 0, 0, 0);
    }

    private static double center(String name) {
        return name.endsWith(".weight") ? 1 : 0;
    }

    private double scale(String name) {
        if (name.startsWith("weight_ih")) {
            return 1 / Math.sqrt(name.startsWith("weight_ih_l0") ? inputs() : outputs());
        }
        if (name.startsWith("weight_hh")) {
            return spec.cell() == CellType.INDRNN ? 0.7 : 1 / Math.sqrt(outputWidth());
        }
        if (name.startsWith("weight_hr")) {
            return 1 / Math.sqrt(hidden());
        }
        return name.endsWith("bias") || name.startsWith("bias") ? 0.3 : name.endsWith(".weight") ? 0.2 : 1;
    }

    private static double[] draw(int elements, double center, double scale, Random random) {
        double[] values = new double[elements];
        for (int i = 0; i < elements; i++) {
            values[i] = (float) (center + scale * random.nextGaussian());
        }
        return values;
    }

    public int layers() {
        return spec.layers();
    }

    public int directions() {
        return spec.direction().count();
    }

    /** L·D. */
    public int states() {
        return layers() * directions();
    }

    /** Features of x. */
    public int inputs() {
        return (int) spec.inputSize();
    }

    /** Features of what a layer reads. */
    public int inputs(int layer) {
        return layer == 0 ? inputs() : outputs();
    }

    public int hidden() {
        return (int) spec.hiddenSize();
    }

    /** Features of h, P. */
    public int outputWidth() {
        return (int) spec.outputWidth();
    }

    /** Features of y, D·P. */
    public int outputs() {
        return directions() * outputWidth();
    }

    /** Whether there is a c. */
    public boolean hasCell() {
        return spec.cell() == CellType.LSTM;
    }

    /** The steps of row n. */
    public int length(int n) {
        return lengths != null ? (int) lengths[n] : steps;
    }

    /** Whether row n goes from one step to the next of its direction without its state. */
    public boolean beginsAnew(int t, int n, int direction) {
        int first = direction == 0 ? t : t + 1;
        return resets != null && first < length(n) && resets[first * batch + n] != 0;
    }

    public double[] tensor(String name) {
        double[] values = tensors.get(name);
        if (values == null) {
            throw new IllegalArgumentException("the problem has no " + name + ", only " + tensors.keySet());
        }
        return values;
    }

    /** Names of the parameters, layer by layer. */
    public List<String> parameters() {
        return List.copyOf(Inventory.parameters(this).keySet());
    }

    /** Names of everything that has a gradient. */
    public List<String> differentiable() {
        List<String> names = new ArrayList<>(hasCell() ? List.of("x", "h0", "c0") : List.of("x", "h0"));
        names.addAll(parameters());
        return names;
    }

    /** How many numbers each tensor of this problem has. */
    public Map<String, Integer> elements() {
        return Inventory.tensors(this);
    }

    public Problem with(Map<String, double[]> newTensors) {
        return new Problem(spec, steps, batch, training, newTensors, lengths, zoneoutMask,
                dropconnectMask, resets, seed, stepOffset, rowOffset);
    }

    public Problem with(String name, double... values) {
        Map<String, double[]> changed = new LinkedHashMap<>(tensors);
        changed.put(name, values);
        return with(changed);
    }

    /** The same data under another description, which has the same tensors. */
    public Problem with(LayerSpec newSpec) {
        return new Problem(newSpec, steps, batch, training, tensors, lengths, zoneoutMask,
                dropconnectMask, resets, seed, stepOffset, rowOffset);
    }

    public Problem withLengths(long @Nullable... newLengths) {
        return new Problem(spec, steps, batch, training, tensors, newLengths, zoneoutMask,
                dropconnectMask, resets, seed, stepOffset, rowOffset);
    }

    public Problem withMasks(byte @Nullable [] zoneout, byte @Nullable [] dropconnect) {
        return new Problem(spec, steps, batch, training, tensors, lengths, zoneout,
                dropconnect, resets, seed, stepOffset, rowOffset);
    }

    public Problem withResets(byte @Nullable [] newResets) {
        return new Problem(spec, steps, batch, training, tensors, lengths, zoneoutMask,
                dropconnectMask, newResets, seed, stepOffset, rowOffset);
    }

    public Problem withSeed(long newSeed) {
        return new Problem(spec, steps, batch, training, tensors, lengths, zoneoutMask,
                dropconnectMask, resets, newSeed, stepOffset, rowOffset);
    }

    public Problem withOffsets(long step, long row) {
        return new Problem(spec, steps, batch, training, tensors, lengths, zoneoutMask,
                dropconnectMask, resets, seed, step, row);
    }

    /** The same forward pass with zoneout as its expectation, nothing dropped, and no gradients. */
    public Problem inference() {
        return new Problem(spec, steps, batch, false, tensors, lengths, zoneoutMask,
                dropconnectMask, resets, seed, stepOffset, rowOffset);
    }
}
