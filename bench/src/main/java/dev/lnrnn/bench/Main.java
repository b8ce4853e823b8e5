package dev.lnrnn.bench;

import dev.lnrnn.bench.compare.CompareCommand;
import dev.lnrnn.bench.latency.LatencyCommand;
import dev.lnrnn.bench.parity.ParityCommand;
import dev.lnrnn.bench.results.ResultsCommand;
import dev.lnrnn.bench.train.CellsCommand;
import dev.lnrnn.bench.train.TrainCommand;
import java.io.PrintWriter;
import java.util.Objects;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.TypeConversionException;

/** The programs of {@code lnrnn-bench.jar}: one command each. */
@Command(
        name = "lnrnn-bench",
        description = "Programs that use lnrnn, layer-normalised recurrent networks for Java, as any user would.",
        subcommands = {InfoCommand.class, TrainCommand.class, CellsCommand.class, ParityCommand.class, JmhCommand.class,
            LatencyCommand.class, CompareCommand.class, ResultsCommand.class},
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {
            "0:done, and the result is good",
            "1:done, and the result is not good (or, before anything runs: Java is too old)",
            "2:the arguments, a file or this machine do not allow it; one sentence says why",
            "3:legal, but this version of the library cannot do it yet"})
public final class Main {

    @Option(names = {"-h", "--help"}, usageHelp = true, scope = ScopeType.INHERIT, description = "Print this help.")
    private boolean help;

    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    /** The commands, ready to execute; failures become one sentence on its err writer, and an exit status. */
    static CommandLine commandLine() {
        CommandLine line = new CommandLine(new Main());
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.registerConverter(double.class, Main::number);
        line.registerConverter(Double.class, Main::number);
        line.setExecutionExceptionHandler(Failures::report);
        line.setParameterExceptionHandler(Main::reportBadArguments);
        // What JMH understands is JMH's business.
        Objects.requireNonNull(line.getSubcommands().get("jmh")).setUnmatchedOptionsArePositionalParams(true);
        return line;
    }

    private static double number(String text) {
        if (!PlainNumber.isReal(text)) {
            throw new TypeConversionException(
                    "\"" + text + "\" is not a number: expected digits with at most a sign, a "
                            + "decimal point and an exponent");
        }
        return Double.parseDouble(text);
    }

    private static int reportBadArguments(ParameterException e, String[] args) {
        PrintWriter err = e.getCommandLine().getErr();
        err.println(e.getMessage());
        err.println("Try: " + e.getCommandLine().getCommandSpec().qualifiedName() + " --help");
        return ExitCode.BAD_INPUT;
    }
}
