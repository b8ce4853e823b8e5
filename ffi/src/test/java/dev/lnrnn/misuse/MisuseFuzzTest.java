package dev.lnrnn.misuse;

import dev.lnrnn.TestDevice;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** No misuse of an exported method ends the JVM. */
@Tag("device")
class MisuseFuzzTest {

    @Test
    void everyMisuseIsRefused(@TempDir Path directory) throws IOException, InterruptedException {
        FuzzJvm.run(MisuseFuzz.class, TestDevice.isCpu() ? 10 : 5, directory);
    }
}
