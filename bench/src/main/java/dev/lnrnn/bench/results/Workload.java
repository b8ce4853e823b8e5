package dev.lnrnn.bench.results;

/**
 * An LSTM as far as it decides how long computing it has to take.
 *
 * @param dtype as {@link Row} has it
 * @param normalized whether it is layer-normalised
 * @param training whether forward and backward are meant
 */
public record Workload(long steps, long batch, long input, long hidden, String dtype, boolean normalized,
        boolean training) {}
