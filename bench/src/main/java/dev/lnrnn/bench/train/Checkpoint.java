package dev.lnrnn.bench.train;

import dev.lnrnn.Device;
import dev.lnrnn.Layer;
import dev.lnrnn.bench.BadResultException;
import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A trained forecaster as one safetensors file: the layer's parameters under their own names, the head
 * as {@code head.weight} and {@code head.bias}, and in the metadata what the layer is, what it takes to feed it and to
 * read its forecasts. Written to a temporary file and moved, so that there is always a whole one.
 */
final class Checkpoint {

    private static final String HEAD_WEIGHT = "head.weight";
    private static final String HEAD_BIAS = "head.bias";

    /** More epochs than any training has. */
    static final long NOT_KNOWN = Long.MAX_VALUE;

    private Checkpoint() {}

    /**
     * How many epochs the network in a file has been trained for.
     *
     * @return 0 where there is no file, and {@link #NOT_KNOWN} where it is something else
     */
    static long epochsIn(Path file) {
        if (!Files.exists(file)) {
            return 0;
        }
        try (Safetensors tensors = Safetensors.read(file)) {
            int epochs = Integer.parseInt(tensors.metadata().getOrDefault("epochs", ""));
            return epochs > 0 && "lnrnn".equals(tensors.metadata().get("format")) ? epochs : NOT_KNOWN;
        } catch (IOException | NumberFormatException e) {
            return NOT_KNOWN;
        }
    }

    /** @throws BadResultException if a parameter is no number; the file is then as it was */
    static void save(Path file, Model model, Task task, Scaler scaler, int epochs) throws IOException {
        Layer layer = model.layer();
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("series", task.series().name());
        metadata.put("periods", task.series().periods().toString());
        metadata.put("horizon", Integer.toString(task.horizon()));
        metadata.put("mean", Double.toString(scaler.mean()));
        metadata.put("deviation", Double.toString(scaler.deviation()));
        metadata.putAll(layer.spec().toMetadata());
        metadata.put("epochs", Integer.toString(epochs));
        LinearHead head = model.head();
        for (String name : layer.parameters().names()) {
            checkFinite(name, layer.parameters().get(name));
        }
        checkFinite(HEAD_WEIGHT, head.weight());
        checkFinite(HEAD_BIAS, head.bias());
        List<Tensor> tensors = new ArrayList<>(layer.parameters().toTensors(""));
        tensors.add(Tensor.f32(HEAD_WEIGHT, new long[] {head.weight().length}, head.weight()));
        tensors.add(Tensor.f32(HEAD_BIAS, new long[] {1}, head.bias()));
        Safetensors.write(file, metadata, tensors);
    }

    private static void checkFinite(String name, float[] values) {
        for (float value : values) {
            if (!Float.isFinite(value)) {
                throw new BadResultException("The parameter " + name + " has become " + value
                        + ": the training has diverged.");
            }
        }
    }

    /** A new model on the device, with what the file holds. */
    static Model load(Path file, Device device) throws IOException {
        try (Safetensors tensors = Safetensors.read(file)) {
            Model model = Model.load(device, tensors);
            float[] weight = tensors.floats(HEAD_WEIGHT);
            System.arraycopy(weight, 0, model.head().weight(), 0, weight.length);
            model.head().bias()[0] = tensors.floats(HEAD_BIAS)[0];
            return model;
        }
    }
}
