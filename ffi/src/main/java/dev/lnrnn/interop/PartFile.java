package dev.lnrnn.interop;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.time.Instant;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A file that is being written beside its place, named {@code NAME.lnrnn-PROCESS-START-RANDOM.part}. While its writer
 * lives it is locked, in the eyes of other processes; this one knows its own by their names, and those of processes that it sees alive.
 */
final class PartFile implements AutoCloseable {
    /** Longer names, and those that not every file system can have, are left out of the part's. */
    private static final Pattern SHORT_NAME = Pattern.compile("[ -~]{1,64}");
    private static final Pattern PART_NAME =
            Pattern.compile("[ -~]{0,64}\\.lnrnn-(\\p{XDigit}+-\\p{XDigit}+)-\\p{XDigit}{32}\\.part");
    private static final Set<StandardOpenOption> CREATE =
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    /** Process numbers alone come again, in containers all the time. */
    private static final String PROCESS = process();
    private static final int ATTEMPTS = 100;
    /** Milliseconds by which two processes may read the start of a third differently, when the clock is adjusted. */
    private static final long CLOCK_STEP = 2000;

    private final Path path;
    private final FileChannel channel;
    private @Nullable FileLock lock;
    private boolean moved;

    private PartFile(Path path, FileChannel channel) {
        this.path = path;
        this.channel = channel;
    }

    private static String process() {
        ProcessHandle self = ProcessHandle.current();
        long start = self.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
        return Long.toHexString(self.pid()) + "-" + Long.toHexString(start);
    }

    static PartFile create(Path target, FileAttribute<?>... attributes) throws IOException {
        String name = target.getFileName().toString();
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Path path = target.resolveSibling((SHORT_NAME.matcher(name).matches() ? name : "") + ".lnrnn-" + PROCESS
                    + "-" + UUID.randomUUID().toString().replace("-", "") + ".part");
            PartFile part = new PartFile(path, FileChannel.open(path, CREATE, attributes));
            boolean locked = false;
            try {
                locked = part.lock();
                if (locked) {
                    return part;
                }
            } finally {
                if (!locked) {
                    part.close();
                }
            }
        }
        throw new IOException("another program removes its part files as soon as they are created");
    }

    /** Between the making of a file and its lock another process may take it for abandoned. */
    private boolean lock() throws FileLockInterruptionException {
        try {
            lock = channel.lock();
        } catch (FileLockInterruptionException e) {
            throw e;
        } catch (IOException e) {
            // No locks on this file system, so nobody takes it for abandoned; any other reason shows when writing.
            return true;
        }
        return Files.exists(path, LinkOption.NOFOLLOW_LINKS);
    }

    /**
     * Locks the file again: whoever closes another channel of it, as the setting of permissions does, gives up the lock
     * of the whole process.
     */
    void lockAgain() throws IOException {
        if (lock != null) {
            lock.release();
        }
        if (!lock()) {
            throw new IOException("another program has removed its part file");
        }
    }

    Path path() {
        return path;
    }

    FileChannel channel() {
        return channel;
    }

    /** Syncs the content, puts it into its place, and syncs that. */
    void moveTo(Path target) throws IOException {
        channel.force(true);
        Files.move(path, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        moved = true;
        try (FileChannel directory = FileChannel.open(target.resolveSibling("."), StandardOpenOption.READ)) {
            directory.force(true);
        } catch (IOException e) {
            // Not every system opens directories, nor lets this user read this one: the file is whole all the same.
            return;
        }
    }

    /** Ends the writing; removes the file unless it was moved. */
    @Override
    public void close() throws IOException {
        // Before the lock is given up, so that no other process sees it abandoned.
        try (channel) {
            if (!moved) {
                Files.deleteIfExists(path);
            }
        }
    }

    /** Removes what killed processes left in a directory, as far as this user may. */
    static void removeAbandoned(Path directory) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, PartFile::isForeignPart)) {
            for (Path file : files) {
                removeUnlocked(file);
            }
        } catch (IOException | DirectoryIteratorException e) {
            // A directory that cannot be read; whoever writes or reads a file there will say so.
            return;
        }
    }

    private static boolean isForeignPart(Path file) {
        var name = PART_NAME.matcher(file.getFileName().toString());
        // One of this process's must not even be opened: closing it again would give up the lock of its writer.
        return name.matches() && !name.group(1).equals(PROCESS) && !lives(name.group(1))
                && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS);
    }

    /** Whether the process is one of this machine's, or container's; of others the lock tells. */
    private static boolean lives(String process) {
        String[] numbers = process.split("-");
        try {
            long start = Long.parseLong(numbers[1], 16);
            return ProcessHandle.of(Long.parseLong(numbers[0], 16)).flatMap(other -> other.info().startInstant())
                    .filter(other -> Math.abs(other.toEpochMilli() - start) <= CLOCK_STEP).isPresent();
        } catch (NumberFormatException e) {
            return false;
        }
    }

    private static void removeUnlocked(Path file) {
        try (FileChannel channel = FileChannel.open(file,
                Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS));
                FileLock lock = channel.tryLock()) {
            if (lock != null) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            // Somebody else's, or gone: the next writer may have more luck.
            return;
        }
    }
}
