package dev.lnrnn.bench.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.bench.CommandRun;
import dev.lnrnn.bench.ExitCode;
import org.junit.jupiter.api.Test;

class CompareCommandTest {

    private static void assertRefused(String sentence, CommandRun run) {
        assertEquals(ExitCode.BAD_INPUT, run.exitCode(), run.out());
        assertTrue(run.err().startsWith(sentence), run.err());
    }

    @Test
    void withoutPeersOneSentenceSaysHowToGetThem() {
        Thread thread = Thread.currentThread();
        ClassLoader usual = thread.getContextClassLoader();
        // Services are looked up through it; this one knows none of ours, whichever profile this was built with.
        thread.setContextClassLoader(ClassLoader.getPlatformClassLoader());
        try {
            CommandRun run = CommandRun.of("compare", "--shapes", "A");
            assertRefused("This jar has no other systems to compare with: build it with mvn -q -Ppeers", run);
            assertEquals(1, run.err().lines().count(), run.err());
        } finally {
            thread.setContextClassLoader(usual);
        }
    }

    @Test
    void threadsAreThoseOfTheMachine() {
        int processors = Runtime.getRuntime().availableProcessors();
        String range = ", expected 1..." + processors + ", the processors that this process may use.";
        assertRefused("--threads is 0" + range, CommandRun.of("compare", "--threads", "0"));
        assertRefused("--threads is " + (processors + 1) + range,
                CommandRun.of("compare", "--threads", Integer.toString(processors + 1)));
        assertRefused("Invalid value for option '--threads'", CommandRun.of("compare", "--threads", "two"));
    }

    @Test
    void shapesAreThoseOfTheNotes() {
        assertRefused("Invalid value for option '--shapes' (A,B,...): expected one of [A, B, C, D, E, F]",
                CommandRun.of("compare", "--shapes", "A,G"));
        assertRefused("Unknown option: '--forwards'", CommandRun.of("compare", "--forwards"));
    }
}
