package dev.lnrnn.bench.compare;

import java.util.List;
import java.util.Map;

/** A library that lnrnn is compared with. Found as a service: only a jar built with the profile peers has any. */
public interface Peer {

    /**
     * Loads the library; called once, before anything else.
     *
     * @param threads how many it may use for one call
     */
    void start(int threads);

    /** {@return the versions of what it consists of, by name} */
    Map<String, String> versions();

    /** {@return its ways to compute an LSTM, and the bare products of one} */
    List<Entrant> entrants();

    /**
     * {@return a product of square matrices, to see how fast the machine is}
     *
     * @param size of the matrices
     * @param threads 1, or as many as it was started with
     */
    Contestant product(int size, int threads);
}
