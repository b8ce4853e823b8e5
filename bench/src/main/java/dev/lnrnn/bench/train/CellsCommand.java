package dev.lnrnn.bench.train;

import dev.lnrnn.Device;
import dev.lnrnn.bench.ExitCode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Which cell suits a series: all of them are trained alike, and judged on what none has seen. */
@Command(
        name = "cells",
        description = {
            "Train every cell with every normalisation, a stack of two layers and a bidirectional layer on a series, "
                    + "each with several seeds, and compare their errors on the last fifth of it.",
            "Ctrl-C ends early and keeps what is done."})
public final class CellsCommand implements Callable<Integer> {

    private static final double ZONEOUT = 0.05;

    @Mixin
    private RunOptions run = new RunOptions();

    @Mixin
    private SeriesOptions series = new SeriesOptions();

    @Option(names = "--hidden", paramLabel = "N", defaultValue = "64",
            description = "Hidden size of every network. Default: ${DEFAULT-VALUE}.")
    private int hidden;

    @Option(names = "--seeds", paramLabel = "N", defaultValue = "3",
            description = "Trainings of each network, from --seed on. Default: ${DEFAULT-VALUE}.")
    private int seeds;

    @Option(names = "--out", defaultValue = "lnrnn-cells", paramLabel = "DIR",
            description = "Where cells.json, cells.png and a checkpoint of each network go. Default: ${DEFAULT-VALUE}.")
    private Path directory = Path.of("lnrnn-cells");

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        RunOptions.requireAtLeastOne("--hidden", hidden);
        RunOptions.requireAtLeastOne("--seeds", seeds);
        int epochs = run.epochs();
        Task task = series.task();
        Files.createDirectories(directory);
        try (Device device = run.open(); StopRequest stop = new StopRequest()) {
            write(compare(device, task, epochs, stop, spec.commandLine().getOut()));
        }
        return ExitCode.OK;
    }

    private Comparison compare(Device device, Task task, int epochs, StopRequest stop, PrintWriter out)
            throws IOException {
        Scaler scaler = task.scaler();
        Inputs inputs = Inputs.of(task, scaler);
        List<Comparison.Row> rows = new ArrayList<>();
        Holdout.Errors simple = Holdout.of(task, inputs, scaler, new float[inputs.rows()]).errors();
        List<Network> networks = Comparison.networks(hidden, ZONEOUT);
        for (Network network : networks) {
            List<Double> errors = new ArrayList<>();
            List<Double> rates = new ArrayList<>();
            long parameters = 0;
            for (long seed = run.seed(); seed < run.seed() + seeds; seed++) {
                try (Model model = Model.create(device, network, inputs.width()).initialize(seed)) {
                    parameters = model.parameters();
                    TrainingRun.Outcome outcome = new TrainingRun(model, task, inputs, scaler, checkpoint(network, seed))
                            .run(epochs, seed, Progress.SILENT, stop);
                    if (outcome.stopped()) {
                        break;
                    }
                    errors.add(Holdout.of(task, inputs, scaler, model.forecast(inputs)).errors().model());
                    rates.add(outcome.stepsPerSecond());
                }
            }
            if (errors.size() < seeds) {
                break;
            }
            Comparison.Row row = Comparison.Row.of(network, parameters, errors, rates);
            rows.add(row);
            out.printf(Locale.ROOT, "%d/%d  %-24s  mean absolute error %.4g%n", rows.size(), networks.size(),
                    row.title(), row.median());
            out.flush();
        }
        return new Comparison(task.series().name(), task.horizon(), epochs, device.info().name(),
                device.info().description(), device.info().threads(), simple.persistence(), simple.seasonal(),
                simple.ridge(), rows);
    }

    private Path checkpoint(Network network, long seed) {
        return directory.resolve(network.title().toLowerCase(Locale.ROOT).replaceAll("\\W+", "-") + "-" + seed
                + ".safetensors");
    }

    private void write(Comparison comparison) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        Path json = directory.resolve("cells.json");
        comparison.write(json);
        out.println();
        comparison.print(out);
        out.printf("Results: %s%n", json);
        if (comparison.rows().isEmpty()) {
            return;
        }
        Path chart = directory.resolve("cells.png");
        try {
            Chart.write(chart, comparison);
            out.printf("Chart:   %s%n", chart);
        } catch (IOException e) {
            // The numbers are there already.
            out.println(e.getMessage());
        }
        out.flush();
    }
}
