package dev.lnrnn;

import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.oracle.Problem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A reference case: what to compute, and what a float64 reference computed from it. */
record CaseFile(
        String name,
        Map<String, String> metadata,
        Map<String, double[]> tensors,
        long @Nullable [] lengths) {

    private static final List<String> OUTPUTS = List.of("y", "hn", "cn");

    /** All cases, by name. */
    static List<CaseFile> all() {
        try (Stream<Path> files = Files.list(Path.of(CaseFile.class.getResource("/cases").toURI()))) {
            return files.filter(file -> file.toString().endsWith(".safetensors")).sorted()
                    .map(CaseFile::read).toList();
        } catch (IOException | URISyntaxException e) {
            throw new IllegalStateException("the reference cases cannot be listed", e);
        }
    }

    private static CaseFile read(Path file) {
        try (Safetensors contents = Safetensors.read(file)) {
            Map<String, double[]> tensors = new LinkedHashMap<>();
            for (String tensor : contents.tensors().keySet()) {
                if (!tensor.equals("lengths")) {
                    tensors.put(tensor, contents.doubles(tensor));
                }
            }
            long[] lengths = contents.tensors().containsKey("lengths") ? contents.longs("lengths") : null;
            String name = file.getFileName().toString().replace(".safetensors", "");
            return new CaseFile(name, contents.metadata(), tensors, lengths);
        } catch (IOException e) {
            throw new UncheckedIOException(file.toString(), e);
        }
    }

    LayerSpec spec(DataType type) {
        LayerSpec spec = LayerSpec.of(CellType.valueOf(word("cell")), number("C"), number("H"))
                .withNormalization(Normalization.valueOf(word("normalization")))
                .withDirection(Direction.valueOf(word("direction")))
                .withDataType(type)
                .withLayers(number("layers"))
                .withEpsilon(Double.parseDouble(metadata.get("epsilon")))
                .withZoneout(Double.parseDouble(metadata.get("zoneout")))
                .withDropconnect(Double.parseDouble(metadata.get("dropconnect")));
        return spec.withProjection(Long.parseLong(metadata.getOrDefault("P", "0")))
                .withCellClip(Double.parseDouble(metadata.getOrDefault("cell_clip", "0")));
    }

    Problem problem(DataType type) {
        boolean training = Boolean.parseBoolean(metadata.get("training"));
        Problem problem = Problem.of(spec(type), number("T"), number("N"), training, tensors)
                .withLengths(lengths)
                .withMasks(mask("zoneout_mask"), mask("dropconnect_mask"))
                .withResets(mask("resets"));
        problem.elements().forEach((tensor, elements) -> {
            requireElements(tensor, elements);
            requireElements("grad." + tensor, elements);
        });
        return problem;
    }

    /** What is shorter would leave memory unwritten that is read. */
    private void requireElements(String tensor, int elements) {
        double[] values = tensors.get(tensor);
        if (values != null && values.length != elements) {
            throw new IllegalStateException("the case " + name + " has " + values.length + " elements of " + tensor
                    + ", its metadata expect " + elements);
        }
    }

    /** The outputs and, where the case trains, the gradients. */
    Map<String, double[]> expected() {
        Map<String, double[]> expected = new HashMap<>(tensors);
        expected.keySet().removeIf(tensor -> !OUTPUTS.contains(tensor) && !tensor.startsWith("grad."));
        return expected;
    }

    /** The errors that the case allows, or null where it asks nothing of this type. */
    @Nullable
    Accuracy bound(DataType type) {
        String prefix = "bound_" + type.name().toLowerCase(Locale.ROOT);
        String outputs = metadata.get(prefix + "_out");
        String gradients = metadata.get(prefix + "_grad");
        return outputs == null
                ? null
                : new Accuracy(Double.parseDouble(outputs), Double.parseDouble(gradients));
    }

    @Override
    public String toString() {
        return name;
    }

    private int number(String key) {
        return Integer.parseInt(metadata.get(key));
    }

    private String word(String key) {
        return metadata.get(key).toUpperCase(Locale.ROOT);
    }

    private byte @Nullable [] mask(String tensor) {
        double[] values = tensors.get(tensor);
        if (values == null) {
            return null;
        }
        byte[] mask = new byte[values.length];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = (byte) values[i];
        }
        return mask;
    }
}
