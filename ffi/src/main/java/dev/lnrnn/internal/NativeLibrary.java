package dev.lnrnn.internal;

import dev.lnrnn.LnrnnException;
import dev.lnrnn.Status;
import dev.lnrnn.raw.lnrnn_h;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Finds and loads {@code liblnrnn}, once per class loader: the file that the property {@code lnrnn.library} names,
 * else the first on {@code java.library.path}, else the one in the jar for this platform.
 */
public final class NativeLibrary {
    private static final String PROPERTY = "lnrnn.library";

    private static volatile @Nullable NativeLibrary loaded;
    private static @Nullable LnrnnException failure;

    private final StringBuilder attempts = new StringBuilder();
    private @Nullable Throwable lastError;
    private @Nullable String location;

    private NativeLibrary() {}

    /**
     * Loads the library, at the first call.
     *
     * @return where it was loaded from
     * @throws LnrnnException if it cannot be loaded, at every call and with every attempt in the message
     */
    public static String load() {
        NativeLibrary library = loaded;
        return library != null ? String.valueOf(library.location) : loadOnce();
    }

    private static synchronized String loadOnce() {
        if (failure != null) {
            String message = String.valueOf(failure.getMessage());
            throw new LnrnnException(failure.status(), failure.function(), message, failure);
        }
        NativeLibrary library = loaded;
        if (library == null) {
            library = new NativeLibrary();
            try {
                library.checkNativeAccess();
                library.find();
                library.checkVersion();
            } catch (LnrnnException e) {
                failure = e;
                throw e;
            }
            loaded = library;
        }
        return String.valueOf(library.location);
    }

    /** Restricted methods are refused per module; asking with a harmless one gives the message a place of its own. */
    private void checkNativeAccess() {
        try {
            MemorySegment.NULL.reinterpret(0);
        } catch (IllegalCallerException e) {
            String module = NativeLibrary.class.getModule().isNamed() ? "dev.lnrnn" : "ALL-UNNAMED";
            throw unavailable("this JVM does not let lnrnn call native code: start it with --enable-native-access="
                    + module + ", or put \"Enable-Native-Access: ALL-UNNAMED\" into the manifest of the program's jar",
                    e);
        }
    }

    private void find() {
        String named = System.getProperty(PROPERTY);
        if (named != null) {
            // Naming a file means that file: falling back to another would hide a wrong path.
            if (!tryLoad(Path.of(named).toAbsolutePath())) {
                throw unavailable("the library that the property " + PROPERTY + " names cannot be loaded:" + attempts,
                        lastError);
            }
        } else if (!tryLibraryPath() && !tryResource()) {
            throw unavailable("liblnrnn cannot be loaded; name the file with -D" + PROPERTY + "=FILE. Tried:"
                    + attempts, lastError);
        }
    }

    private boolean tryLibraryPath() {
        String file = System.mapLibraryName("lnrnn");
        String path = System.getProperty("java.library.path", "");
        for (int start = 0; start <= path.length();) {
            int end = path.indexOf(File.pathSeparatorChar, start);
            end = end < 0 ? path.length() : end;
            if (end > start) {
                Path candidate = Path.of(path.substring(start, end), file).toAbsolutePath();
                if (Files.exists(candidate) && tryLoad(candidate)) {
                    return true;
                }
            }
            start = end + 1;
        }
        attempted("java.library.path", "no " + file + " that loads in " + (path.isEmpty() ? "it: it is empty" : path));
        return false;
    }

    private boolean tryResource() {
        String resource = "dev/lnrnn/native/" + platform() + "/" + System.mapLibraryName("lnrnn");
        ClassLoader loader = NativeLibrary.class.getClassLoader();
        URL url = loader == null ? ClassLoader.getSystemResource(resource) : loader.getResource(resource);
        if (url == null) {
            attempted("resource " + resource, "not on the class path or module path (is the jar lnrnn-native of this"
                    + " platform there?)");
            return false;
        }
        if (url.getProtocol().equals("file")) {
            return tryLoad(Path.of(URI.create(url.toString())));
        }
        try {
            LibraryCache cache = new LibraryCache(url);
            for (LibraryCache.Directory directory : LibraryCache.directories()) {
                if (tryExtracted(cache, directory)) {
                    return true;
                }
            }
        } catch (IOException e) {
            attempted(url.toString(), e.toString());
        }
        return false;
    }

    /** A directory that cannot be written, or from which nothing may be executed, leaves the next one to try. */
    private boolean tryExtracted(LibraryCache cache, LibraryCache.Directory directory) {
        try {
            return tryLoad(cache.extractTo(directory));
        } catch (IOException e) {
            attempted("extraction to " + directory.path(), e.toString());
            return false;
        }
    }

    private boolean tryLoad(Path file) {
        try {
            System.load(file.toString());
            location = file.toString();
            return true;
        } catch (UnsatisfiedLinkError e) {
            attempted(file.toString(), String.valueOf(e.getMessage()));
            lastError = e;
            return false;
        }
    }

    private void attempted(String what, String result) {
        attempts.append("\n  ").append(what).append(": ").append(result);
    }

    private void checkVersion() {
        if (SymbolLookup.loaderLookup().find("lnrnnGetAbiVersion").isEmpty()) {
            throw unavailable(location + " is not the lnrnn library: it has no function lnrnnGetAbiVersion", null);
        }
        int abi = lnrnn_h.lnrnnGetAbiVersion();
        if (abi != lnrnn_h.LNRNN_ABI_VERSION()) {
            throw unavailable(location + " has ABI version " + abi + ", these Java classes need "
                    + lnrnn_h.LNRNN_ABI_VERSION() + ": use a library and a jar of the same release", null);
        }
    }

    /** The name of this operating system and processor as the jars with the native library have it. */
    static String platform() {
        String os = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
        String arch = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
        if (os.startsWith("mac")) {
            os = "macos";
        } else if (os.startsWith("windows")) {
            os = "windows";
        }
        return os + "-" + (arch.equals("amd64") ? "x86_64" : arch.equals("arm64") ? "aarch64" : arch);
    }

    private static LnrnnException unavailable(String message, @Nullable Throwable cause) {
        return new LnrnnException(Status.DEVICE_UNAVAILABLE, "System.load", message, cause);
    }
}
