package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.SortedSet;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The committed bindings say what lnrnn.h says: one cannot change without the other. */
class BindingsMatchHeaderTest {

    @Test
    void bindingsDeclareWhatTheCompilerSees(@TempDir Path directory) throws Exception {
        assertEquals(String.join("\n", Header.read().declarations(directory)),
                String.join("\n", Bindings.declarations()));
    }

    @Test
    void packageInfoRecordsTheHeaderThatWasRead() throws Exception {
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(Header.FILE));
        String record = "SHA-256 of lnrnn.h: {@code " + HexFormat.of().formatHex(hash) + "}";
        assertTrue(Files.readString(Bindings.DIRECTORY.resolve("package-info.java")).contains(record),
                "lnrnn.h is not what the bindings were generated from: repeat package-info.java's command");
    }

    /** Each row edits a copy of the header; the comparison has to see it, in just the line named. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            lnrnnEventQuery(lnrnnEvent_t event, int32_t *done) | lnrnnEventQuery(lnrnnEvent_t event) \
            | function int lnrnnEventQuery(pointer)
            lnrnnGetUsage(lnrnnUsage_t *usage) | lnrnnGetUsage(int64_t usage) \
            | function int lnrnnGetUsage(long)
            int32_t lnrnnGetAbiVersion(void) | int64_t lnrnnGetAbiVersion(void) \
            | function long lnrnnGetAbiVersion()
            LNRNN_API int32_t lnrnnGetAbi | LNRNN_API void lnrnnNew(void); LNRNN_API int32_t lnrnnGetAbi \
            | function void lnrnnNew()
            LNRNN_STATUS_IN_USE = 20 | LNRNN_STATUS_IN_USE = 21 | constant LNRNN_STATUS_IN_USE = 21
            LNRNN_ABI_VERSION 6 | LNRNN_ABI_VERSION 77 | constant LNRNN_ABI_VERSION = 77
            LNRNN_CELL_GRU = 1, | LNRNN_CELL_GRU = 1, LNRNN_CELL_NEW = 7, | constant LNRNN_CELL_NEW = 7
            char isa[32] | char isa[40] | field lnrnnDeviceProperties_t.isa: byte[40] at 160
            double zoneoutCell; | int64_t zoneoutCell; \
            | field lnrnnPlanDescription_t.zoneoutCell: long at 64
            int64_t plans; | int64_t proposals; | field lnrnnUsage_t.proposals: long at 16
            """)
    void driftIsSeen(String declaration, String edited, String line, @TempDir Path directory)
            throws Exception {
        String text = Header.read().text();
        String changed = text.replace(declaration, edited);
        assertNotEquals(text, changed, () -> "the header no longer has " + declaration);

        SortedSet<String> drift = new TreeSet<>(new Header(changed).declarations(directory));
        drift.removeAll(Bindings.declarations());
        assertTrue(drift.contains(line), drift::toString);
    }

    @Test
    void functionMissingFromTheHeaderIsSeen(@TempDir Path directory) throws Exception {
        String changed = Header.read().text().replaceAll("LNRNN_API [^;]*lnrnnMemset\\([^;]*;", "");
        SortedSet<String> drift = new TreeSet<>(Bindings.declarations());
        drift.removeAll(new Header(changed).declarations(directory));
        assertEquals("[function int lnrnnMemset(pointer, pointer, pointer, int, long)]", drift.toString());
    }
}
