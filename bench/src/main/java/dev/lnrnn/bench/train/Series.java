package dev.lnrnn.bench.train;

import dev.lnrnn.bench.BadInputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * An observed series, its points equally spaced in time.
 *
 * @param name what the values are, for people
 * @param values the observations, oldest first
 * @param periods the known rhythms, in points; the first, a whole number, is the season that
 *     seasonal-naive goes back by
 */
record Series(String name, double[] values, List<Double> periods) {

    private static final String SHIPPED = "us-births-1969-1988.csv";
    private static final int FEWEST_POINTS = 200;

    Series {
        periods = List.copyOf(periods);
        if (values.length < FEWEST_POINTS) {
            throw new BadInputException("The series \"" + name + "\" has " + values.length
                    + " points; training and holding out a part need at least " + FEWEST_POINTS + ".");
        }
        if (periods.isEmpty() || periods.getFirst() != Math.rint(periods.getFirst())) {
            throw new BadInputException("The first season is " + (periods.isEmpty() ? "missing" : periods.getFirst())
                    + "; it must be a whole number of points.");
        }
        for (double period : periods) {
            if (!(period >= 1 && period <= values.length / 2.0)) {
                throw new BadInputException("A season of " + period + " points does not fit the series \"" + name
                        + "\", which has " + values.length + "; expected 1 to half of them.");
            }
        }
    }

    /** Children born in the United States on each day of 1969 to 1988; the README beside the file says more. */
    static Series shipped() {
        try (InputStream stream = Series.class.getResourceAsStream(SHIPPED);
                BufferedReader reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
            double[] births = CsvColumn.read(reader, SHIPPED, "births");
            return new Series("births per day, United States, 1969-1988", births, List.of(7.0, 365.25));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Series of(Path file, String column, List<Double> periods) {
        return new Series(column + " of " + file.getFileName(), CsvColumn.read(file, column), periods);
    }

    int season() {
        return periods.getFirst().intValue();
    }

    int length() {
        return values.length;
    }
}
