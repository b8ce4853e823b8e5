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

/** Using, closing and changing the same objects in several threads does not end the JVM either. */
@Tag("device")
class RaceFuzzTest {

    private static final int ROUNDS = TestDevice.isCpu() ? 150 : 10;

    @Test
    void everyRaceIsSurvived(@TempDir Path directory) throws IOException, InterruptedException {
        long seed = Long.getLong("lnrnn.misuse.seed", System.nanoTime() & Integer.MAX_VALUE);
        System.out.println("races with -Dlnrnn.misuse.seed=" + seed);
        ChildJvm child = ChildJvm.run(Duration.ofSeconds(120), List.of("-cp", ChildJvm.classPath(),
                "-Xmx256m", "-XX:-CreateCoredumpOnCrash", "-XX:+ErrorFileToStdout",
                "-Dlnrnn.maxBytes=67108864", RaceFuzz.class.getName(),
                Long.toString(seed), Integer.toString(ROUNDS), directory.toString()));
        assertEquals(0, child.exitCode(), () -> "seed " + seed + "\n" + child.output());
    }
}
