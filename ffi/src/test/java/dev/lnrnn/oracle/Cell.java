package dev.lnrnn.oracle;

/** What one direction of one layer does to one row in one step, before anything is zoned out. */
interface Cell {

    /**
     * The state that follows. None of the arrays is changed.
     *
     * @param x the input of this step
     * @param h the old h
     * @param c the old c; empty for cells without one
     * @param candidate what each element of an LSTM's i g is multiplied by; empty for cells without one
     */
    State step(double[] x, double[] h, double[] c, double[] candidate);

    /**
     * What a step leaves.
     *
     * @param h the new h
     * @param c what is carried as c; empty for cells without one
     */
    record State(double[] h, double[] c) {}

    /**
     * The cell that a problem asks for.
     *
     * @param recurrent weight_hh, as far as DropConnect left it
     */
    static Cell of(Weights weights, double[] recurrent) {
        return switch (weights.problem().spec().cell()) {
            case LSTM -> new LstmCell(weights, recurrent);
            case GRU -> new GruCell(weights, recurrent);
            case INDRNN -> new IndRnnCell(weights, recurrent);
        };
    }
}
