package dev.lnrnn.interop;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLockInterruptionException;
import java.nio.channels.WritableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Writes files completely or not at all. A file is written beside its destination and then moved there, so a reader
 * sees either the old or the new contents, even if the program is killed or the disk is full.
 *
 * {@snippet :
 * FileReplacement.checkWritable(file);                        // before hours of work
 * FileReplacement.write(file, channel -> {
 *     Writer text = Channels.newWriter(channel, StandardCharsets.UTF_8);
 *     text.write(report);
 *     text.flush();
 * });
 * }
 *
 * <ul>
 * <li>A symbolic link stays; the file that it leads to is replaced or created. Other hard links to the file keep the
 *     old contents.
 * <li>Directories, pipes, devices, sockets and read-only files are refused before anything is written. For root, a file
 *     without any permission to write is read-only, too.
 * <li>A replaced file keeps its permissions, and its owner and group if the system allows that. If it does not, nobody
 *     may do more with the new file than with the old.
 * <li>The file is written as {@code NAME.lnrnn-....part} in the same directory. The next write, check or
 *     {@link Safetensors#read(Path) read} there removes such files of killed programs, but none that a running program
 *     is writing.
 * <li>Messages name the file as the caller named it.
 * </ul>
 *
 * <p>Any number of threads and programs may write one file at the same time; the last to finish wins.
 */
public final class FileReplacement {
    private FileReplacement() {}

    /** Writes the contents of a file. */
    @FunctionalInterface
    public interface Content {
        /**
         * Writes the contents.
         *
         * @param channel writes every buffer completely; closing it does nothing
         * @throws IOException thrown on to the caller of {@link FileReplacement#write(Path, Content)}; the file is
         *     unchanged
         */
        void writeTo(WritableByteChannel channel) throws IOException;
    }

    /**
     * Creates or replaces a file. When the call returns, the new contents are on the disk.
     *
     * @param file the file
     * @param content writes the contents
     * @throws IOException if the file cannot be written; then an existing file is unchanged
     */
    public static void write(Path file, Content content) throws IOException {
        Objects.requireNonNull(file, "file");
        Objects.requireNonNull(content, "content");
        Destination destination = Destination.of(file);
        PartFile.removeAbandoned(destination.directory());
        try (PartFile part = create(destination)) {
            content.writeTo(new Whole(file, part.channel()));
            put(destination, part);
        }
    }

    /**
     * Creates or replaces a file. When the call returns, the new contents are on the disk.
     *
     * @param file the file
     * @param content the contents
     * @throws IOException if the file cannot be written; then an existing file is unchanged
     */
    public static void write(Path file, byte[] content) throws IOException {
        Objects.requireNonNull(content, "content");
        write(file, channel -> channel.write(ByteBuffer.wrap(content)));
    }

    /**
     * Checks that a file can be created or replaced, as far as that can be known in advance: in particular that its
     * directory exists and is writable. Leaves nothing behind.
     *
     * @param file the file
     * @throws IOException if {@link #write(Path, Content)} would refuse it
     */
    public static void checkWritable(Path file) throws IOException {
        Destination destination = Destination.of(Objects.requireNonNull(file, "file"));
        PartFile.removeAbandoned(destination.directory());
        create(destination).close();
    }

    /** Removes what killed programs left beside a file that is read. */
    static void removeAbandoned(Path file) {
        try {
            Path directory = file.toRealPath().getParent();
            if (directory != null) {
                PartFile.removeAbandoned(directory);
            }
        } catch (IOException e) {
            // There is no such file; whoever reads it says so.
            return;
        }
    }

    private static PartFile create(Destination destination) throws IOException {
        PartFile part;
        try {
            part = PartFile.create(destination.target(), destination.firstAttributes());
        } catch (IOException e) {
            throw failure(destination.named(), "no file can be made beside it in " + destination.directory(), e);
        }
        try {
            destination.checkMayReplace(part.path());
            return part;
        } catch (IOException | RuntimeException e) {
            part.close();
            throw e;
        }
    }

    private static void put(Destination destination, PartFile part) throws IOException {
        try {
            destination.passOn(part.path());
            part.lockAgain();
            part.moveTo(destination.target());
        } catch (IOException e) {
            throw failure(destination.named(), "cannot be written", e);
        }
    }

    static IOException failure(Path named, String what, IOException cause) {
        String reason = switch (cause) {
            case ClosedByInterruptException e -> "the thread was interrupted";
            case FileLockInterruptionException e -> "the thread was interrupted";
            case AccessDeniedException e -> "permission denied";
            case FileSystemException e when e.getReason() != null -> e.getReason();
            case FileSystemException e -> e.getClass().getSimpleName();
            default -> cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
        };
        FileSystemException failure = new FileSystemException(named.toString(), null, what + ": " + reason);
        failure.initCause(cause);
        return failure;
    }

    /** Takes every buffer whole, cannot be closed by who writes to it, and names the user's file when it fails. */
    private record Whole(Path named, FileChannel channel) implements WritableByteChannel {
        @Override
        public int write(ByteBuffer bytes) throws IOException {
            int count = bytes.remaining();
            try {
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
            } catch (IOException e) {
                throw failure(named, "cannot be written", e);
            }
            return count;
        }

        @Override
        public boolean isOpen() {
            return channel.isOpen();
        }

        @Override
        public void close() {}
    }
}
