package dev.lnrnn.interop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lnrnn.ChildJvm;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files are whole, stay what they are where they cannot be replaced, and nothing is left beside them. */
class FileReplacementTest extends FileReplacementFixture {
    @Test
    void aFileIsMadeAndReplaced() throws IOException {
        Path file = directory.resolve("file");
        FileReplacement.write(file, OLD);
        assertArrayEquals(OLD, Files.readAllBytes(file));
        FileReplacement.write(file, NEW);
        assertArrayEquals(NEW, Files.readAllBytes(file));
        assertEquals(List.of("file"), names());
    }

    @Test
    void aChannelMayBeClosedByItsWriter() throws IOException {
        Path file = directory.resolve("file");
        FileReplacement.write(file, channel -> {
            try (OutputStream out = Channels.newOutputStream(channel)) {
                out.write(NEW);
            }
        });
        assertArrayEquals(NEW, Files.readAllBytes(file));
    }

    @ParameterizedTest
    @ValueSource(strings = {"link", "relative", "chain", "inner/link"})
    void ofALinkTheTargetIsReplaced(String name) throws IOException {
        Path target = Files.write(Files.createDirectories(directory.resolve("data/deep")).resolve("file"), OLD);
        Files.createSymbolicLink(directory.resolve("link"), target);
        Files.createSymbolicLink(directory.resolve("relative"), Path.of("data/deep/../deep/file"));
        Files.createSymbolicLink(directory.resolve("chain"), Path.of("relative"));
        // A directory that is a link, too: ".." of what is in it is not where it seems to be.
        Files.createSymbolicLink(directory.resolve("inner"), Path.of("data/deep"));
        Files.createSymbolicLink(directory.resolve("data/deep/link"), Path.of("../deep/file"));
        FileReplacement.write(directory.resolve(name), NEW);
        assertArrayEquals(NEW, Files.readAllBytes(target));
        assertTrue(Files.isSymbolicLink(directory.resolve(name)));
        assertEquals(List.of("chain", "data", "inner", "link", "relative"), names());
    }

    @Test
    void ofALinkToNothingTheTargetIsMade() throws IOException {
        Files.createDirectories(directory.resolve("data"));
        Path link = Files.createSymbolicLink(directory.resolve("link"), Path.of("data/../data/file"));
        Path chain = Files.createSymbolicLink(directory.resolve("chain"), Path.of("link"));
        FileReplacement.write(chain, NEW);
        assertArrayEquals(NEW, Files.readAllBytes(directory.resolve("data/file")));
        assertTrue(Files.isSymbolicLink(link) && Files.isSymbolicLink(chain));
    }

    @Test
    void whatIsNoFileIsRefused() throws IOException, InterruptedException {
        Path pipe = directory.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        Files.createSymbolicLink(directory.resolve("loop"), Path.of("loop"));
        Files.createSymbolicLink(directory.resolve("lost"), Path.of("none/file"));
        Files.write(directory.resolve("plain"), OLD);
        List<String> before = names();
        for (String name : List.of("pipe", ".", "loop", "lost", "none/file", "plain/file", "/dev/null", "/dev/full",
                "/dev/fd/0", "/")) {
            Path file = directory.resolve(name);
            assertRefused(file, "");
            assertEquals(before, names());
        }
        assertRefused(pipe, "is a pipe, a device or similar");
        assertFalse(Files.isRegularFile(pipe));
    }

    /** Root may write to it; its owner still does not want that. */
    @Test
    void aReadOnlyFileIsRefused() throws IOException {
        Path file = Files.write(directory.resolve("file"), OLD);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--r--r--"));
        Path link = Files.createSymbolicLink(directory.resolve("link"), Path.of("file"));
        assertRefused(file, "is read-only");
        assertRefused(link, "is read-only");
        assertArrayEquals(OLD, Files.readAllBytes(file));
    }

