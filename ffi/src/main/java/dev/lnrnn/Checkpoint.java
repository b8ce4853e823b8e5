package dev.lnrnn;

import dev.lnrnn.interop.ElementType;
import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.SafetensorsException;
import dev.lnrnn.interop.Tensor;
import dev.lnrnn.interop.TensorInfo;
import dev.lnrnn.memory.DeviceBuffer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A layer's parameters as a safetensors file, under the names of {@link Plan#parameters()}. Files are little-endian, as
 * every machine is that the library is built for.
 */
final class Checkpoint {
    private static final String FORMAT = "format";
    private static final String OWN_FORMAT = "lnrnn";
    /** What the numbers mean, where names and shapes do not say it: two normalisations may have the same tensors. */
    private static final List<String> MEANING = List.of("cell", "normalization");

    private Checkpoint() {}

    static void save(Layer layer, Path file) throws IOException {
        List<Tensor> tensors = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            for (Parameter parameter : layer.plan().parameters()) {
                DeviceBuffer tensor = layer.parameters().slice(parameter);
                MemorySegment data = arena.allocate(tensor.byteSize());
                tensor.copyTo(data);
                tensors.add(new Tensor(parameter.name(), elementType(layer.spec().dataType()), shape(parameter), data));
            }
            Safetensors.write(file, describe(layer.spec()), tensors);
        }
    }

    private static ElementType elementType(DataType type) {
        return switch (type) {
            case F32 -> ElementType.F32;
            case F64 -> ElementType.F64;
            case F16 -> ElementType.F16;
            case BF16 -> ElementType.BF16;
        };
    }

    /** All that a spec is, so that a file is enough to make its layer again. */
    private static Map<String, String> describe(LayerSpec spec) {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put(FORMAT, OWN_FORMAT);
        metadata.put("cell", lower(spec.cell()));
        metadata.put("normalization", lower(spec.normalization()));
        metadata.put("data_type", lower(spec.dataType()));
        metadata.put("direction", lower(spec.direction()));
        metadata.put("layers", Integer.toString(spec.layers()));
        metadata.put("input_size", Long.toString(spec.inputSize()));
        metadata.put("hidden_size", Long.toString(spec.hiddenSize()));
        metadata.put("epsilon", Double.toString(spec.epsilon()));
        metadata.put("zoneout", Double.toString(spec.zoneout()));
        metadata.put("zoneout_cell", Double.toString(spec.zoneoutCell()));
        metadata.put("dropconnect", Double.toString(spec.dropconnect()));
        metadata.put("dropout", Double.toString(spec.dropout()));
        metadata.put("variational_dropout", Boolean.toString(spec.regularization().variationalDropout()));
        metadata.put("recompute", Boolean.toString(spec.execution().recompute()));
        metadata.put("deterministic", Boolean.toString(spec.execution().deterministic()));
        return metadata;
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    static void load(Layer layer, Path file) throws IOException {
        try (Safetensors tensors = Safetensors.read(file)) {
            checkMatches(layer, tensors, file);
            DataType type = layer.spec().dataType();
            for (String name : layer.parameters().names()) {
                // The bytes as they are wherever nothing has to be widened.
                if (tensors.tensors().get(name).type() == elementType(type)) {
                    layer.parameters().set(name, tensors.data(name));
                } else if (type == DataType.F64) {
                    layer.parameters().set(name, tensors.doubles(name));
                } else {
                    layer.parameters().set(name, tensors.floats(name));
                }
            }
        }
    }

    private static void checkMatches(Layer layer, Safetensors file, Path path) throws SafetensorsException {
        StringBuilder differences = new StringBuilder();
        if (OWN_FORMAT.equals(file.metadata().get(FORMAT))) {
            Map<String, String> expected = describe(layer.spec());
            for (String key : MEANING) {
                String found = file.metadata().get(key);
                if (!expected.get(key).equals(found)) {
                    differences.append("\n  ").append(key).append(": ").append(found)
                            .append(", expected ").append(expected.get(key));
                }
            }
        }
        for (Parameter parameter : layer.plan().parameters()) {
            String difference =
                    difference(parameter, file.tensors().get(parameter.name()), layer.spec().dataType());
            if (difference != null) {
                differences.append("\n  ").append(parameter.name()).append(": ").append(difference);
            }
        }
        Set<String> names = Set.copyOf(layer.parameters().names());
        for (String name : file.tensors().keySet()) {
            if (!names.contains(name)) {
                differences.append("\n  ").append(name).append(": not a parameter of this layer");
            }
        }
        if (!differences.isEmpty()) {
            throw new SafetensorsException(path + " does not have the parameters of " + layer + ":" + differences);
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
        return fits(tensor.type(), type) ? null : "type " + tensor.type() + ", which does not fit into " + type;
    }

    private static boolean fits(ElementType tensor, DataType type) {
        return switch (type) {
            case F64 -> tensor.fitsDouble();
            case F32 -> tensor.fitsFloat();
            case F16, BF16 -> tensor == elementType(type);
        };
    }

    private static long[] shape(Parameter parameter) {
        long[] shape = new long[parameter.shape().size()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = parameter.shape().get(i);
        }
        return shape;
    }
}
