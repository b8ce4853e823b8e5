package dev.lnrnn;

import java.util.List;

/**
 * Where a layer norm stands in a cell.
 *
 * @param of the row that it normalises
 * @param segments the parts of the row that have statistics of their own, each as wide as so many gates
 * @param bias whether it has a bias beside its gain
 * @param carried whether the next step sees what it gives; of the cell alone
 */
record NormSite(Term of, List<Integer> segments, boolean bias, boolean carried) {

    /** A row that may be normalised. */
    enum Term {
        /** x W<sub>ih</sub>'. */
        INPUT,
        /** h W<sub>hh</sub>'. */
        RECURRENT,
        /** Both and the cell's bias. */
        SUM,
        /** The LSTM's u. */
        CELL
    }

    /** Without a bias. */
    static NormSite of(Term term, Integer... segments) {
        return new NormSite(term, List.of(segments), false, false);
    }

    static NormSite biased(Term term, Integer... segments) {
        return new NormSite(term, List.of(segments), true, false);
    }

    /** Of the LSTM's u, seen by h alone. */
    static NormSite ofCell() {
        return biased(Term.CELL, 1);
    }

    /** Of the LSTM's u, seen by h and by the next step. */
    static NormSite ofCarriedCell() {
        return new NormSite(Term.CELL, List.of(1), true, true);
    }

    /** Whether a part of it is as wide as the state: in few units little of such a row is left. */
    boolean hasSegmentOfOneGate() {
        return segments.contains(1);
    }
}
