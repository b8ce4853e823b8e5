package dev.lnrnn.internal;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.URL;
import java.net.URLConnection;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/**
 * Extracts the library from its jar into a directory that outlives the process.
 *
 * <p>An extracted file is named by the checksum and size of its content. A jar's directory lists both, so that a later
 * start finds the file without reading the content again; only an extraction computes the checksum, and compares it. A
 * file appears under its name by an atomic move and therefore complete; the lock only keeps two processes from doing
 * the work twice.
 */
final class LibraryCache {
    /** A directory to extract to; a temporary one gets a new directory of this process's in it. */
    record Directory(Path path, boolean temporary) {}

    private record Content(long size, long checksum) {
        String fileName() {
            return "liblnrnn-" + Long.toHexString(checksum) + "-" + size + ".so";
        }
    }

    private final URL resource;
    private final @Nullable Content listed;

    LibraryCache(URL resource) throws IOException {
        this.resource = resource;
        this.listed = listedContent(resource);
    }

    /** The directories to try, best first; the last is new, so that nothing there can be in the way. */
    static List<Directory> directories() {
        List<Directory> directories = new ArrayList<>();
        String named = System.getProperty("lnrnn.cache");
        String xdg = System.getenv("XDG_CACHE_HOME");
        if (named != null) {
            directories.add(new Directory(Path.of(named).toAbsolutePath(), false));
        } else if (xdg != null && Path.of(xdg).isAbsolute()) {
            directories.add(new Directory(Path.of(xdg, "lnrnn"), false));
        } else {
            directories.add(new Directory(Path.of(System.getProperty("user.home"), ".cache", "lnrnn"), false));
        }
        directories.add(new Directory(Path.of(System.getProperty("java.io.tmpdir")).toAbsolutePath(), true));
        return directories;
    }

    /** {@return the extracted library, from an earlier extraction where there was one} */
    Path extractTo(Directory directory) throws IOException {
        if (directory.temporary()) {
            Path own = Files.createTempDirectory(directory.path(), "lnrnn");
            own.toFile().deleteOnExit();
            Path library = extract(own);
            library.toFile().deleteOnExit();
            return library;
        }
        Path cache = Files.createDirectories(directory.path());
        Path library = extracted(cache);
        if (library != null) {
            return library;
        }
        try (FileChannel channel = FileChannel.open(cache.resolve("lock"), StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
                FileLock lock = lock(channel)) {
            library = extracted(cache);
            return library != null ? library : extract(cache);
        }
    }

    private @Nullable Path extracted(Path cache) throws IOException {
        if (listed == null) {
            return null;
        }
        Path file = cache.resolve(listed.fileName());
        return Files.isRegularFile(file) && Files.size(file) == listed.size() ? file : null;
    }

    private Path extract(Path directory) throws IOException {
        Path partial = Files.createTempFile(directory, "liblnrnn", ".part");
        try {
            Content content = copyTo(partial);
            if (listed != null && !listed.equals(content)) {
                throw new IOException(resource + " is damaged: its content differs from the hash in its jar");
            }
            return Files.move(partial, directory.resolve(content.fileName()), StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(partial);
        }
    }

    private Content copyTo(Path file) throws IOException {
        URLConnection connection = resource.openConnection();
        connection.setUseCaches(false);
        CRC32 checksum = new CRC32();
        try (InputStream in = new CheckedInputStream(connection.getInputStream(), checksum);
                OutputStream out = Files.newOutputStream(file)) {
            long size = in.transferTo(out);
            return new Content(size, checksum.getValue());
        }
    }

    /**
     * What the jar's directory lists, where the resource is in a jar that is a file: that is open already, for this
     * class came out of it or out of one beside it, and its directory need not be read again.
     */
    private static @Nullable Content listedContent(URL resource) throws IOException {
        String path = resource.getPath();
        int end = path.indexOf("!/");
        if (!resource.getProtocol().equals("jar") || !path.startsWith("file:") || end < 0) {
            return null;
        }
        try (ZipFile jar = new ZipFile(Path.of(URI.create(path.substring(0, end))).toFile())) {
            ZipEntry entry = jar.getEntry(path.substring(end + "!/".length()));
            return entry == null ? null : new Content(entry.getSize(), entry.getCrc());
        }
    }

    /** Null where there is nothing to lock with: another class loader holds it, or the file system has no locks. */
    private static @Nullable FileLock lock(FileChannel channel) {
        try {
            return channel.lock();
        } catch (OverlappingFileLockException | IOException e) {
            return null;
        }
    }
}
