package dev.lnrnn.bench.results;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.lnrnn.bench.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@code results.json} holds. Nothing is in it that a part did not write: what was not measured is
 * null or absent.
 *
 * @param device the GPU's name as the calibration read it
 * @param driver of NVIDIA's
 * @param versions of what was compared
 * @param parts how each part ended
 * @param parity cases in each data type and state: "holds", "fails", "unsupported" or "unasked"
 */
@JsonNaming(SnakeCaseStrategy.class)
record Results(@Nullable String device, @Nullable String driver, Map<String, String> versions, Map<String, Part> parts,
        Map<String, Map<String, Integer>> parity, @Nullable JsonNode calibration, List<Row> rows) {

    private static final ObjectMapper JSON = new ObjectMapper()
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES);

    private static final Comparator<Row> ORDER = Comparator.comparing(Row::shape).thenComparing(Row::mode)
            .thenComparing(Row::dtype).thenComparing(row -> !row.normalized()).thenComparing(row -> !row.isOurs())
            .thenComparing(Row::system);

    static Results read(Path directory) throws IOException {
        Map<String, Part> parts = Part.read(directory);
        if (parts.isEmpty()) {
            throw new BadInputException("There is no status file of a part of the GPU bundle in " + directory + ".");
        }
        // A part that failed may have left a file of an earlier run, or half a one.
        JsonNode calibration = isOk(parts, "calibrate") ? json(directory.resolve("calibration.json")) : null;
        List<Row> rows = new ArrayList<>();
        rows.addAll(lines(directory.resolve("bench.jsonl"), parts, "bench", Row.class));
        rows.addAll(lines(directory.resolve("peers.jsonl"), parts, "peers", Row.class));
        if (calibration != null && !calibration.path("smoke").asBoolean()) {
            Limit limit = new Limit(new GpuCalibration(calibration));
            rows.replaceAll(row -> row.withFraction(limit.milliseconds(row.workload()) / row.medianMs()));
        }
        rows.sort(ORDER);
        return new Results(calibration == null ? null : text(calibration, "device"), driver(directory),
                versions(directory, parts), parts, parity(directory, parts), calibration, rows);
    }

    private static boolean isOk(Map<String, Part> parts, String name) {
        return parts.containsKey(name) && parts.get(name).isOk();
    }

    /** Rows are good as far as they were written: a part that ran out of time keeps those it has. */
    private static <T> List<T> lines(Path file, Map<String, Part> parts, String part, Class<T> type)
            throws IOException {
        List<T> lines = new ArrayList<>();
        if (!parts.containsKey(part) || parts.get(part).state().equals("skipped") || !Files.exists(file)) {
            return lines;
        }
        String text = Files.readString(file);
        // A line that does not end is of a part that was stopped while it wrote it.
        for (String line : text.substring(0, text.lastIndexOf('\n') + 1).lines().toList()) {
            lines.add(parse(file + ", line " + (lines.size() + 1), JSON.getFactory().createParser(line), type));
        }
        return lines;
    }

    private static <T> T parse(String place, JsonParser json, Class<T> type) throws IOException {
        try (json) {
            return JSON.readValue(json, type);
        } catch (JsonProcessingException e) {
            throw new BadInputException(place + ": " + e.getOriginalMessage());
        }
    }

    private static String text(JsonNode json, String name) {
        return json.path(name).asText("not known");
    }

    private static Map<String, Map<String, Integer>> parity(Path directory, Map<String, Part> parts)
            throws IOException {
        Map<String, Map<String, Integer>> counts = new LinkedHashMap<>();
        for (JsonNode line : lines(directory.resolve("parity.jsonl"), parts, "parity", JsonNode.class)) {
            counts.computeIfAbsent(text(line, "dtype"), dtype -> new LinkedHashMap<>())
                    .merge(text(line, "state"), 1, Integer::sum);
        }
        return counts;
    }

    private static Map<String, String> versions(Path directory, Map<String, Part> parts) throws IOException {
        Map<String, String> versions = new LinkedHashMap<>();
        JsonNode info = isOk(parts, "info") ? json(directory.resolve("info.json")) : null;
        if (info != null) {
            versions.put("lnrnn", text(info, "version"));
            versions.put("java", text(info, "java"));
        }
        JsonNode peers = isOk(parts, "peers") ? json(directory.resolve("peers-versions.json")) : null;
        if (peers != null) {
            peers.properties().forEach(version -> versions.put(version.getKey(), version.getValue().asText()));
        }
        return versions;
    }

    private static @Nullable String driver(Path directory) throws IOException {
        Path file = directory.resolve("driver.txt");
        return Files.exists(file) ? Files.readString(file).strip() : null;
    }

    private static @Nullable JsonNode json(Path file) throws IOException {
        return Files.exists(file)
                ? parse(file.toString(), JSON.getFactory().createParser(file.toFile()), JsonNode.class)
                : null;
    }
}
