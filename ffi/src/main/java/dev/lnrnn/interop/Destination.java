package dev.lnrnn.interop;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The place of a file that is to be replaced.
 *
 * @param named what the caller calls it, for messages
 * @param target the place itself, at the end of all symbolic links
 * @param old owner, group and permissions of the file that is there; null if there is none, or no such things
 */
record Destination(Path named, Path target, @Nullable PosixFileAttributes old) {
    private static final int MAX_LINKS = 40;
    private static final Path PROCESSES = Path.of("/proc");
    private static final int STICKY = 0b1_000_000_000;
    private static final Set<PosixFilePermission> WRITE = EnumSet.of(PosixFilePermission.OWNER_WRITE,
            PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);
    private static final FileAttribute<?> FOR_OWNER =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    /** Finds the place, and refuses what cannot be replaced by a file. */
    static Destination of(Path named) throws IOException {
        Path absolute = named.toAbsolutePath();
        if (isOfProcess(absolute)) {
            throw refused(named, "is a file that a process has open, and cannot be replaced");
        }
        BasicFileAttributes attributes;
        try {
            attributes = Files.readAttributes(absolute, BasicFileAttributes.class);
        } catch (NoSuchFileException e) {
            return ofNew(named, absolute);
        } catch (FileSystemException e) {
            throw FileReplacement.failure(named, "cannot be written", e);
        }
        if (!attributes.isRegularFile()) {
            throw refused(named, attributes.isDirectory()
                    ? "is a directory, and cannot be replaced by a file"
                    : "is a pipe, a device or similar, and cannot be replaced by a file");
        }
        Path target = realPath(named, absolute);
        PosixFileAttributeView view = Files.getFileAttributeView(target, PosixFileAttributeView.class);
        PosixFileAttributes old = view == null ? null : view.readAttributes();
        // The permissions of a file do not bind root, but they say what its owner wants.
        if (!Files.isWritable(target) || old != null && old.permissions().stream().noneMatch(WRITE::contains)) {
            throw new AccessDeniedException(named.toString(), null, "is read-only, and cannot be replaced");
        }
        return new Destination(named, target, old);
    }

    /** As {@code /dev/stdout}: whoever opened the file there goes on writing to it, whatever takes its name. */
    private static boolean isOfProcess(Path file) throws IOException {
        Path at = file.normalize();
        for (int links = 0; links < MAX_LINKS && !at.startsWith(PROCESSES); links++) {
            if (!Files.isSymbolicLink(at)) {
                return false;
            }
            at = at.resolveSibling(Files.readSymbolicLink(at)).normalize();
        }
        return at.startsWith(PROCESSES);
    }

    /** Where no file is, or a link leads to none. */
    private static Destination ofNew(Path named, Path absolute) throws IOException {
        Path target = absolute;
        for (int links = 0; Files.isSymbolicLink(target); links++) {
            if (links == MAX_LINKS) {
                throw new FileSystemLoopException(named.toString());
            }
            target = target.resolveSibling(Files.readSymbolicLink(target));
        }
        Path directory = target.getParent();
        if (directory == null || !Files.isDirectory(directory)) {
            throw new NoSuchFileException(named.toString(), null,
                    "cannot be written: there is no directory " + directory);
        }
        return new Destination(named, target, null);
    }

    private static Path realPath(Path named, Path absolute) throws IOException {
        try {
            return absolute.toRealPath();
        } catch (FileSystemException e) {
            throw refused(named, "cannot be written: it has no path under which it could be replaced");
        }
    }

    private static FileSystemException refused(Path named, String reason) {
        return new FileSystemException(named.toString(), null, reason);
    }

    Path directory() {
        return Objects.requireNonNull(target.getParent(), "a file has a directory");
    }

    /** Of the new file while it is written: if the old one is secret, so is all of the new one from the beginning. */
    FileAttribute<?>[] firstAttributes() {
        return old == null ? new FileAttribute<?>[0] : new FileAttribute<?>[] {FOR_OWNER};
    }

    /**
     * In a directory where only owners may replace files, as {@code /tmp}: refuses the file of somebody else, whatever
     * its permissions.
     *
     * @param own a file there of this program's
     */
    void checkMayReplace(Path own) throws IOException {
        if (old == null || !target.getFileSystem().supportedFileAttributeViews().contains("unix")) {
            return;
        }
        int user = (int) Files.getAttribute(own, "unix:uid");
        int mode = (int) Files.getAttribute(directory(), "unix:mode");
        if (user != 0 && (mode & STICKY) != 0 && user != (int) Files.getAttribute(target, "unix:uid")
                && user != (int) Files.getAttribute(directory(), "unix:uid")) {
            throw new AccessDeniedException(named.toString(), null,
                    "belongs to another user, and " + directory() + " lets only owners replace their files");
        }
    }

    /** Gives the new file what the old one has. */
    void passOn(Path part) throws IOException {
        if (old == null) {
            return;
        }
        PosixFileAttributeView view =
                Files.getFileAttributeView(part, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
        PosixFileAttributes now = view.readAttributes();
        Set<PosixFilePermission> permissions = EnumSet.noneOf(PosixFilePermission.class);
        permissions.addAll(old.permissions());
        if (!now.group().equals(old.group())) {
            try {
                view.setGroup(old.group());
            } catch (IOException e) {
                // A group of ours in its place may do what everybody may.
                retain(permissions, PosixFilePermission.GROUP_READ, PosixFilePermission.OTHERS_READ);
                retain(permissions, PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);
                retain(permissions, PosixFilePermission.GROUP_EXECUTE, PosixFilePermission.OTHERS_EXECUTE);
            }
        }
        view.setPermissions(permissions);
        if (!now.owner().equals(old.owner())) {
            try {
                view.setOwner(old.owner());
            } catch (IOException e) {
                // Only root may give files away; then it is ours from now on, as every new file.
                return;
            }
        }
    }

    private static void retain(Set<PosixFilePermission> permissions, PosixFilePermission of,
            PosixFilePermission where) {
        if (!permissions.contains(where)) {
            permissions.remove(of);
        }
    }
}
