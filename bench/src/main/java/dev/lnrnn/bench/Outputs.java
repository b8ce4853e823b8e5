package dev.lnrnn.bench;

import dev.lnrnn.interop.FileReplacement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The files that a command is going to write. They are looked at before it computes anything, so that nothing is lost
 * to a wrong path: each can be written, and none would replace another, or what the command reads.
 */
public final class Outputs {

    /** What is known of a place, by where it is in the end. */
    private final Map<Path, String> places = new LinkedHashMap<>();

    /** What the command reads; null where it does not. */
    public Outputs reading(String what, @Nullable Path file) throws IOException {
        if (file != null && Files.exists(file)) {
            places.put(file.toRealPath(), what);
        }
        return this;
    }

    /**
     * What the command will write; null where it will not. Makes the directory.
     *
     * @throws BadInputException if the place is taken by something else of this command's
     * @throws IOException if it cannot be written
     */
    public Outputs writing(String what, @Nullable Path file) throws IOException {
        if (file == null) {
            return this;
        }
        Path absolute = file.toAbsolutePath();
        Path directory = absolute.getParent();
        if (directory == null) {
            throw new BadInputException(what + " is " + file + ", which is a directory; expected a file.");
        }
        Files.createDirectories(directory);
        FileReplacement.checkWritable(file);
        Path place = place(absolute);
        String other = places.putIfAbsent(place, what);
        if (other != null) {
            throw new BadInputException(what + " is " + file + ", which is " + other + ", too; one would replace the "
                    + "other.");
        }
        return this;
    }

    /** Where a file is or will be, at the end of all links. */
    private static Path place(Path file) throws IOException {
        Path target = file;
        while (!Files.exists(target) && Files.isSymbolicLink(target)) {
            target = target.resolveSibling(Files.readSymbolicLink(target));
        }
        return Files.exists(target) ? target.toRealPath()
                : Objects.requireNonNull(target.getParent()).toRealPath().resolve(target.getFileName());
    }
}
