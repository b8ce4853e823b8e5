package dev.lnrnn;

import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.SafetensorsException;
import dev.lnrnn.interop.Tensor;
import dev.lnrnn.interop.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A layer's parameters as a safetensors file, under the names of {@link Plan#parameters()}. Files are little-endian, as
 * every machine is that the library is built for.
 */
final class Checkpoint {
    /** So many differences a message lists. */
    private static final int LISTED = 40;

    private static final int LISTED_LENGTH = 200;

    private Checkpoint() {}

    static void save(Layer layer, Path file) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            Safetensors.write(file, SpecMetadata.write(layer.spec()), tensors(layer, "", arena));
        }
    }

    /** Copies of all parameters; the caller holds the lock. */
    static List<Tensor> tensors(Layer layer, String prefix, Arena arena) {
        List<Tensor> tensors = new ArrayList<>();
        for (Parameter parameter : layer.plan().parameters()) {
            DeviceBuffer tensor = layer.parameters().slice(parameter);
            MemorySegment data = arena.allocate(tensor.byteSize());
            tensor.copyTo(data);
            tensors.add(new Tensor(prefix + parameter.name(), TensorReader.elementType(layer.spec().dataType()),
                    shape(parameter), data));
        }
        return tensors;
    }

    /** The layer that a file describes. No memory of the device is asked for before its tensors are those of a layer. */
    static Layer loadLayer(Device device, Safetensors file, LoadOptions options) throws IOException {
        if (options.partial()) {
            throw new IllegalArgumentException("the options leave parameters out, expected all of them: create the "
                    + "layer with createLayer, then load into it");
        }
        LayerSpec spec = describedBy(file);
        try (Plan plan = device.createPlan(spec)) {
            select(plan, file, options);
        }
        Layer layer = device.createLayer(spec);
        try {
            layer.load(file, options);
            return layer;
        } catch (IOException | RuntimeException | Error e) {
            layer.close();
            throw e;
        }
    }

    private static LayerSpec describedBy(Safetensors file) throws SafetensorsException {
        LayerSpec spec;
        try {
            spec = SpecMetadata.read(file.metadata());
        } catch (IllegalArgumentException e) {
            throw new SafetensorsException(file + ": " + e.getMessage(), e);
        }
        // Every layer has a matrix of so many columns and more rows than that; nothing is computed from sizes before.
        long largest = file.tensors().values().stream().mapToLong(TensorInfo::elements).max().orElse(0);
        if (spec.inputSize() > largest || spec.hiddenSize() > largest || spec.outputWidth() > largest
                || spec.states() > file.tensors().size()) {
            throw new SafetensorsException(file + ": the metadata describes a layer of input size " + spec.inputSize()
                    + ", hidden size " + spec.hiddenSize()
                    + (spec.projectionSize() > 0 ? ", projection size " + spec.projectionSize() : "")
                    + " and " + spec.states()
                    + " states, which is larger than its tensors allow");
        }
        return spec;
    }

    static void load(Layer layer, Safetensors file, LoadOptions options) throws IOException {
        Map<String, MemorySegment> contents = new LinkedHashMap<>();
        try (Arena arena = Arena.ofConfined()) {
            for (String name : select(layer.plan(), file, options)) {
                contents.put(name, read(file, options.prefix() + name, layer.spec().dataType(), arena));
            }
            contents.forEach(layer.parameters()::set);
        }
    }

    private static MemorySegment read(Safetensors file, String name, DataType type, Arena arena) throws IOException {
        try {
            return TensorReader.read(file, name, type, arena);
        } catch (SafetensorsException e) {
            throw new SafetensorsException(file + ": " + e.getMessage(), e);
        } catch (InternalError e) {
            // What Java makes of a fault in a mapped file.
            throw new IOException(file + " was truncated, or its disk failed, while it was read", e);
        }
    }

    /** The names of the parameters to be loaded, after everything was compared. */
    private static List<String> select(Plan plan, Safetensors file, LoadOptions options) throws SafetensorsException {
        Map<String, Parameter> parameters = plan.parameters().stream()
                .collect(Collectors.toMap(Parameter::name, parameter -> parameter, (a, b) -> a, LinkedHashMap::new));
        checkNames(parameters.keySet(), options);
        List<String> differences = SpecMetadata.differences(plan.spec(), file.metadata(), options);
        int meanings = differences.size();
        boolean roundable = false;
        List<String> selected = new ArrayList<>();
        for (Parameter parameter : parameters.values()) {
            String name = options.prefix() + parameter.name();
            TensorInfo tensor = file.tensors().get(name);
            if (options.only() != null && !options.only().contains(parameter.name())
                    || tensor == null && options.missing() && options.only() == null) {
                continue;
            }
            selected.add(parameter.name());
            DataType type = plan.spec().dataType();
            String difference = difference(parameter, tensor, type, options.conversion());
            roundable |= difference != null && difference(parameter, tensor, type, true) == null;
            if (difference != null) {
                differences.add(name + ": " + difference);
            }
        }
        if (!options.others() && options.only() == null) {
            for (String name : file.tensors().keySet()) {
                if (name.startsWith(options.prefix())
                        && !parameters.containsKey(name.substring(options.prefix().length()))) {
                    differences.add(name + ": not a parameter of this layer");
                }
            }
        }
        if (selected.isEmpty()) {
            differences.add("the file has none of " + options.prefix() + parameters.keySet().iterator().next() + "...");
        }
        if (!differences.isEmpty()) {
            throw new SafetensorsException(file + " does not have the parameters of layer " + plan.spec().cell() + " "
                    + plan.spec().inputSize() + " to " + plan.spec().hiddenSize() + " on "
                    + plan.device().handle().name() + ":" + list(differences)
                    + (meanings > 0 ? "\n(LoadOptions.withDiffering allows a difference)" : "")
                    + (roundable ? "\n(LoadOptions.withConversion rounds values)" : ""));
        }
        return selected;
    }

    private static void checkNames(Set<String> parameters, LoadOptions options) {
        for (String name : options.only() == null ? Set.<String>of() : new TreeSet<>(options.only())) {
            if (!parameters.contains(name)) {
                throw new IllegalArgumentException(
                        "only has \"" + name + "\", expected some of the parameters " + parameters);
            }
        }
    }

    /** On a line each, without what a hostile name could do to a terminal. */
    private static String list(List<String> differences) {
        StringBuilder list = new StringBuilder();
        for (String difference : differences.subList(0, Math.min(LISTED, differences.size()))) {
            list.append("\n  ").append((difference.length() > LISTED_LENGTH
                    ? difference.substring(0, LISTED_LENGTH) + "..." : difference).replaceAll("\\p{Cntrl}", "?"));
        }
        return list + (differences.size() > LISTED ? "\n  and " + (differences.size() - LISTED) + " more" : "");
    }

    private static @Nullable String difference(
            Parameter parameter, @Nullable TensorInfo tensor, DataType type, boolean conversion) {
        if (tensor == null) {
            return "missing";
        }
        long[] expected = shape(parameter);
        if (!tensor.hasShape(expected)) {
            return "shape " + tensor.shape() + ", expected " + parameter.shape();
        }
        return TensorReader.refusal(tensor.type(), type, conversion);
    }

    private static long[] shape(Parameter parameter) {
        long[] shape = new long[parameter.shape().size()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = parameter.shape().get(i);
        }
        return shape;
    }
}
