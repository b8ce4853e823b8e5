package dev.lnrnn.bench.results;

import dev.lnrnn.bench.ExitCode;
import dev.lnrnn.bench.JsonFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The end of a run of the GPU bundle. */
@Command(name = "results", description = "Merge the files that the parts of the GPU bundle wrote to a "
        + "folder into its results.json, and print it as a table.")
public final class ResultsCommand implements Callable<Integer> {

    @Parameters(paramLabel = "DIR", description = "The folder with the files of the parts.")
    private Path directory;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Results results = Results.read(directory);
        JsonFile.write(directory.resolve("results.json"), results);
        PrintWriter out = spec.commandLine().getOut();
        new Table(results).print(out);
        out.flush();
        return ExitCode.OK;
    }
}
