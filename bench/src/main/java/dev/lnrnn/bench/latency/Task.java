package dev.lnrnn.bench.latency;

import java.io.IOException;
import java.util.List;

/**
 * A measurement that is one step of the progress.
 *
 * @param what it measures, for who waits
 */
record Task(String what, Measurement measurement) {

    /** Opens what it needs, measures, closes it. */
    @FunctionalInterface
    interface Measurement {
        List<Row> rows() throws IOException, InterruptedException;
    }
}
