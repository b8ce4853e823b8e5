package dev.lnrnn.oracle;

import org.jspecify.annotations.Nullable;

/**
 * What becomes of a state that may keep its old value.
 *
 * @param probability of keeping it
 * @param mask 1 = update, 0 = keep, for training; null takes the expectation instead
 */
record Zoneout(double probability, byte @Nullable [] mask) {

    /** The elements of one row, the first of which is element {@code at} of the mask. */
    double[] apply(double[] old, double[] fresh, int at) {
        if (probability == 0) {
            return fresh;
        }
        double[] zoned = new double[old.length];
        for (int j = 0; j < zoned.length; j++) {
            zoned[j] = mask == null
                    ? probability * old[j] + (1 - probability) * fresh[j]
                    : mask[at + j] != 0 ? fresh[j] : old[j];
        }
        return zoned;
    }
}
