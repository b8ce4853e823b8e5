package dev.lnrnn;

import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.SafetensorsException;
import dev.lnrnn.interop.Tensor;
import dev.lnrnn.interop.TensorInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A layer's parameters as a safetensors file, under the names of {@link Plan#parameters()}. */
final class Checkpoint {
    private Checkpoint() {}

    static void save(Layer layer, Path file) throws IOException {
        List<Tensor> tensors = new ArrayList<>();
        for (Parameter parameter : layer.plan().parameters()) {
            long[] shape = shape(parameter);
            tensors.add(switch (layer.spec().dataType()) {
                case F32 -> Tensor.f32(parameter.name(), shape, layer.parameters().get(parameter.name()));
                case F64 -> Tensor.f64(parameter.name(), shape, layer.parameters().getDoubles(parameter.name()));
                case F16, BF16 -> throw new IllegalStateException(
                        "a layer in " + layer.spec().dataType() + " cannot be saved yet");
            });
        }
        Safetensors.write(file, describe(layer.spec()), tensors);
    }

    private static Map<String, String> describe(LayerSpec spec) {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", "lnrnn");
        metadata.put("cell", lower(spec.cell()));
        metadata.put("normalization", lower(spec.normalization()));
        metadata.put("direction", lower(spec.direction()));
        metadata.put("epsilon", Double.toString(spec.epsilon()));
        metadata.put("zoneout", Double.toString(spec.zoneout()));
        return metadata;
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    static void load(Layer layer, Path file) throws IOException {
        try (Safetensors tensors = Safetensors.read(file)) {
            checkMatches(layer, tensors.tensors(), file);
            for (Parameter parameter : layer.plan().parameters()) {
                String name = parameter.name();
                if (layer.spec().dataType() == DataType.F64) {
                    layer.parameters().set(name, tensors.doubles(name));
                } else {
                    layer.parameters().set(name, tensors.floats(name));
                }
            }
        }
    }

    private static void checkMatches(Layer layer, Map<String, TensorInfo> tensors, Path file)
            throws SafetensorsException {
        StringBuilder differences = new StringBuilder();
        for (Parameter parameter : layer.plan().parameters()) {
            String difference = difference(parameter, tensors.get(parameter.name()), layer.spec().dataType());
            if (difference != null) {
                differences.append("\n  ").append(parameter.name()).append(": ").append(difference);
            }
        }
        List<String> names = layer.parameters().names();
        for (String name : tensors.keySet()) {
            if (!names.contains(name)) {
                differences.append("\n  ").append(name).append(": not a parameter of this layer");
            }
        }
        if (!differences.isEmpty()) {
            throw new SafetensorsException(file + " does not have the parameters of " + layer + ":" + differences);
        }
    }

    private static @Nullable String difference(Parameter parameter, @Nullable TensorInfo tensor, DataType type) {
        if (tensor == null) {
            return "missing";
        }
        long[] expected = shape(parameter);
        if (!tensor.hasShape(expected)) {
            return "shape " + tensor.shape() + ", expected " + parameter.shape();
        }
        boolean widens = type == DataType.F64 ? tensor.type().fitsDouble() : tensor.type().fitsFloat();
        return widens ? null : "type " + tensor.type() + ", which does not fit into " + type;
    }

    private static long[] shape(Parameter parameter) {
        long[] shape = new long[parameter.shape().size()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = parameter.shape().get(i);
        }
        return shape;
    }
}
