package dev.lnrnn.bench.train;

import dev.lnrnn.bench.BadInputException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which series to forecast, and how far ahead. */
final class SeriesOptions {

    @Option(names = "--data", paramLabel = "FILE.csv",
            description = "A series of your own: a CSV file with a header line, oldest point first.")
    private @Nullable Path data;

    @Option(names = "--column", paramLabel = "NAME", description = "The column of --data to learn.")
    private @Nullable String column;

    @Option(names = "--season", split = ",", paramLabel = "POINTS",
            description = "The periods of --data in points, for instance 24,168 for hourly points. The first must be a "
                    + "whole number; seasonal-naive uses it. Default: 1, no season.")
    private @Nullable List<Double> periods;

    @Option(names = "--horizon", defaultValue = "1", paramLabel = "POINTS",
            description = "Points to forecast ahead. Default: ${DEFAULT-VALUE}.")
    private int horizon;

    /** What is read; null for what ships with the program. */
    @Nullable
    Path data() {
        return data;
    }

    /** Reads the series. */
    Task task() {
        return new Task(series(), horizon);
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
}
