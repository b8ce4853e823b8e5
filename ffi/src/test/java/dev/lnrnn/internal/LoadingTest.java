package dev.lnrnn.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.Library;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where the library is searched for, and what is said when it is not there; each case in a JVM of its own. */
class LoadingTest {
    private static final String RESOURCE = "dev/lnrnn/native/" + NativeLibrary.platform() + "/liblnrnn.so";

    @TempDir
    private Path directory;

    private Path library;
    private Path jar;
    private Path cache;

    /** What a child JVM runs. */
    public static final class Probe {
        public static void main(String[] args) {
            System.out.println(Library.location());
            System.out.println(Library.version());
        }
    }

    private record Result(int status, String output) {
        String location() {
            assertEquals(0, status, output);
            return output.lines().findFirst().orElseThrow();
        }

        Result refused() {
            assertEquals(1, status, output);
            assertTrue(output.contains("LnrnnException"), output);
            return this;
        }

        void says(String... parts) {
            for (String part : parts) {
                assertTrue(output.contains(part), () -> "expected \"" + part + "\" in: " + output);
            }
        }
    }

    @BeforeEach
    void copyLibrary() throws IOException {
        library = directory.resolve("elsewhere").resolve("liblnrnn.so");
        jar = directory.resolve("lnrnn-native.jar");
        cache = directory.resolve("cache");
        Files.createDirectories(library.getParent());
        try (InputStream resource = LoadingTest.class.getClassLoader().getResourceAsStream(RESOURCE)) {
            Files.copy(resource, library);
        }
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
            out.putNextEntry(new JarEntry(RESOURCE));
            Files.copy(library, out);
        }
    }

    @Test
    void propertyNamesTheFile() throws Exception {
        assertEquals(library.toString(), run(classPath(), "-Dlnrnn.library=" + library).location());
    }

    @Test
    void wrongPropertyIsAnErrorAlthoughTheJarIsThere() throws Exception {
        Path missing = directory.resolve("missing.so");
        run(jarClassPath(), "-Dlnrnn.library=" + missing).refused().says("lnrnn.library", missing.toString());
    }

    @Test
    void fileThatIsNoLibraryIsAnError() throws Exception {
        Path text = Files.writeString(directory.resolve("text.so"), "not a library");
        run(jarClassPath(), "-Dlnrnn.library=" + text).refused().says(text.toString());
    }

    @Test
    void anotherLibraryIsRecognised() throws Exception {
        Path other = Path.of(System.getProperty("java.home"), "lib", "libzip.so");
        run(classPath(), "-Dlnrnn.library=" + other).refused().says(other + " is not the lnrnn library");
    }

    @Test
    void otherAbiVersionIsRefused() throws Exception {
        Path source = Files.writeString(directory.resolve("other.cpp"),
                "extern \"C\" int lnrnnGetAbiVersion() { return 12345; }");
        Path other = directory.resolve("other.so");
        String compiler = Optional.ofNullable(System.getenv("CXX")).orElse("c++");
        assertEquals(0, new ProcessBuilder(compiler, "-shared", "-fPIC", "-o", other.toString(), source.toString())
                .inheritIO().start().waitFor());
        run(classPath(), "-Dlnrnn.library=" + other).refused()
                .says("ABI version 12345", "these Java classes need " + Library.abiVersion() + ":");
    }

    @Test
    void libraryPathComesBeforeTheJar() throws Exception {
        String path = directory + ":" + library.getParent();
        assertEquals(library.toString(), run(jarClassPath(), "-Djava.library.path=" + path).location());
    }

    @Test
    void jarIsExtractedOnce() throws Exception {
        Path first = Path.of(run(jarClassPath()).location());
        assertEquals(cache, first.getParent());
        Object inode = Files.getAttribute(first, "unix:ino");
        assertEquals(first.toString(), run(jarClassPath()).location());
        assertEquals(inode, Files.getAttribute(first, "unix:ino"));
    }

    @Test
    void truncatedFileIsExtractedAgain() throws Exception {
        Path first = Path.of(run(jarClassPath()).location());
        Files.write(first, new byte[1000]);
        assertEquals(first.toString(), run(jarClassPath()).location());
        assertEquals(Files.size(library), Files.size(first));
    }

    @Test
    void otherContentGetsAnotherFile() throws Exception {
        String first = run(jarClassPath()).location();
        byte[] longer = Files.readAllBytes(library);
        longer = Arrays.copyOf(longer, longer.length + 1);
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
            out.putNextEntry(new JarEntry(RESOURCE));
            out.write(longer);
        }
        assertNotEquals(first, run(jarClassPath()).location());
    }

    @Test
    void processesExtractAtTheSameTime() throws Exception {
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            processes.add(start(jarClassPath()));
        }
        for (Process process : processes) {
            assertTrue(Path.of(result(process).location()).startsWith(cache));
        }
        try (Stream<Path> files = Files.list(cache)) {
            assertEquals(1, files.filter(file -> file.toString().contains("liblnrnn")).count());
        }
    }

    @Test
    void unusableCacheLeavesTheTemporaryDirectory() throws Exception {
        Files.writeString(cache, "a file where the directory should be");
        Path temporary = Files.createDirectory(directory.resolve("tmp"));
        Path loaded = Path.of(run(jarClassPath(), "-Djava.io.tmpdir=" + temporary).location());
        assertTrue(loaded.startsWith(temporary), loaded::toString);
        try (Stream<Path> left = Files.list(temporary)) {
            assertEquals(List.of(), left.filter(file -> file.toString().contains("lnrnn")).toList());
        }
    }

    @Test
    void everyAttemptIsNamed() throws Exception {
        run(classPath(), "-Djava.library.path=" + directory).refused()
                .says("-Dlnrnn.library=FILE", "java.library.path", directory.toString(), RESOURCE);
    }

    @Test
    void missingNativeAccessNamesTheFlag() throws Exception {
        List<String> command = command(jarClassPath());
        command.remove("--enable-native-access=ALL-UNNAMED");
        // From Java 24 on there is an option for it; before, granting it to anybody denies it to the rest.
        command.add(1, Runtime.version().feature() >= 24
                ? "--illegal-native-access=deny"
                : "--enable-native-access=java.logging");
        result(new ProcessBuilder(command).redirectErrorStream(true).start()).refused()
                .says("--enable-native-access=ALL-UNNAMED");
    }

    private Result run(String classPath, String... options) throws Exception {
        return result(start(classPath, options));
    }

    private Process start(String classPath, String... options) throws IOException {
        return new ProcessBuilder(command(classPath, options)).redirectErrorStream(true).start();
    }

    private List<String> command(String classPath, String... options) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-Dlnrnn.cache=" + cache);
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", classPath, Probe.class.getName()));
        return command;
    }

    private static Result result(Process process) throws Exception {
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Result(process.waitFor(), output);
    }

    /** The class path of this JVM without the native library. */
    private static String classPath() {
        List<String> entries = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(":")) {
            boolean hasLibrary = Files.isDirectory(Path.of(entry))
                    ? Files.exists(Path.of(entry, RESOURCE))
                    : Path.of(entry).getFileName().toString().startsWith("lnrnn-native");
            if (!hasLibrary) {
                entries.add(entry);
            }
        }
        return String.join(":", entries);
    }

    private String jarClassPath() {
        return classPath() + ":" + jar;
    }
}
