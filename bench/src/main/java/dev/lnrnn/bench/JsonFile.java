package dev.lnrnn.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.lnrnn.interop.FileReplacement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Results as a JSON file. */
public final class JsonFile {

    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private JsonFile() {}

    /**
     * Writes them, so that the file has all of them or is as it was.
     *
     * @throws BadResultException as {@link #requireFinite} does
     */
    public static void write(Path file, Object results) throws IOException {
        requireFinite(results);
        FileReplacement.write(file, JSON.writeValueAsBytes(results));
    }

    /**
     * Whoever prints results asks this first.
     *
     * @throws BadResultException if any of their numbers is NaN or infinite, naming it
     */
    public static void requireFinite(Object results) {
        requireFinite("", JSON.valueToTree(results));
    }

    /**
     * How many rows stand in such a file: who has measured only a part of what was asked replaces nothing that has more.
     *
     * @return 0 where there is no file, and the most there can be where it is something else
     */
    public static int rowsIn(Path file) {
        if (!Files.exists(file)) {
            return 0;
        }
        try {
            JsonNode rows = JSON.readTree(file.toFile()).path("rows");
            return rows.isArray() ? rows.size() : Integer.MAX_VALUE;
        } catch (IOException e) {
            return Integer.MAX_VALUE;
        }
    }

    private static void requireFinite(String name, JsonNode node) {
        if (node.isFloatingPointNumber() && !Double.isFinite(node.doubleValue())) {
            throw new BadResultException(
                    "The result " + (name.startsWith(".") ? name.substring(1) : name) + " is " + node.asText()
                            + ", which is not a number.");
        }
        for (Map.Entry<String, JsonNode> field : node.properties()) {
            requireFinite(name + "." + field.getKey(), field.getValue());
        }
        if (node.isArray()) {
            for (int i = 0; i < node.size(); i++) {
                requireFinite(name + "[" + i + "]", node.get(i));
            }
        }
    }
}
