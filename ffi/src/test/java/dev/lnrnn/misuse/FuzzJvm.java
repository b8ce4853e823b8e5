package dev.lnrnn.misuse;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lnrnn.ChildJvm;
import dev.lnrnn.FuzzRun;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** Runs a fuzzer in a JVM of its own, which may die of what it finds. */
final class FuzzJvm {

    /** What it may take beyond its time: for a start, the end of its last call, and a machine with much else to do. */
    private static final Duration GRACE = Duration.ofSeconds(120);

    private FuzzJvm() {}

    /**
     * Runs the main method with a seed, the seconds to run for, and the directory, which is empty, and fails if the
     * exit status is not 0.
     */
    static void run(Class<?> fuzzer, int seconds, Path directory) throws IOException, InterruptedException {
        long seed = FuzzRun.seed();
        Duration time = FuzzRun.time(seconds);
        System.out.printf("%s with -Dfuzz.seed=%d%n", fuzzer.getSimpleName(), seed);
        ChildJvm child = ChildJvm.run(time.plus(GRACE), List.of("-cp", ChildJvm.classPath(),
                "-Xmx256m", "-XX:-CreateCoredumpOnCrash", "-XX:+ErrorFileToStdout",
                "-Dlnrnn.maxBytes=67108864", fuzzer.getName(),
                Long.toString(seed), Long.toString(time.toSeconds()), directory.toString()));
        assertEquals(0, child.exitCode(),
                () -> "-Dfuzz.seed=" + seed + ", last: " + lastCall(directory) + "\n" + child.output());
        System.out.print(child.output());
    }

    private static String lastCall(Path directory) {
        try {
            return LastCall.read(directory);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
