package dev.lnrnn.bench.compare;

/** A system that is ready to compute one problem in one mode, again and again. */
public interface Contestant extends AutoCloseable {

    /** Computes it once; the work is done when this returns. This is what is timed. */
    void run();

    /**
     * Computes it once more and says how far off it is.
     *
     * @param lnrnn what lnrnn computed from the same problem
     * @return the largest difference, relative to the largest element of the tensor that it is in
     */
    double error(Results lnrnn);

    @Override
    void close();
}
