package dev.lnrnn.bench.train;

import dev.lnrnn.Device;
import dev.lnrnn.bench.ExitCode;
import dev.lnrnn.bench.JsonFile;
import dev.lnrnn.bench.Outputs;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
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
            "Train a recurrent network, by default a layer-normalised LSTM, to forecast an observed series, and "
                    + "compare it with simple forecasts on the last fifth of the series, which it has not seen.",
            "Without --data: births per day in the United States, 1969-1988, one day ahead.",
            "Ctrl-C stops the training early and writes the checkpoint, once an epoch is over. As long as the training is "
                    + "not done, it does not replace a checkpoint that has been trained for more epochs."})
public final class TrainCommand implements Callable<Integer> {

    @Mixin
    private RunOptions run = new RunOptions();

    @Mixin
    private NetworkOptions network = new NetworkOptions();

    @Mixin
    private SeriesOptions series = new SeriesOptions();

    @Option(names = "--out", defaultValue = "lnrnn-train", paramLabel = "DIR",
            description = "The directory for checkpoint.safetensors, chart.png and report.json. Default: ${DEFAULT-VALUE}.")
    private Path directory = Path.of("lnrnn-train");

    @Option(names = "--report", paramLabel = "FILE",
            description = "The file of the report. Default: report.json in --out.")
    private @Nullable Path report;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        int epochs = run.epochs();
        Network chosen = network.network();
        Task task = series.task();
        new Outputs().reading("--data", series.data()).writing("the checkpoint", checkpoint())
                .writing("the chart", chart()).writing("the report", json());
        try (Device opened = run.open()) {
            return train(opened, chosen, epochs, task, spec.commandLine().getOut());
        }
    }

    private int train(Device opened, Network chosen, int epochs, Task task, PrintWriter out) throws IOException {
        Scaler scaler = task.scaler();
        Inputs inputs = Inputs.of(task, scaler);
        Path checkpoint = checkpoint();
        out.printf("Series: %s, %d points; horizon %d, season %d; held out: the last %d%n", task.series().name(),
                task.series().length(), task.horizon(), task.series().season(), task.holdoutSize());
        out.printf("Device: %s, %s%n", opened.info().name(), opened.info().description());

        TrainingRun.Outcome outcome;
        float[] forecast;
        try (Model model = Model.create(opened, chosen, inputs.width()).initialize(run.seed())) {
            out.printf("Network: %s, hidden size %d, %d parameters%n", chosen.title(), chosen.hidden(),
                    model.parameters());
            out.flush();
            try (StopRequest stop = new StopRequest()) {
                try (Progress progress = Progress.of(epochs, out)) {
                    outcome = new TrainingRun(model, task, inputs, scaler, checkpoint)
                            .run(epochs, run.seed(), progress, stop::requested);
                }
                if (outcome.stopped()) {
                    out.println(outcome.whatWasKept(checkpoint));
                    out.flush();
                    return ExitCode.OK;
                }
            }
            forecast = model.forecast(inputs);
        }
        Holdout holdout = Holdout.of(task, inputs, scaler, forecast);
        Report result = new Report(task.series().name(), task.horizon(), task.series().season(),
                opened.info().name(), opened.info().threads(), chosen, run.seed(), outcome.epochs(),
                outcome.firstLoss(), outcome.lastLoss(), outcome.stepsPerSecond(),
                streamMaxDifference(opened, checkpoint, task, inputs, forecast), holdout.errors(), holdout);
        write(result, task, checkpoint, out);
        return result.good() ? ExitCode.OK : ExitCode.BAD_RESULT;
    }

    /** Between the trained model's forecasts and those of the reloaded checkpoint, run one by one. */
    private static double streamMaxDifference(Device opened, Path checkpoint, Task task, Inputs inputs,
            float[] forecast) throws IOException {
        float[] streamed;
        try (Model reloaded = Checkpoint.load(checkpoint, opened)) {
            streamed = reloaded.forecastOneByOne(inputs);
        }
        double largest = 0;
        for (int origin = task.trainingOrigins(); origin < task.origins(); origin++) {
            // Math.max keeps NaN, so that it cannot pass.
            largest = Math.max(largest, Math.abs(streamed[origin] - forecast[origin]));
        }
        return largest;
    }

    private void write(Report result, Task task, Path checkpoint, PrintWriter out) throws IOException {
        JsonFile.write(json(), result);
        Summary.print(result, out);
        out.printf("Checkpoint: %s%nReport:     %s%n", checkpoint, json());
        out.flush();
        out.println(Chart.write(chart(), task, result.holdout()));
        out.flush();
    }

    private Path checkpoint() {
        return directory.resolve("checkpoint.safetensors");
    }

    private Path chart() {
        return directory.resolve("chart.png");
    }

    private Path json() {
        return report != null ? report : directory.resolve("report.json");
    }
}
