package dev.lnrnn;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A {@link LayerSpec} as the metadata of a file, and back. */
final class SpecMetadata {
    private static final String FORMAT = "format";
    private static final String OWN_FORMAT = "lnrnn";
    private static final String VERSION = "lnrnn.format";
    /** Grows when a key gets another meaning, or gives one to others, that an older version would not see. */
    private static final List<String> VERSIONS = List.of("1", "2");
    /** What version 2 says besides. A file of version 1 means 0 by each. */
    private static final List<String> SECOND = List.of("projection_size", "cell_clip");
    /** Of a stack and its sizes: with a part of the parameters these need not be the same. */
    private static final List<String> STACK = List.of("direction", "layers", "input_size", "hidden_size",
            "projection_size");
    /** Java itself takes units and hexadecimals, too. */
    private static final Pattern NUMBER = Pattern.compile("[+-]?([0-9.]+([eE][+-]?[0-9]+)?|NaN|Infinity)");
    /** What a message may repeat of a file. */
    private static final Pattern HARMLESS = Pattern.compile("[!-~]{0,40}");

    private SpecMetadata() {}

    static Map<String, String> write(LayerSpec spec) {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put(FORMAT, OWN_FORMAT);
        // The oldest version that says it all: so what knows no other can read the file.
        boolean second = spec.projectionSize() != 0 || spec.cellClip() != 0;
        metadata.put(VERSION, VERSIONS.get(second ? 1 : 0));
        metadata.put("cell", lower(spec.cell()));
        metadata.put("normalization", lower(spec.normalization()));
        metadata.put("data_type", lower(spec.dataType()));
        metadata.put("direction", lower(spec.direction()));
        metadata.put("layers", Integer.toString(spec.layers()));
        metadata.put("input_size", Long.toString(spec.inputSize()));
        metadata.put("hidden_size", Long.toString(spec.hiddenSize()));
        metadata.put("epsilon", Double.toString(spec.epsilon()));
        if (second) {
            metadata.put("projection_size", Long.toString(spec.projectionSize()));
            metadata.put("cell_clip", Double.toString(spec.cellClip()));
        }
        metadata.put("zoneout", Double.toString(spec.zoneout()));
        metadata.put("zoneout_cell", Double.toString(spec.zoneoutCell()));
        metadata.put("dropconnect", Double.toString(spec.dropconnect()));
        metadata.put("dropout", Double.toString(spec.dropout()));
        metadata.put("variational_dropout", Boolean.toString(spec.regularization().variationalDropout()));
        metadata.put("dropout_candidate", Double.toString(spec.dropoutCandidate()));
        metadata.put("recompute", Boolean.toString(spec.execution().recompute()));
        metadata.put("deterministic", Boolean.toString(spec.execution().deterministic()));
        return metadata;
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /** Whether this library's words have this library's meaning in it. */
    static boolean isOwn(Map<String, String> metadata) {
        return OWN_FORMAT.equals(metadata.get(FORMAT));
    }

    /** The description, or IllegalArgumentException with what is wrong. */
    static LayerSpec read(Map<String, String> metadata) {
        if (!isOwn(metadata)) {
            throw new IllegalArgumentException("the metadata does not describe a layer: it has no format=lnrnn");
        }
        String refusal = versionRefusal(metadata);
        if (refusal != null) {
            throw new IllegalArgumentException(refusal);
        }
        return new LayerSpec(
                constant(metadata, "cell", CellType.values()),
                constant(metadata, "normalization", Normalization.values()),
                constant(metadata, "data_type", DataType.values()),
                constant(metadata, "direction", Direction.values()),
                value(metadata, "layers", "an integer", Integer::valueOf),
                value(metadata, "input_size", "an integer", Long::valueOf),
                value(metadata, "hidden_size", "an integer", Long::valueOf),
                value(metadata, "projection_size", "an integer", Long::valueOf),
                number(metadata, "epsilon"),
                number(metadata, "cell_clip"),
                new Regularization(number(metadata, "zoneout"), number(metadata, "zoneout_cell"),
                        number(metadata, "dropconnect"), number(metadata, "dropout"),
                        truth(metadata, "variational_dropout"),
                        metadata.containsKey("dropout_candidate") ? number(metadata, "dropout_candidate") : 0),
                new Execution(truth(metadata, "recompute"), truth(metadata, "deterministic"))).validate();
    }

    /** What is wrong with the version of the keys, which could mean something else here; null for nothing. */
    private static @Nullable String versionRefusal(Map<String, String> metadata) {
        String found = metadata.get(VERSION);
        if (found != null && VERSIONS.contains(found)) {
            return null;
        }
        return VERSION + " is " + shown(found) + " in the metadata, expected " + String.join(" or ", VERSIONS)
                + (found == null ? "" : ": another version of lnrnn wrote it");
    }

    private static <E extends Enum<E>> E constant(Map<String, String> metadata, String key, E[] known) {
        List<String> names = new ArrayList<>();
        for (E constant : known) {
            if (lower(constant).equals(metadata.get(key))) {
                return constant;
            }
            names.add(lower(constant));
        }
        throw new IllegalArgumentException(
                key + " is " + shown(metadata.get(key)) + " in the metadata, expected one of " + names);
    }

    private static double number(Map<String, String> metadata, String key) {
        return value(metadata, key, "a number", text -> {
            if (!NUMBER.matcher(text).matches()) {
                throw new NumberFormatException();
            }
            return Double.valueOf(text);
        });
    }

    private static boolean truth(Map<String, String> metadata, String key) {
        return value(metadata, key, "true or false", text -> switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new NumberFormatException();
        });
    }

    private static <T> T value(Map<String, String> metadata, String key, String expected, Function<String, T> parse) {
        String text = find(metadata, key);
        if (text != null && HARMLESS.matcher(text).matches()) {
            try {
                return parse.apply(text);
            } catch (NumberFormatException e) {
                // Said below.
            }
        }
        throw new IllegalArgumentException(key + " is " + shown(text) + " in the metadata, expected " + expected);
    }

    private static @Nullable String find(Map<String, String> metadata, String key) {
        boolean first = VERSIONS.get(0).equals(metadata.get(VERSION));
        return first && SECOND.contains(key) ? "0" : metadata.get(key);
    }

    private static String shown(@Nullable String text) {
        return text == null ? "missing" : HARMLESS.matcher(text).matches() ? text : "something unreadable";
    }

    /** A line for all that the file says otherwise and that changes results; none for a file that says nothing. */
    static List<String> differences(LayerSpec spec, Map<String, String> metadata, LoadOptions options) {
        List<String> differences = new ArrayList<>();
        if (!isOwn(metadata)) {
            return differences;
        }
        String refusal = versionRefusal(metadata);
        if (refusal != null) {
            differences.add(refusal);
            return differences;
        }
        Map<String, String> expected = write(spec);
        for (String key : LoadOptions.COMPARED) {
            if (options.differing().contains(key) || options.partial() && STACK.contains(key)) {
                continue;
            }
            String found = find(metadata, key);
            String own = Objects.requireNonNull(find(expected, key), key);
            if (found == null || !same(own, found)) {
                differences.add(key + ": " + shown(found) + ", expected " + own);
            }
        }
        return differences;
    }

    /** Of two texts, or two numbers however they are written. */
    private static boolean same(String expected, String found) {
        if (expected.equals(found)) {
            return true;
        }
        try {
            return HARMLESS.matcher(found).matches() && Double.parseDouble(expected) == Double.parseDouble(found);
        } catch (NumberFormatException e) {
            return false;
        }
    }
}