    @ParameterizedTest
    @ValueSource(strings = {"rw-------", "rw-r-----", "rwxrw-rw-"})
    void permissionsStay(String permissions) throws IOException {
        Path file = Files.write(directory.resolve("file"), OLD);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permissions));
        FileReplacement.write(file, channel -> {
            for (Path part : parts()) {
                assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(part)));
            }
            channel.write(ByteBuffer.wrap(NEW));
        });
        assertArrayEquals(NEW, Files.readAllBytes(file));
        assertEquals(permissions, PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    }

    @Test
    void theOwnerStaysWhereRootWrites() throws IOException {
        Path file = Files.write(directory.resolve("file"), OLD);
        assumeTrue((int) Files.getAttribute(file, "unix:uid") == 0, "only root can give a file to somebody");
        Files.setAttribute(file, "unix:uid", 12345);
        Files.setAttribute(file, "unix:gid", 54321);
        FileReplacement.write(file, NEW);
        assertEquals(12345, Files.getAttribute(file, "unix:uid"));
        assertEquals(54321, Files.getAttribute(file, "unix:gid"));
    }

    @Test
    void aFailureLeavesWhatWasThere() throws IOException {
        Path file = Files.write(directory.resolve("file"), OLD);
        IOException failure = new IOException("of the content");
        assertEquals(failure, assertThrows(IOException.class, () -> FileReplacement.write(file, channel -> {
            channel.write(ByteBuffer.wrap(NEW));
            throw failure;
        })));
        assertThrows(StackOverflowError.class, () -> FileReplacement.write(file, channel -> {
            channel.write(ByteBuffer.wrap(NEW));
            throw new StackOverflowError();
        }));
        Thread.currentThread().interrupt();
        FileSystemException interrupted =
                assertThrows(FileSystemException.class, () -> FileReplacement.write(file, NEW));
        assertTrue(Thread.interrupted());
        assertTrue(interrupted.getMessage().startsWith(file + ": "), interrupted.getMessage());
        assertTrue(interrupted.getMessage().endsWith(": the thread was interrupted"), interrupted.getMessage());
        assertArrayEquals(OLD, Files.readAllBytes(file));
        assertEquals(List.of("file"), names());
    }

    /** A file system with room for 64 KiB; needs root, or at least a user namespace. */
    @Test
    void aFullDiskLeavesWhatWasThere() throws IOException, InterruptedException {
        Path file = directory.resolve("disk").resolve("file");
        Files.createDirectories(file.getParent());
        String script = "mount -t tmpfs -o size=64k none \"$1\" || { echo no mount; exit 77; }; shift; exec \"$@\"";
        List<String> command = new ArrayList<>(List.of("unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                script, "sh", file.getParent().toString()));
        command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                ChildJvm.classPath(), FullDisk.class.getName(), file.toString()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int status = process.waitFor();
        assumeTrue(status == 0 || !output.contains("no mount") && !output.contains("unshare"),
                "no small file system can be made here: " + output);
        assertEquals(file + ": cannot be written: No space left on device\n3 bytes, 1 file\n", output);
    }

    /** The program of {@link #aFullDiskLeavesWhatWasThere}. */
    static final class FullDisk {
        public static void main(String[] arguments) throws IOException {
            Path file = Path.of(arguments[0]);
            FileReplacement.write(file, OLD);
            try {
                FileReplacement.write(file, new byte[1 << 20]);
            } catch (IOException e) {
                System.out.println(e.getMessage());
            }
            try (Stream<Path> files = Files.list(file.getParent())) {
                System.out.println(Files.size(file) + " bytes, " + files.count() + " file");
            }
        }
    }

    @Test
    void aCheckLeavesNothing() throws IOException {
        Path file = directory.resolve("file");
        FileReplacement.checkWritable(file);
        assertEquals(List.of(), names());
        Files.write(file, OLD);
        FileReplacement.checkWritable(file);
        assertEquals(List.of("file"), names());
        assertArrayEquals(OLD, Files.readAllBytes(file));
    }

    @ParameterizedTest
    @ValueSource(strings = {"n", "\u00e4\u4e16 x", "$", "*"})
    void longAndOddNames(String name) throws IOException {
        Path file = directory.resolve(name.repeat(255 / name.getBytes(StandardCharsets.UTF_8).length));
        FileReplacement.checkWritable(file);
        FileReplacement.write(file, NEW);
        assertArrayEquals(NEW, Files.readAllBytes(file));
        assertEquals(List.of(file.getFileName().toString()), names());
    }

    /** What an unprivileged user meets; this program may be root's. */
    @Test
    void directoriesThatTakeNoFilesAreRefused() throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/setpriv"))
                && (int) Files.getAttribute(directory, "unix:uid") == 0, "no setpriv, or not root");
        Path sticky = Files.createDirectory(directory.resolve("sticky"));
        Files.setAttribute(sticky, "unix:mode", 01777);
        Path closed = Files.createDirectory(directory.resolve("closed"));
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
        List<String> outcomes = new ArrayList<>();
        for (Path file : List.of(sticky.resolve("file"), closed.resolve("file"))) {
            Files.write(file, OLD);
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-rw-"));
            Process process = new ProcessBuilder("/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", ChildJvm.classPath(),
                    Checker.class.getName(), file.toString()).redirectErrorStream(true).start();
            String outcome = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assumeTrue(process.waitFor() == 0, "that user cannot run Java here: " + outcome);
            outcomes.add(outcome);
            assertArrayEquals(OLD, Files.readAllBytes(file));
        }
        assertEquals(List.of(
                sticky.resolve("file") + ": belongs to another user, and " + sticky
                        + " lets only owners replace their files\n",
                closed.resolve("file") + ": no file can be made beside it in " + closed + ": permission denied\n"),
                outcomes);
    }

    /** The program of {@link #directoriesThatTakeNoFilesAreRefused}. */
    static final class Checker {
        public static void main(String[] arguments) {
            try {
                FileReplacement.checkWritable(Path.of(arguments[0]));
                System.out.println("writable");
            } catch (IOException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    private void assertRefused(Path file, String message) {
        FileSystemException check =
                assertThrows(FileSystemException.class, () -> FileReplacement.checkWritable(file), file::toString);
        FileSystemException write =
                assertThrows(FileSystemException.class, () -> FileReplacement.write(file, NEW), file::toString);
        assertEquals(check.getMessage(), write.getMessage());
        assertTrue(write.getMessage().startsWith(file.toString()) && write.getMessage().contains(message),
                write.getMessage());
        assertFalse(write.getMessage().contains(": null"), write.getMessage());
    }
}
