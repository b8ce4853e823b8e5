package dev.lnrnn.misuse;

import dev.lnrnn.TestDevice;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Using, closing and changing the same objects in several threads does not end the JVM either. */
@Tag("device")
class RaceFuzzTest {

    @Test
    void everyRaceIsSurvived(@TempDir Path directory) throws IOException, InterruptedException {
        FuzzJvm.run(RaceFuzz.class, TestDevice.isCpu() ? 8 : 4, directory);
    }
}
