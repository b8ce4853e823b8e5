package dev.lnrnn.bench.train;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.bench.BadInputException;
import dev.lnrnn.bench.DeviceOption;
import dev.lnrnn.bench.ExitCode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The main job: an observed series is learnt, checked against simple forecasts, saved, and run again as a stream. */
@Command(
        name = "train",
        description = {
            "Train a layer-normalised LSTM to forecast an observed series, and compare it with simple forecasts "
                    + "on the last fifth of the series, which it has not seen.",
            "Without --data: births per day in the United States, 1969-1988, one day ahead.",
            "Ctrl-C ends the training early and keeps a valid checkpoint."})
public final class TrainCommand implements Callable<Integer> {

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Option(names = "--threads", paramLabel = "N", defaultValue = "0",
            description = "CPU threads; 0 for one per processor. Default: ${DEFAULT-VALUE}.")
    private int threads;

    @Option(names = "--epochs", paramLabel = "N", defaultValue = "300",
            description = "How often the training part is gone through. Default: ${DEFAULT-VALUE}.")
    private int epochs;

    @Option(names = "--hidden", paramLabel = "N", defaultValue = "64",
            description = "Hidden size. Default: ${DEFAULT-VALUE}.")
    private int hidden;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1",
            description = "The same seed and number of threads give the same numbers. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(names = "--data", paramLabel = "FILE.csv",
            description = "A series of your own: a CSV file with a header line, oldest point first.")
    private @Nullable Path data;

    @Option(names = "--column", paramLabel = "NAME", description = "The column of --data to learn.")
    private @Nullable String column;

    @Option(names = "--season", split = ",", paramLabel = "POINTS",
            description = "The rhythms of --data, in points, for instance 24,168 for hours: the first, a whole number, "
                    + "is the season of seasonal-naive. Default: 1, no season.")
    private @Nullable List<Double> periods;

    @Option(names = "--horizon", defaultValue = "1", paramLabel = "POINTS",
            description = "How far ahead to forecast. Default: ${DEFAULT-VALUE}.")
    private int horizon;

    @Option(names = "--out", defaultValue = "lnrnn-train", paramLabel = "DIR",
            description = "Where checkpoint.safetensors, chart.png and report.json go. Default: ${DEFAULT-VALUE}.")
    private Path directory = Path.of("lnrnn-train");

    @Option(names = "--report", paramLabel = "FILE", description = "The report's file. Default: report.json in --out.")
    private @Nullable Path report;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        requireAtLeastOne("--epochs", epochs);
        requireAtLeastOne("--hidden", hidden);
        Task task = new Task(series(), horizon);
        // Before the training, so that nothing is lost to a wrong path.
        Files.createDirectories(directory);
        if (report != null) {
            Files.createDirectories(report.toAbsolutePath().getParent());
        }
        try (Device opened = device.open(cpuOptions())) {
            return train(opened, task, spec.commandLine().getOut());
        }
    }

    private int train(Device opened, Task task, PrintWriter out) throws IOException {
        Scaler scaler = task.scaler();
        Inputs inputs = Inputs.of(task, scaler);
        Path checkpoint = directory.resolve("checkpoint.safetensors");
        out.printf("Series: %s, %d points; horizon %d, season %d; held out: the last %d%n", task.series().name(),
                task.series().length(), task.horizon(), task.series().season(), task.holdoutSize());
        out.printf("Device: %s, %s%n", opened.info().name(), opened.info().description());
        out.flush();

        TrainingRun.Outcome outcome;
        float[] forecast;
        try (Model model = Model.create(opened, inputs.width(), hidden).initialize(seed)) {
            try (StopRequest stop = new StopRequest()) {
                outcome = fit(model, task, inputs, scaler, checkpoint, stop, out);
                if (outcome.stopped()) {
                    out.printf("Stopped after %d epochs; the checkpoint is %s%n", outcome.epochs(), checkpoint);
                    out.flush();
                    return ExitCode.OK;
                }
            }
            forecast = model.forecast(inputs);
        }
        Holdout holdout = Holdout.of(task, inputs, scaler, forecast);
        Report result = new Report(task.series().name(), horizon, task.series().season(), opened.info().name(),
                opened.info().threads(), hidden, seed, outcome.epochs(), outcome.firstLoss(), outcome.lastLoss(),
                outcome.stepsPerSecond(), streamMaxDifference(opened, checkpoint, task, inputs, forecast),
                holdout.errors(), holdout);
        write(result, task, checkpoint, out);
        return result.good() ? ExitCode.OK : ExitCode.BAD_RESULT;
    }

    private TrainingRun.Outcome fit(Model model, Task task, Inputs inputs, Scaler scaler, Path checkpoint,
            StopRequest stop, PrintWriter out) throws IOException {
        try (Progress progress = Progress.of(epochs, out)) {
            return new TrainingRun(model, task, inputs, scaler, checkpoint).run(epochs, seed, progress, stop);
        }
    }

    /** Between the trained model's forecasts and those of the reloaded checkpoint, run as a stream. */
    private static double streamMaxDifference(Device opened, Path checkpoint, Task task, Inputs inputs,
            float[] forecast) throws IOException {
        float[] streamed;
        try (Model reloaded = Checkpoint.load(checkpoint, opened)) {
            streamed = reloaded.forecastStepByStep(inputs);
        }
        double largest = 0;
        for (int origin = task.trainingOrigins(); origin < task.origins(); origin++) {
            // Math.max keeps NaN, so that it cannot pass.
            largest = Math.max(largest, Math.abs(streamed[origin] - forecast[origin]));
        }
        return largest;
    }

    private void write(Report result, Task task, Path checkpoint, PrintWriter out) throws IOException {
        Path chart = directory.resolve("chart.png");
        Path json = report != null ? report : directory.resolve("report.json");
        result.write(json);
        Summary.print(result, out);
        out.printf("Checkpoint: %s%nReport:     %s%n", checkpoint, json);
        try {
            Chart.write(chart, task, result.holdout());
            out.printf("Chart:      %s%n", chart);
        } catch (IOException e) {
            // Everything that the training was for is there already.
            out.println(e.getMessage());
        }
        out.flush();
    }

    private DeviceOptions cpuOptions() {
        try {
            return DeviceOptions.DEFAULTS.withThreads(threads);
        } catch (IllegalArgumentException e) {
            throw new BadInputException(e.getMessage());
        }
    }

    private Series series() {
        if (data == null) {
            if (column != null || periods != null) {
                throw new BadInputException("--column and --season describe --data, which is missing.");
            }
            return Series.shipped();
        }
        if (column == null) {
            throw new BadInputException("--data needs --column, the name of the column to learn.");
        }
        return Series.of(data, column, periods != null ? periods : List.of(1.0));
    }

    private static void requireAtLeastOne(String option, int value) {
        if (value < 1) {
            throw new BadInputException(option + " is " + value + "; expected at least 1.");
        }
    }
}
