package dev.lnrnn.bench.compare;

import dev.lnrnn.bench.BadInputException;
import dev.lnrnn.bench.ChartFile;
import dev.lnrnn.bench.ExitCode;
import dev.lnrnn.bench.JsonFile;
import dev.lnrnn.bench.Outputs;
import dev.lnrnn.bench.jmh.Shape;
import dev.lnrnn.bench.results.Limit;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** This library beside those that Java programs use for the same today. */
@Command(
        name = "compare",
        description = {
            "Time lnrnn's LSTMs, layer-normalised and plain, beside libtorch's and ONNX Runtime's, on the CPU.",
            "All systems compute the same numbers in one process. Their results are compared first, then they are timed "
                    + "in turns. Works only in a jar that was built with -Ppeers."})
public final class CompareCommand implements Callable<Integer> {

    /** Two minutes, less the Java's start, the last case's last round and the chart. */
    private static final double QUICK_SECONDS = 100;
    private static final Set<Shape> QUICK_SHAPES = EnumSet.of(Shape.A, Shape.B, Shape.C, Shape.E);

    @Option(names = "--threads", paramLabel = "N", defaultValue = "1",
            description = "Threads that each system may use. Default: ${DEFAULT-VALUE}.")
    private int threads;

    @Option(names = "--shapes", paramLabel = "A,B,...", split = ",",
            description = "Some of A(1,1,128,256) B(100,1,256,512) C(100,32,512,512) D(256,64,1024,1024) E(25,128,256,256) "
                    + "F(512,16,2048,2048), in steps, rows, inputs, hidden units. Default: all; A,B,C,E with --quick.")
    private @Nullable Set<Shape> shapes;

    @Option(names = "--backward", description = "Also time forward and backward together, as in training.")
    private boolean backward;

    @Option(names = "--quick", description = "Stop after two minutes, and leave the rest out.")
    private boolean quick;

    @Option(names = "--json", paramLabel = "FILE",
            description = "Write the measurements and the calibration here, again after every case. If the file has more "
                    + "rows already, it is replaced only when all cases are done.")
    private @Nullable Path json;

    @Option(names = "--chart", paramLabel = "FILE", defaultValue = "lnrnn-compare.png",
            description = "The file of the chart. Default: ${DEFAULT-VALUE}.")
    private Path chart = Path.of("lnrnn-compare.png");

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
        Schedule schedule = quick ? Schedule.Until.inSeconds(QUICK_SECONDS) : new Schedule.Thorough();
        int processors = Runtime.getRuntime().availableProcessors();
        if (threads < 1 || threads > processors) {
            throw new BadInputException("--threads is " + threads + ", expected 1..." + processors
                    + ", the processors that this process may use.");
        }
        List<Peer> peers = ServiceLoader.load(Peer.class).stream().map(ServiceLoader.Provider::get).toList();
        if (peers.isEmpty()) {
            throw new BadInputException("This jar has no other systems to compare with: build it with "
                    + "mvn -q -Ppeers -DskipTests package.");
        }
        new Outputs().writing("--chart", chart).writing("--json", json);
        return compare(peers, schedule);
    }

    private int compare(List<Peer> peers, Schedule schedule) throws IOException, InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        for (Peer peer : peers) {
            peer.start(threads);
        }
        CpuCalibration calibration = new CpuCalibration(threads, peers);
        calibration.look();
        List<Comparison.Case> cases = cases();
        List<Timing> rows;
        try (Progress progress = Progress.of(cases.size(), out)) {
            rows = new Comparison(threads, peers, calibration, schedule, progress).run(cases,
                    soFar -> keep(Outcome.of(peers, calibration, soFar)));
        }
        Outcome outcome = Outcome.of(peers, calibration, rows);
        JsonFile.requireFinite(outcome);
        Limit limit = new Limit(calibration);
        JsonFile.requireFinite(rows.stream().map(row -> Outcome.fractionOfLimit(limit, row)).toList());
        new ComparisonTable(outcome, limit).print(out);
        if (json != null) {
            JsonFile.write(json, outcome);
            out.printf("Results: %s%n", json);
        }
        out.flush();
        if (!rows.isEmpty()) {
            out.println(ChartFile.write(chart, () -> ComparisonChart.draw(outcome, limit)));
        }
        out.flush();
        return outcome.isGood() ? ExitCode.OK : ExitCode.BAD_RESULT;
    }

    /** What there is so far, unless more stands there from an earlier run, which this one may not come up to. */
    private void keep(Outcome outcome) throws IOException {
        if (json != null && outcome.rows().size() >= JsonFile.rowsIn(json)) {
            JsonFile.write(json, outcome);
        }
    }

    private List<Comparison.Case> cases() {
        Set<Shape> chosen = shapes != null ? shapes : quick ? QUICK_SHAPES : EnumSet.allOf(Shape.class);
        List<Comparison.Case> cases = new ArrayList<>();
        for (Shape shape : chosen) {
            cases.add(new Comparison.Case(shape, Mode.FORWARD));
            if (backward) {
                cases.add(new Comparison.Case(shape, Mode.TRAIN));
            }
        }
        return cases;
    }
}
