package dev.lnrnn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class LauncherIT {

    @Test
    void anOlderJavaReadsOneSentence() throws Exception {
        Optional<Path> older = olderJava();
        Assumptions.assumeTrue(older.isPresent(), "no Java older than 22 beside this one");
        Jar.Result result = Jar.run(Jar.command(older.get(), List.of(), "info"));
        assertEquals(1, result.exitCode());
        String sentence = "lnrnn-bench needs Java 22 or later, but this is Java [0-9.]+ \\(.*\\)\\.\\R";
        assertTrue(result.output().matches(sentence), result.output());
    }

    @Test
    void thisJavaRunsTheProgram() throws Exception {
        Jar.Result result = Jar.run(Jar.command(Jar.JAVA_HOME, List.of(), "--help"));
        assertEquals(ExitCode.OK, result.exitCode(), result.output());
        assertTrue(result.output().contains("parity"), result.output());
    }

    /** One that is installed next to the one that runs this test. */
    private static Optional<Path> olderJava() throws IOException {
        try (Stream<Path> homes = Files.list(Jar.JAVA_HOME.getParent())) {
            return homes.filter(LauncherIT::isOlder).findFirst();
        }
    }

    private static boolean isOlder(Path home) {
        Path release = home.resolve("release");
        if (!Files.isExecutable(home.resolve("bin").resolve("java")) || !Files.isReadable(release)) {
            return false;
        }
        try (Reader reader = Files.newBufferedReader(release)) {
            Properties properties = new Properties();
            properties.load(reader);
            String version = properties.getProperty("JAVA_VERSION", "").replace("\"", "");
            return !version.isEmpty() && Runtime.Version.parse(version.split("_")[0]).feature() < 22;
        } catch (IOException e) {
            return false;
        }
    }
}
