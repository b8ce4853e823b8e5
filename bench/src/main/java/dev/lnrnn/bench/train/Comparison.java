package dev.lnrnn.bench.train;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.lnrnn.CellType;
import dev.lnrnn.Normalization;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * Networks trained alike on one series, each with several seeds; written as JSON with names in snake_case.
 *
 * @param machine what it ran on
 * @param persistence mean absolute error of a simple forecast on the held-out part; likewise the next two
 * @param rows the networks, best median first
 */
@JsonNaming(SnakeCaseStrategy.class)
record Comparison(String series, int horizon, int epochs, String device, String machine, int threads,
        double persistence, double seasonal, double ridge, List<Row> rows) {

    Comparison {
        rows = rows.stream().sorted(Comparator.comparingDouble(Row::median)).toList();
    }

    /**
     * One network.
     *
     * @param parameters how many numbers it learns
     * @param errors mean absolute error on the held-out part, one for each seed, lowest first
     * @param stepsPerSecond optimiser steps, median over the seeds
     */
    @JsonNaming(SnakeCaseStrategy.class)
    record Row(Network network, String title, long parameters, List<Double> errors, double median,
            double stepsPerSecond) {

        static Row of(Network network, long parameters, List<Double> errors, List<Double> stepsPerSecond) {
            List<Double> sorted = errors.stream().sorted().toList();
            return new Row(network, network.title(), parameters, sorted, middle(sorted),
                    middle(stepsPerSecond.stream().sorted().toList()));
        }

        private static double middle(List<Double> sorted) {
            int n = sorted.size();
            return (sorted.get((n - 1) / 2) + sorted.get(n / 2)) / 2;
        }
    }

    /** Every cell with every normalisation it knows, then what stacks and directions add. */
    static List<Network> networks(int hidden, double zoneout) {
        List<Network> networks = new ArrayList<>();
        for (CellType cell : CellType.values()) {
            for (Normalization normalization : cell.normalizations()) {
                networks.add(network(cell, normalization, 1, false, hidden, zoneout));
            }
        }
        for (CellType cell : List.of(CellType.LSTM, CellType.GRU)) {
            networks.add(network(cell, Normalization.HASTE, 2, false, hidden, zoneout));
        }
        networks.add(network(CellType.LSTM, Normalization.HASTE, 1, true, hidden, zoneout));
        return networks;
    }

    private static Network network(CellType cell, Normalization normalization, int layers, boolean bidirectional,
            int hidden, double zoneout) {
        return new Network(cell, normalization, layers, bidirectional, hidden, zoneout,
                NetworkOptions.dropconnectOf(cell), 0);
    }

    /** As a table in Markdown. */
    void print(PrintWriter out) {
        out.println("| network | parameters | MAE, median | lowest...highest | steps/s |");
        out.println("| --- | --- | --- | --- | --- |");
        for (Row row : rows) {
            out.printf(Locale.ROOT, "| %s | %d | %.4g | %.4g...%.4g | %.0f |%n", row.title(), row.parameters(),
                    row.median(), row.errors().getFirst(), row.errors().getLast(), row.stepsPerSecond());
        }
        out.printf(Locale.ROOT, "| ridge autoregression | | %.4g | | |%n", ridge);
        out.printf(Locale.ROOT, "| seasonal-naive | | %.4g | | |%n", seasonal);
        out.printf(Locale.ROOT, "| persistence | | %.4g | | |%n", persistence);
        out.flush();
    }
}
