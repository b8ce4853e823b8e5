package dev.lnrnn.misuse;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lnrnn.ChildJvm;
import dev.lnrnn.TestDevice;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** No misuse of an exported method ends the JVM. */
@Tag("device")
class MisuseFuzzTest {

    private static final int MISUSES = 10_000;
    private static final Duration LIMIT = Duration.ofSeconds(120);
    // Each opens a device of its own. The processor does all; elsewhere, where that takes milliseconds, as many as fit.
    private static final Duration ENOUGH = TestDevice.isCpu() ? Duration.ofDays(1) : Duration.ofSeconds(40);

    @Test
    void everyMisuseIsRefused(@TempDir Path directory) throws IOException, InterruptedException {
        long seed = Long.getLong("lnrnn.misuse.seed", System.nanoTime() & Integer.MAX_VALUE);
        System.out.println("misuse with -Dlnrnn.misuse.seed=" + seed);
        ChildJvm child = ChildJvm.run(LIMIT, List.of("-cp", ChildJvm.classPath(),
                "-Xmx256m", "-XX:-CreateCoredumpOnCrash", "-XX:+ErrorFileToStdout",
                "-Dlnrnn.maxBytes=67108864", MisuseFuzz.class.getName(),
                Long.toString(seed), Integer.toString(MISUSES), Long.toString(ENOUGH.toSeconds()),
                directory.toString()));
        assertEquals(0, child.exitCode(),
                () -> "seed " + seed + ", last call: " + read(directory) + "\n" + child.output());
        System.out.print(child.output());
    }

    private static String read(Path directory) {
        try {
            return LastCall.read(directory);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
