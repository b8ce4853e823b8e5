package dev.lnrnn.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** No command computes for a file that cannot be written, or that it would write over another of its own. */
@EnabledOnOs(OS.LINUX)
class OutputsTest {

    private static final String CASE = "../ffi/src/test/resources/cases/lstm_none_basic.safetensors";

    @TempDir
    private Path directory;

    private Path file(String name) {
        return directory.resolve(name);
    }

    /** Refused with a sentence that has the name, before anything was said of a training, a table or a device. */
    private void assertRefused(Path file, String... arguments) throws IOException {
        List<Path> before = entries();
        CommandRun run = CommandRun.of(arguments);
        assertEquals(ExitCode.BAD_INPUT, run.exitCode(), run.out() + run.err());
        assertEquals("", run.out());
        assertEquals(1, run.err().lines().count(), run.err());
        assertTrue(run.err().contains(file.toString()), run.err());
        assertEquals(before, entries());
    }

    private List<Path> entries() throws IOException {
        try (Stream<Path> entries = Files.walk(directory)) {
            return entries.sorted().toList();
        }
    }

    private Path readOnly(String name) throws IOException {
        Path file = Files.writeString(file(name), "good");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--r--r--"));
        return file;
    }

    @Test
    void readOnlyFilesAreRefusedBefore() throws IOException {
        Path out = Files.createDirectory(file("out"));
        for (String name : List.of("checkpoint.safetensors", "chart.png", "report.json")) {
            Path file = readOnly("out/" + name);
            assertRefused(file, "train", "--device", "cpu", "--out", out.toString());
            Files.delete(file);
        }
        for (String name : List.of("cells.json", "cells.png", "lstm-none-2.safetensors")) {
            Path file = readOnly("out/" + name);
            assertRefused(file, "cells", "--device", "cpu", "--seeds", "2", "--out", out.toString());
            Files.delete(file);
        }
        Path file = readOnly("file");
        assertRefused(file, "parity", CASE, "--device", "cpu", "--out", file.toString());
        assertRefused(file, "latency", "--quick", "--parts", "allocation", "--json", file.toString());
        assertRefused(file, "latency", "--quick", "--parts", "allocation", "--chart", file.toString());
        assertEquals("good", Files.readString(file));
    }

    @Test
    void whatIsNoFileOrHasNoDirectoryIsRefusedBefore() throws IOException {
        Path file = Files.writeString(file("file"), "good");
        assertRefused(file, "train", "--device", "cpu", "--out", file.toString());
        assertRefused(file, "train", "--device", "cpu", "--out", file("file/below").toString());
        assertRefused(file, "cells", "--device", "cpu", "--out", file.toString());
        assertRefused(directory, "parity", CASE, "--device", "cpu", "--out", directory.toString());
        assertRefused(Path.of("/"), "train", "--device", "cpu", "--out", directory.toString(), "--report", "/");
        assertRefused(directory, "latency", "--quick", "--parts", "allocation", "--json", directory.toString());
    }

    @Test
    void noFileReplacesAnotherOfTheSameCommand() throws IOException {
        Path data = Files.writeString(file("data.csv"), "v\n" + "1\n2\n".repeat(200));
        String out = directory.toString();
        assertRefused(data, "train", "--device", "cpu", "--data", data.toString(), "--column", "v", "--out", out,
                "--report", data.toString());
        Path link = Files.createSymbolicLink(file("link.csv"), data);
        assertRefused(link, "train", "--device", "cpu", "--data", data.toString(), "--column", "v", "--out", out,
                "--report", link.toString());
        Path chart = file("chart.png");
        Path same = Path.of(out, ".", "chart.png");
        assertRefused(same, "train", "--device", "cpu", "--out", out, "--report", same.toString());
        assertRefused(chart, "latency", "--quick", "--parts", "allocation", "--json", chart.toString(), "--chart",
                chart.toString());
        Path later = Files.createSymbolicLink(file("later"), Path.of("new.png"));
        assertRefused(file("new.png"), "latency", "--quick", "--parts", "allocation", "--json", later.toString(),
                "--chart", file("new.png").toString());
        Path copy = Files.copy(Path.of(CASE), file("case.safetensors"));
        byte[] before = Files.readAllBytes(copy);
        assertRefused(copy, "parity", copy.toString(), "--device", "cpu", "--out", copy.toString());
        assertArrayEquals(before, Files.readAllBytes(copy));
    }
}
