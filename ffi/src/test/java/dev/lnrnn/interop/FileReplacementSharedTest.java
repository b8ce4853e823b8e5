package dev.lnrnn.interop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.ChildJvm;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Several programs and threads write into one directory, and some are killed: none harms what another writes. */
class FileReplacementSharedTest extends FileReplacementFixture {
    @Test
    void whatKilledProgramsLeftIsRemoved() throws IOException {
        Path file = directory.resolve("file");
        String other = "other.part";
        for (int round = 0; round < 3; round++) {
            Files.write(directory.resolve("file" + FOREIGN), OLD);
            Files.write(directory.resolve(FOREIGN), OLD);
            Files.write(directory.resolve("another" + FOREIGN), OLD);
            Files.write(directory.resolve(other), OLD);
            switch (round) {
                case 0 -> FileReplacement.checkWritable(file);
                case 1 -> Safetensors.write(file, Map.of(), List.of());
                default -> Safetensors.read(file).close();
            }
            assertEquals(round == 0 ? List.of(other) : List.of("file", other), names());
        }
    }

    /** Neither of this program nor of another one; nor does looking at it take the lock away. */
    @Test
    void whatIsBeingWrittenStays() throws IOException, InterruptedException {
        Path file = directory.resolve("file");
        FileReplacement.write(file, channel -> {
            FileReplacement.checkWritable(file);
            List<Path> parts = parts();
            assertEquals(1, parts.size());
            try {
                ChildJvm child = ChildJvm.run(Duration.ofMinutes(1),
                        List.of("-cp", ChildJvm.classPath(), Writer.class.getName(), file.toString(), "1"));
                assertEquals(0, child.exitCode(), child.output());
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            assertEquals(parts, parts());
            assertArrayEquals(OLD, Files.readAllBytes(file));
            channel.write(ByteBuffer.wrap(NEW));
        });
        assertArrayEquals(NEW, Files.readAllBytes(file));
        assertEquals(List.of("file"), names());
    }

    /** Each replaces a file of its own, whose permissions it passes on, and takes nothing of the other's for abandoned. */
    @Test
    void twoProgramsWriteIntoOneDirectory() throws Exception {
        Path file = Files.write(directory.resolve("file"), OLD);
        Path other = Files.write(directory.resolve("other"), OLD);
        AtomicBoolean ended = new AtomicBoolean();
        try (ExecutorService thread = Executors.newSingleThreadExecutor()) {
            Future<Integer> writes = thread.submit(() -> {
                int count = 0;
                for (; !ended.get(); count++) {
                    FileReplacement.write(file, NEW);
                }
                return count;
            });
            ChildJvm child = ChildJvm.run(Duration.ofMinutes(1),
                    List.of("-cp", ChildJvm.classPath(), Writer.class.getName(), other.toString(), "200"));
            ended.set(true);
            assertEquals(0, child.exitCode(), child.output());
            assertTrue(writes.get() > 0);
        }
        assertEquals(List.of("file", "other"), names());
    }

    /** Who writes to a file that is open goes on writing to that file. */
    @Test
    void whatThisProgramHasOpenIsNotReplaced() throws IOException, InterruptedException {
        Path log = Files.write(directory.resolve("log"), OLD);
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                ChildJvm.classPath(), Writer.class.getName(), "/dev/stdout", "1")
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile())).start();
        String errors = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(1, process.waitFor());
        assertTrue(errors.contains("/dev/stdout: is a file that a process has open"), errors);
        assertArrayEquals(OLD, Files.readAllBytes(log));
    }

    /** The other program: writes a file so many times. */
    static final class Writer {
        public static void main(String[] arguments) throws IOException {
            for (int i = 0; i < Integer.parseInt(arguments[1]); i++) {
                FileReplacement.write(Path.of(arguments[0]), OLD);
            }
        }
    }

    @Test
    void aPipeNamedAsAPartDelaysNobody() throws IOException, InterruptedException {
        Path pipe = directory.resolve("file" + FOREIGN);
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        Path elsewhere = Files.write(directory.resolve("elsewhere"), OLD);
        Files.createSymbolicLink(directory.resolve("link" + FOREIGN), elsewhere);
        FileReplacement.write(directory.resolve("file"), NEW);
        assertArrayEquals(OLD, Files.readAllBytes(elsewhere));
    }

    @Test
    void manyThreadsAtOnce() throws Exception {
        Path file = directory.resolve("file");
        byte[][] contents = new byte[8][];
        try (ExecutorService threads = Executors.newFixedThreadPool(contents.length)) {
            List<Future<?>> writers = new ArrayList<>();
            for (int i = 0; i < contents.length; i++) {
                byte[] content = new byte[1000 * (i + 1)];
                Arrays.fill(content, (byte) i);
                contents[i] = content;
                writers.add(threads.submit(() -> {
                    for (int round = 0; round < 10; round++) {
                        FileReplacement.write(file, content);
                        byte[] found = Files.readAllBytes(file);
                        assertArrayEquals(contents[found[0]], found);
                    }
                    return null;
                }));
            }
            for (Future<?> writer : writers) {
                writer.get();
            }
        }
        assertEquals(List.of("file"), names());
    }
}
