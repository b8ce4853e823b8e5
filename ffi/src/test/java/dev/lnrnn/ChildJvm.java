package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** What a program said and how it ended, in a JVM of its own with this one's Java. */
public record ChildJvm(int exitCode, String output) {

    /** What decides which library and device this JVM and its children use. */
    private static final List<String> INHERITED =
            List.of("lnrnn.library", "lnrnn.test.device", "lnrnn.test.emulated");

    /** Runs {@code java ARGUMENTS}; fails, and ends the child, when it takes longer than {@code limit}. */
    public static ChildJvm run(Duration limit, List<String> arguments)
            throws IOException, InterruptedException {
        return run(limit, Map.of(), arguments);
    }

    /** The same, with variables added to the environment. */
    public static ChildJvm run(Duration limit, Map<String, String> variables, List<String> arguments)
            throws IOException, InterruptedException {
        Path output = Files.createTempFile("child-jvm", ".txt");
        try {
            ProcessBuilder builder = command(arguments).redirectErrorStream(true)
                    .redirectOutput(output.toFile());
            builder.environment().putAll(variables);
            Process process = builder.start();
            boolean ended = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
            if (!ended) {
                process.destroyForcibly().waitFor();
            }
            String text = Files.readString(output);
            assertTrue(ended, () -> "still running after " + limit + ": " + arguments + "\n" + text);
            return new ChildJvm(process.exitValue(), text);
        } finally {
            Files.delete(output);
        }
    }

    /** {@code java ARGUMENTS}, for who wants to talk to it. */
    public static ProcessBuilder command(List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        for (String property : INHERITED) {
            String value = System.getProperty(property);
            if (value != null) {
                command.add("-D" + property + "=" + value);
            }
        }
        command.addAll(arguments);
        return new ProcessBuilder(command);
    }

    public static String classPath() {
        return System.getProperty("java.class.path");
    }
}
