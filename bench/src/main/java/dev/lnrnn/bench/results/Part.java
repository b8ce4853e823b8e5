package dev.lnrnn.bench.results;

import dev.lnrnn.bench.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How one part of the GPU bundle ended.
 *
 * @param state "ok", "failed", "timeout" or "skipped"
 * @param sentence why, empty where it is ok
 */
record Part(String state, long seconds, String sentence) {

    private static final List<String> NAMES = List.of("info", "native", "junit", "parity", "sanitizer", "calibrate",
            "bench", "peers");

    /** Those that have run, in their order. */
    static Map<String, Part> read(Path directory) throws IOException {
        Map<String, Part> parts = new LinkedHashMap<>();
        for (String name : NAMES) {
            Path file = directory.resolve(name + ".status");
            if (Files.exists(file)) {
                parts.put(name, parse(file, Files.readString(file).strip().split(" ", 3)));
            }
        }
        return parts;
    }

    private static Part parse(Path file, String[] words) {
        try {
            return new Part(words[0], Long.parseLong(words[1]), words.length > 2 ? words[2] : "");
        } catch (IndexOutOfBoundsException | NumberFormatException e) {
            throw new BadInputException("The file " + file + " has \"" + String.join(" ", words)
                    + "\"; expected a state, seconds and a sentence.");
        }
    }

    boolean isOk() {
        return state.equals("ok");
    }
}
