package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The library that was built loads wherever glibc 2.34 is, and shows nothing but its C API. */
class NativeLibraryTest {

    private static final Path FILE = Path.of("../kernels-cu/target/native/liblnrnn.so");
    private static final int GLIBC_MINOR = 34;

    /** All of glibc; libpthread and libdl are empty from 2.34 on, but older linkers still name them. */
    private static final Set<String> GLIBC = Set.of(
            "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "ld-linux-x86-64.so.2");

    private static ElfLibrary library;

    @BeforeAll
    static void read() throws IOException {
        library = ElfLibrary.read(FILE);
    }

    @Test
    void dependsOnGlibcAlone() {
        assertTrue(library.needed().contains("libc.so.6"), library.needed()::toString);
        assertEquals(Set.of(), difference(library.needed(), GLIBC),
                "libstdc++ and libgcc have to be linked statically");
    }

    @Test
    void needsNoGlibcNewerThan2_34() {
        assertFalse(library.versions().isEmpty());
        for (String version : library.versions()) {
            // Also refuses names without a number, such as GLIBC_ABI_DT_RELR, which is 2.36.
            assertTrue(version.matches("GLIBC_2\\.\\d+(\\.\\d+)?"), version);
            assertTrue(Integer.parseInt(version.split("\\.")[1]) <= GLIBC_MINOR, version);
        }
    }

    @Test
    void exportsTheFunctionsOfTheHeaderAndNothingElse() throws IOException {
        Set<String> functions = Header.read().functions();
        assertEquals(Set.of(), difference(functions, library.exported()), "declared but not exported");
        assertEquals(Set.of(), difference(library.exported(), functions), "exported but not declared");
    }

    private static Set<String> difference(Set<String> these, Set<String> those) {
        Set<String> difference = new TreeSet<>(these);
        difference.removeAll(those);
        return difference;
    }
}
