package dev.lnrnn.bench.latency;

import dev.lnrnn.bench.compare.Median;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * The time from the start of a JVM to the first result, in milliseconds, and its parts: with the library extracted
 * already, as in every start but the first; with an ahead-of-time cache besides; and with the library still in its jar.
 */
final class ColdStart {

    private static final double TARGET = 600;
    private static final double TARGET_WITH_CACHE = 300;
    /** The first that makes a cache in one start. */
    private static final int JAVA_WITH_CACHE = 25;

    private final Effort effort;
    private final String classPath;

    ColdStart(Effort effort) {
        this(effort, System.getProperty("java.class.path"));
    }

    ColdStart(Effort effort, String classPath) {
        this.effort = effort;
        this.classPath = classPath;
    }

    /** Why there is no ahead-of-time cache here; empty where there is. */
    static String whyNoCache(int javaFeature, String classPath) {
        if (javaFeature < JAVA_WITH_CACHE) {
            return "Left out, start with an AOT cache: Java " + JAVA_WITH_CACHE + " can make one with a single option, "
                    + "this is Java " + javaFeature + ".";
        }
        for (String entry : classPath.split(File.pathSeparator)) {
            if (Files.isDirectory(Path.of(entry))) {
                return "Left out, start with an AOT cache: it is for jars, and " + entry + " is a directory.";
            }
        }
        return "";
    }

    String whyNoCache() {
        return whyNoCache(Runtime.version().feature(), classPath);
    }

    List<Task> tasks() {
        List<Task> tasks = new ArrayList<>();
        tasks.add(new Task("cold start", () -> inDirectory(directory -> {
            start(directory, List.of());
            return rows("", TARGET, repeat(() -> start(directory, List.of())));
        })));
        if (whyNoCache().isEmpty()) {
            tasks.add(new Task("cold start, AOT cache", () -> inDirectory(this::withCache)));
        }
        tasks.add(new Task("cold start, extraction", () -> rows(", library extracted", TARGET,
                repeat(() -> inDirectory(directory -> start(directory, List.of()))))));
        return tasks;
    }

    private List<Row> withCache(Path directory) throws IOException, InterruptedException {
        Path cache = directory.resolve("lnrnn.aot");
        start(directory, List.of("-XX:AOTCacheOutput=" + cache));
        // "on": rather fail than measure a start that could not use it.
        List<String> use = List.of("-XX:AOTCache=" + cache, "-XX:AOTMode=on");
        return rows(", AOT cache", TARGET_WITH_CACHE, repeat(() -> start(directory, use)));
    }

    /** @param extracted where the library is, or is going to be */
    private Start start(Path extracted, List<String> options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Dlnrnn.cache=" + extracted, "-cp", classPath,
                FirstResult.class.getName()));
        long begin = System.nanoTime();
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        List<String> output = process.inputReader().lines().toList();
        if (process.waitFor() != 0) {
            throw new IOException("The program that was started failed: " + String.join(" ", output));
        }
        return Start.parse(begin, output);
    }

    @FunctionalInterface
    private interface Attempt<T> {
        T make() throws IOException, InterruptedException;
    }

    @FunctionalInterface
    private interface InDirectory<T> {
        T make(Path directory) throws IOException, InterruptedException;
    }

    private List<Start> repeat(Attempt<Start> attempt) throws IOException, InterruptedException {
        List<Start> starts = new ArrayList<>();
        for (int i = 0; i < effort.starts(); i++) {
            starts.add(attempt.make());
        }
        return starts;
    }

    private static <T> T inDirectory(InDirectory<T> work) throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory("lnrnn-start");
        try {
            return work.make(directory);
        } finally {
            try (Stream<Path> files = Files.walk(directory)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    /** The median of each part, and of the whole; medians do not add up. */
    private static List<Row> rows(String how, double target, List<Start> starts) {
        List<Row> rows = new ArrayList<>();
        for (String part : starts.getFirst().milliseconds().keySet()) {
            double[] milliseconds = starts.stream().mapToDouble(start -> start.milliseconds().get(part)).toArray();
            Row row = Row.of(Part.START, part + how, "ms", Median.of(milliseconds).value())
                    .withSpread(milliseconds);
            rows.add(part.equals(Start.TOTAL) ? row.withTarget(target) : row);
        }
        return rows;
    }
}
