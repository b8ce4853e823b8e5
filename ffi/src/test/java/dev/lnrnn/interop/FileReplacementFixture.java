package dev.lnrnn.interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;

/** A directory in which files are replaced. */
abstract class FileReplacementFixture {
    static final byte[] OLD = {1, 2, 3};
    static final byte[] NEW = {4, 5};
    static final String FOREIGN = ".lnrnn-1-1-0123456789abcdef0123456789abcdef.part";
    @TempDir
    Path directory;

    List<Path> parts() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(path -> path.toString().endsWith(".part")).toList();
        }
    }

    List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }
}
