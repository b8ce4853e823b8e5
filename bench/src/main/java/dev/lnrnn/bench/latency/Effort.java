package dev.lnrnn.bench.latency;

/**
 * How long measurements take.
 *
 * @param seconds of single calls, each sort of them, after half as many to warm up
 * @param forks JVMs that a benchmark of JMH's gets; 0 for this one
 * @param warmUpSeconds in each of them, before its iterations
 * @param iterations in each of them
 * @param iterationSeconds of each of these
 * @param rounds of passes called from Java and from C by turns
 * @param roundSeconds of each of them, after half as many to warm up
 * @param starts of a JVM, each sort of them
 * @param everyCount whether calls are measured with all numbers of arguments, or with the fewest and the most
 */
record Effort(double seconds, int forks, double warmUpSeconds, int iterations, double iterationSeconds, int rounds,
        double roundSeconds, int starts, boolean everyCount) {

    /** Some eight minutes in all. */
    static final Effort THOROUGH = new Effort(4, 2, 1, 5, 0.2, 21, 1, 15, true);
    /** Less than one. */
    static final Effort QUICK = new Effort(0.3, 1, 0.5, 3, 0.05, 3, 0.1, 3, false);
}
