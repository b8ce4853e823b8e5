package dev.lnrnn.bench;

import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Hands over to JMH's own main program. */
@Command(
        name = "jmh",
        description = {
            "Run the JMH benchmarks: forward, forward and backward, one streaming step, calls on a batch of no rows.",
            "The benchmarks of bare calls and of calls from C need a compiled C source: the command latency runs them.",
            "Arguments are JMH's own, for instance:%n"
                    + "  jmh -l                          list the benchmarks%n"
                    + "  jmh Step -prof gc               those named Step..., with bytes allocated per call%n"
                    + "  jmh Forward -p shape=A -rf json"})
final class JmhCommand implements Callable<Integer> {

    @Parameters(paramLabel = "ARG", description = "An option of JMH; list them with: jmh -- -h")
    private String[] arguments = {};

    @Override
    public Integer call() throws IOException {
        org.openjdk.jmh.Main.main(arguments);
        return ExitCode.OK;
    }
}
