package dev.lnrnn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lnrnn.LnrnnException;
import dev.lnrnn.Status;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.channels.ClosedChannelException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** What the library refuses is one sentence, and a status that tells what is missing from what is wrong. */
class FailuresTest {

    @ParameterizedTest
    @CsvSource({"NOT_SUPPORTED,3", "INVALID_ARGUMENT,2", "OUT_OF_MEMORY,2"})
    void refusalsOfTheLibrary(Status status, int exitCode) throws Exception {
        StringWriter errors = new StringWriter();
        CommandLine line = Main.commandLine().setErr(new PrintWriter(errors, true));
        LnrnnException refusal = new LnrnnException(status, "lnrnnPlanCreate", "it cannot be", null);
        assertEquals(exitCode, Failures.report(refusal, line, null));
        assertEquals(refusal.getMessage() + System.lineSeparator(), errors.toString());
    }

    @Test
    void failuresWithoutAMessageSayWhatTheyAre() throws Exception {
        StringWriter errors = new StringWriter();
        CommandLine line = Main.commandLine().setErr(new PrintWriter(errors, true));
        assertEquals(ExitCode.BAD_INPUT, Failures.report(new ClosedChannelException(), line, null));
        assertEquals("java.nio.channels.ClosedChannelException" + System.lineSeparator(), errors.toString());
    }
}
