package dev.lnrnn.bench.latency;

import dev.lnrnn.bench.ChartFile;
import dev.lnrnn.bench.ExitCode;
import dev.lnrnn.bench.JsonFile;
import dev.lnrnn.bench.Outputs;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** How long a Java program waits for this library, and for what of it. */
@Command(
        name = "latency",
        description = {
            "Measure latency on the CPU: bare calls beside JNI, passes beside the same calls from C, streaming steps "
                    + "with percentiles, kinds of inputs, allocation, two threads, and cold starts.",
            "Bare calls and calls from C need a C compiler, a JDK, and the clone that this jar was built in."})
public final class LatencyCommand implements Callable<Integer> {

    @Option(names = "--parts", paramLabel = "PART,...", split = ",",
            description = "Some of ${COMPLETION-CANDIDATES}. Default: all.")
    private Set<Part> parts = EnumSet.allOf(Part.class);

    @Option(names = "--quick", description = "Take less than a minute instead of about eight.")
    private boolean quick;

    @Option(names = "--probe", paramLabel = "FILE",
            description = "The C source to compare calls with. Default: src/test/c/probe.c of the clone.")
    private @Nullable Path probe;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the measurements here.")
    private @Nullable Path json;

    @Option(names = "--chart", paramLabel = "FILE", description = "Draw the streaming steps here.")
    private @Nullable Path chart;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
        new Outputs().reading("--probe", probe).writing("--json", json).writing("--chart", chart);
        Path directory = Files.createTempDirectory("lnrnn-latency");
        try {
            return measure(directory);
        } finally {
            for (String file : List.of("liblnrnn-probe.so", "compiler.txt", "")) {
                Files.deleteIfExists(directory.resolve(file));
            }
        }
    }

    private int measure(Path directory) throws IOException, InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        List<String> leftOut = new ArrayList<>();
        List<Task> tasks = tasks(directory, leftOut);
        leftOut.forEach(out::println);
        List<Row> rows = new ArrayList<>();
        try (Progress progress = new Progress(tasks.size(), out)) {
            for (Task task : tasks) {
                progress.begin(task);
                rows.addAll(task.measurement().rows());
            }
        }
        Measured measured = Measured.here(quick, leftOut, rows);
        JsonFile.requireFinite(measured);
        LatencyTable.print(measured, out);
        if (json != null) {
            JsonFile.write(json, measured);
            out.printf("Results: %s%n", json);
        }
        out.flush();
        if (chart != null && !LatencyChart.steps(measured).isEmpty()) {
            out.println(ChartFile.write(chart, () -> LatencyChart.draw(measured)));
        }
        out.flush();
        return measured.isGood() ? ExitCode.OK : ExitCode.BAD_RESULT;
    }

    private List<Task> tasks(Path directory, List<String> leftOut) throws IOException, InterruptedException {
        Effort effort = quick ? Effort.QUICK : Effort.THOROUGH;
        List<Task> tasks = new ArrayList<>();
        for (Part part : EnumSet.copyOf(parts)) {
            tasks.addAll(switch (part) {
                case CALLS -> new CallOverhead(effort, compileProbe(directory, leftOut)).tasks();
                case STEPS -> new Steps(effort).tasks();
                case INPUTS -> new InputKinds(effort).tasks();
                case ALLOCATION -> new Allocation().tasks();
                case THREADS -> new TwoThreads(effort).tasks();
                case START -> {
                    ColdStart start = new ColdStart(effort);
                    if (!start.whyNoCache().isEmpty()) {
                        leftOut.add(start.whyNoCache());
                    }
                    yield start.tasks();
                }
            });
        }
        return tasks;
    }

    private @Nullable Path compileProbe(Path directory, List<String> leftOut)
            throws IOException, InterruptedException {
        ProbeSource source = probe != null ? new ProbeSource(probe) : ProbeSource.ofClone();
        try {
            return source.compileInto(directory);
        } catch (ProbeSource.Missing e) {
            leftOut.add("Left out, bare calls and calls from C: " + e.getMessage() + ".");
            return null;
        }
    }
}
