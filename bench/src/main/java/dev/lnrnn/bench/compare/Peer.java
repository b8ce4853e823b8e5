package dev.lnrnn.bench.compare;

import java.io.IOException;
import java.util.List;
import java.util.Map;

/** A library that lnrnn is compared with. Found as a service: only a jar built with the profile peers has any. */
public interface Peer {

    /**
     * Loads the library, or refuses with a {@code BadInputException}; called once, before anything else.
     *
     * @param threads how many it may use for one call
     * @throws IOException if it cannot be unpacked
     */
    void start(int threads) throws IOException;

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
