package dev.lnrnn.bench.latency;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One start of {@link FirstResult}.
 *
 * @param milliseconds of its parts, in their order, and then {@link #TOTAL}
 */
record Start(Map<String, Double> milliseconds) {

    static final String TOTAL = "in all";

    /** What {@link FirstResult} prints, and what it has done since the moment before. */
    private static final Map<String, String> PARTS = parts();

    private static Map<String, String> parts() {
        Map<String, String> parts = new LinkedHashMap<>();
        parts.put("main", "JVM until main");
        parts.put("library", "load the library");
        parts.put("device", "open the device");
        parts.put("layer", "create and initialize the layer");
        parts.put("forward", "first forward pass");
        return parts;
    }

    /**
     * Reads what the program printed.
     *
     * @param begin when its JVM was started, by {@link System#nanoTime} of this one. Both read the clock of the
     *     system, which on Linux is one for all processes.
     * @param output all of it
     * @throws IOException if a moment is missing or before the one that precedes it
     */
    static Start parse(long begin, List<String> output) throws IOException {
        Map<String, Long> moments = new LinkedHashMap<>();
        for (String line : output) {
            int equals = line.indexOf('=');
            String name = equals < 0 ? "" : line.substring(0, equals);
            if (PARTS.containsKey(name)) {
                moments.put(name, Long.parseLong(line.substring(equals + 1)));
            }
        }
        Map<String, Double> milliseconds = new LinkedHashMap<>();
        long before = begin;
        for (Map.Entry<String, String> part : PARTS.entrySet()) {
            Long moment = moments.get(part.getKey());
            if (moment == null || moment < before) {
                throw new IOException("The program that was started did not say when it had come to: "
                        + part.getValue() + ". It said: " + String.join(" ", output));
            }
            milliseconds.put(part.getValue(), 1e-6 * (moment - before));
            before = moment;
        }
        milliseconds.put(TOTAL, 1e-6 * (before - begin));
        return new Start(milliseconds);
    }
}
