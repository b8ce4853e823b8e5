package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A program whose arguments fit no overload gets a compiler error that names the overloads. Where the annotations on the
 * parameters are missing, javac 25 crashes instead; so whoever depends on this library has to get them.
 */
class MistypedCallTest {

    private static final Path POM = Path.of(System.getProperty("basedir", "."), "pom.xml");
    private static final Pattern DEPENDENCY =
            Pattern.compile("<dependency>.*?<artifactId>([^<]+)</artifactId>(.*?)</dependency>", Pattern.DOTALL);
    private static final String PROGRAM = """
            package program;

            class Program {
                void run(dev.lnrnn.Layer layer) {
                    layer.forward("no array", 1, 2, null, null);
                }
            }
            """;

    @Test
    void namesTheOverloadsOnTheClassPath(@TempDir Path directory) throws IOException {
        assertNamesTheOverloads(directory, "-cp");
    }

    @Test
    void namesTheOverloadsOnTheModulePath(@TempDir Path directory) throws IOException {
        Files.writeString(directory.resolve("module-info.java"), "module program { requires dev.lnrnn; }");
        assertNamesTheOverloads(directory, "--module-path");
    }

    private static void assertNamesTheOverloads(Path directory, String option) throws IOException {
        Path source = Files.writeString(directory.resolve("Program.java"), PROGRAM);
        List<String> arguments = Stream.concat(
                Stream.of(option, published(), "-d", directory.toString(), source.toString()),
                Stream.of(directory.resolve("module-info.java")).filter(Files::exists).map(Path::toString)).toList();
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        int status = ToolProvider.getSystemJavaCompiler().run(null, written, written, arguments.toArray(String[]::new));
        String messages = written.toString(StandardCharsets.UTF_8);
        assertEquals(1, status, messages);
        assertTrue(messages.startsWith(source + ":5: error: no suitable method found for forward("), messages);
        assertTrue(messages.contains("method Layer.forward(float[],"), messages);
        assertTrue(messages.contains("method Layer.forward(double[],"), messages);
        assertTrue(messages.endsWith("1 error\n"), messages);
    }

    /** The library's classes, and of its dependencies those that the programs that depend on it compile against. */
    private static String published() throws IOException {
        List<String> dependencies = DEPENDENCY.matcher(Files.readString(POM)).results()
                .filter(dependency -> !dependency.group(2).contains("<scope>"))
                .map(dependency -> dependency.group(1) + "-").toList();
        List<String> jars = Stream.of(ChildJvm.classPath().split(File.pathSeparator))
                .filter(jar -> dependencies.stream().anyMatch(Path.of(jar).getFileName().toString()::startsWith))
                .toList();
        assertEquals(dependencies.size(), jars.size(), () -> dependencies + " are not " + jars);
        Path classes = Path.of(System.getProperty("basedir", "."), "target", "classes");
        return String.join(File.pathSeparator, jars) + File.pathSeparator + classes;
    }
}
