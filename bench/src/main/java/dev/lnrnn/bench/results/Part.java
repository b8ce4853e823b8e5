package dev.lnrnn.bench.results;

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
                String[] words = Files.readString(file).strip().split(" ", 3);
                parts.put(name, new Part(words[0], Long.parseLong(words[1]), words.length > 2 ? words[2] : ""));
            }
        }
        return parts;
    }

    boolean isOk() {
        return state.equals("ok");
    }
}
