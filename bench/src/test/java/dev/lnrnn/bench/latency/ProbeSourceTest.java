package dev.lnrnn.bench.latency;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProbeSourceTest {

    @TempDir
    private Path directory;

    private String refusal(Path source) {
        return assertThrows(ProbeSource.Missing.class, () -> new ProbeSource(source).compileInto(directory))
                .getMessage();
    }

    @Test
    void aMissingSourceIsNamed() {
        Path nowhere = directory.resolve("probe.c");
        assertEquals("there is no " + nowhere, refusal(nowhere));
    }

    @Test
    void theCompilerHasItsSay() throws Exception {
        Path source = Files.writeString(directory.resolve("probe.c"), "#error not today\n");
        assertTrue(refusal(source).matches("(?s)the C compiler says: .*not today.*"), refusal(source));
    }

    @Test
    void theSourceOfTheCloneCompiles() throws Exception {
        Path library = ProbeSource.ofClone().compileInto(directory);
        assertTrue(Files.size(library) > 0);
    }
}
