package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's first Java example compiles and runs as it stands there. */
class ReadmeExampleTest {

    private static final Path README = Path.of(System.getProperty("basedir", "."), "..", "README.md").normalize();
    private static final Pattern JAVA_BLOCK = Pattern.compile("^```java\\R(.*?)^```", Pattern.MULTILINE | Pattern.DOTALL);
    private static final Pattern CLASS = Pattern.compile("\\bclass\\s+(\\w+)");

    @Test
    void runs(@TempDir Path directory) throws IOException, InterruptedException {
        String source = example();
        Matcher declaration = CLASS.matcher(source);
        assertTrue(declaration.find(), "the first java block of README.md declares no class:\n" + source);
        String mainClass = declaration.group(1);
        compile(source, directory.resolve(mainClass + ".java"));
        String classPath = directory + System.getProperty("path.separator") + ChildJvm.classPath();
        ChildJvm child = ChildJvm.run(Duration.ofSeconds(60), List.of("-cp", classPath, mainClass));
        assertEquals(0, child.exitCode(), child.output());
        assertFalse(child.output().isBlank(), "the README's example shows nothing");
    }

    private static String example() throws IOException {
        assertTrue(Files.exists(README), "there is no README.md beside the module ffi");
        Matcher block = JAVA_BLOCK.matcher(Files.readString(README));
        assertTrue(block.find(), "README.md has no ```java block");
        return block.group(1);
    }

    private static void compile(String source, Path file) throws IOException {
        Files.writeString(file, source);
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        assertNotNull(compiler, "the tests run on a JDK, not on a runtime without compiler");
        ByteArrayOutputStream messages = new ByteArrayOutputStream();
        int status = compiler.run(null, messages, messages, "--release", "22",
                "-cp", ChildJvm.classPath(), "-d", file.getParent().toString(), file.toString());
        assertEquals(0, status, () -> messages.toString(StandardCharsets.UTF_8));
    }
}
