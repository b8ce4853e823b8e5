package dev.lnrnn.bench.latency;

import java.util.Locale;

/** What the command measures. */
enum Part {
    CALLS("Calls: their cost beyond the computation, ns, medians"),
    STEPS("Streaming steps: one row, one thread, from one call to the next, us"),
    INPUTS("Inputs: one forward pass, by where its data are, one thread, us"),
    ALLOCATION("Allocation on the Java heap in each call, bytes"),
    THREADS("Two threads, each with a pass, a state and a stream of its own, us a step"),
    START("Cold start: from the start of a JVM to the first result, ms, medians");

    private final String title;

    Part(String title) {
        this.title = title;
    }

    String title() {
        return title;
    }

    /** As the user and the JSON file have it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
