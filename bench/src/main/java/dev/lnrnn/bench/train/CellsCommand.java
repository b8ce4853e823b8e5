package dev.lnrnn.bench.train;

import dev.lnrnn.Device;
import dev.lnrnn.bench.ExitCode;
import dev.lnrnn.bench.JsonFile;
import dev.lnrnn.bench.Outputs;
import java.io.IOException;
import java.io.PrintWriter;
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
            "Ctrl-C stops early and writes the results so far, unless results of more networks are there already."})
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
            description = "Seeds for each network, from --seed on. Default: ${DEFAULT-VALUE}.")
    private int seeds;

    @Option(names = "--out", defaultValue = "lnrnn-cells", paramLabel = "DIR",
            description = "The directory for cells.json, cells.png and a checkpoint of each network. Default: ${DEFAULT-VALUE}.")
    private Path directory = Path.of("lnrnn-cells");

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        RunOptions.requireAtLeastOne("--hidden", hidden);
        RunOptions.requireAtLeastOne("--seeds", seeds);
        int epochs = run.epochs();
        Task task = series.task();
        List<Network> networks = Comparison.networks(hidden, ZONEOUT);
        Outputs outputs = new Outputs().reading("--data", series.data()).writing("the results", json())
                .writing("the chart", chart());
        for (Network network : networks) {
            for (int i = 0; i < seeds; i++) {
                outputs.writing("a checkpoint", checkpoint(network, run.seed() + i));
            }
        }
        try (Device device = run.open(); StopRequest stop = new StopRequest()) {
            List<Comparison.Row> rows = new ArrayList<>();
            try {
                compare(device, task, networks, epochs, stop, rows);
            } finally {
                // What one network cannot do, or the user does not wait for, takes nothing from the others.
                write(comparison(device, task, epochs, rows), rows.size() == networks.size());
            }
        }
        return ExitCode.OK;
    }

    /** Adds the networks that are done to the rows, and ends early where that is requested. */
    private void compare(Device device, Task task, List<Network> networks, int epochs, StopRequest stop,
            List<Comparison.Row> rows) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        Scaler scaler = task.scaler();
        Inputs inputs = Inputs.of(task, scaler);
        for (Network network : networks) {
            List<Double> errors = new ArrayList<>();
            List<Double> rates = new ArrayList<>();
            long parameters = 0;
            for (int i = 0; i < seeds; i++) {
                long seed = run.seed() + i;
                try (Model model = Model.create(device, network, inputs.width()).initialize(seed)) {
                    parameters = model.parameters();
                    TrainingRun.Outcome outcome =
                            new TrainingRun(model, task, inputs, scaler, checkpoint(network, seed))
                                    .run(epochs, seed, Progress.SILENT, stop::requested);
                    if (outcome.stopped()) {
                        return;
                    }
                    errors.add(Holdout.of(task, inputs, scaler, model.forecast(inputs)).errors().model());
                    rates.add(outcome.stepsPerSecond());
                }
            }
            Comparison.Row row = Comparison.Row.of(network, parameters, errors, rates);
            JsonFile.requireFinite(row);
            rows.add(row);
            out.printf(Locale.ROOT, "%d/%d  %-24s  mean absolute error %.4g%n", rows.size(), networks.size(),
                    row.title(), row.median());
            out.flush();
        }
    }

    private static Comparison comparison(Device device, Task task, int epochs, List<Comparison.Row> rows) {
        Scaler scaler = task.scaler();
        Inputs inputs = Inputs.of(task, scaler);
        Holdout.Errors simple = Holdout.of(task, inputs, scaler, new float[inputs.rows()]).errors();
        return new Comparison(task.series().name(), task.horizon(), epochs, device.info().name(),
                device.info().description(), device.info().threads(), simple.persistence(), simple.seasonal(),
                simple.ridge(), rows);
    }

    private Path checkpoint(Network network, long seed) {
        return directory.resolve(network.title().toLowerCase(Locale.ROOT).replaceAll("\\W+", "-") + "-" + seed
                + ".safetensors");
    }

    /** A part of the networks does not replace more of them. */
    private void write(Comparison comparison, boolean all) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        out.println();
        comparison.print(out);
        int networks = comparison.rows().size();
        int there = JsonFile.rowsIn(json());
        if (!all && (networks == 0 || networks < there)) {
            out.printf("Results: %s%n", there == 0 ? "none, because no network is done"
                    : json() + " is unchanged: it has more networks than the " + networks + " that are done");
        } else {
            JsonFile.write(json(), comparison);
            out.printf("Results: %s%n", json());
            out.flush();
            out.println(Chart.write(chart(), comparison));
        }
        out.flush();
    }

    private Path json() {
        return directory.resolve("cells.json");
    }

    private Path chart() {
        return directory.resolve("cells.png");
    }
}
