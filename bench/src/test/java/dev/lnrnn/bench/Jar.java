package dev.lnrnn.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs the packaged {@code lnrnn-bench.jar} in a JVM of its own. */
final class Jar {

    static final Path JAVA_HOME = Path.of(System.getProperty("java.home"));

    private static final Path JAR = Path.of("target", "lnrnn-bench.jar");
    private static final long LONGEST_SECONDS = 120;

    private Jar() {}

    /** @param output both streams, in the order they were written */
    record Result(int exitCode, String output) {}

    /** The command line that runs the jar with a Java. */
    static List<String> command(Path javaHome, List<String> jvmArguments, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(javaHome.resolve("bin").resolve("java").toString());
        command.addAll(jvmArguments);
        command.add("-jar");
        command.add(JAR.toString());
        command.addAll(List.of(arguments));
        return command;
    }

    static Result run(List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(LONGEST_SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("still running: " + command);
        }
        return new Result(process.exitValue(), output);
    }
}
