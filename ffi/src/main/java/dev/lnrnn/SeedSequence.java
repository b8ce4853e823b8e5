package dev.lnrnn;

/**
 * Which masks a training draws at its next forward pass: the seeds of its passes are the numbers of SplitMix64 (Steele,
 * Lea &amp; Flood, <cite>Fast Splittable Pseudorandom Number Generators</cite>, 2014) from the seed on, which itself is
 * the first. They are computed from the position alone, so that a sequence goes on where another left off.
 *
 * @param seed what the sequence is drawn from
 * @param position forward passes so far, at least 0 and less than 2<sup>63</sup> - 1
 */
record SeedSequence(long seed, long position) {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    SeedSequence {
        if (position < 0 || position == Long.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "position is " + position + ", expected at least 0 and less than " + Long.MAX_VALUE);
        }
    }

    /** {@return the seed of the next pass} */
    long passSeed() {
        return position == 0 ? seed : mixed(seed + position * GOLDEN_GAMMA);
    }

    private static long mixed(long value) {
        long once = (value ^ value >>> 30) * 0xBF58476D1CE4E5B9L;
        long twice = (once ^ once >>> 27) * 0x94D049BB133111EBL;
        return twice ^ twice >>> 31;
    }

    SeedSequence next() {
        return new SeedSequence(seed, position + 1);
    }
}
