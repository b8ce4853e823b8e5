package dev.lnrnn.misuse;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/** A note of the call that is under way, in mapped memory: it can be read after the JVM has died of the call. */
final class LastCall {

    private static final int BYTES = 512;

    private final ByteBuffer note;

    private LastCall(ByteBuffer note) {
        this.note = note;
    }

    static LastCall in(Path directory) throws IOException {
        try (FileChannel file = FileChannel.open(file(directory), StandardOpenOption.CREATE,
                StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            return new LastCall(file.map(FileChannel.MapMode.READ_WRITE, 0, BYTES));
        }
    }

    void note(long seed, String call) {
        byte[] text = Arrays.copyOf(("seed " + seed + ": " + call).getBytes(StandardCharsets.UTF_8), BYTES);
        note.put(0, text);
    }

    static String read(Path directory) throws IOException {
        return Files.readString(file(directory)).trim();
    }

    private static Path file(Path directory) {
        return directory.resolve("last-call");
    }
}
