package dev.lnrnn;

/**
 * Stochastic regularisation applied in training. Inference uses the expectation of zoneout and none of the others.
 *
 * @param zoneout probability that an element of h keeps its old value, 0...1 (Krueger et al. 2016)
 * @param zoneoutCell probability that an element of an LSTM's c keeps its old value, 0...1; c has its own masks
 * @param dropconnect probability that a weight of weight_hh is dropped for the whole sequence, 0...1 (Wan et al. 2013);
 *     kept weights are divided by 1 - dropconnect
 * @param dropout probability that an element between two layers is dropped, 0...1; kept values are divided by 1 -
 *     dropout
 * @param variationalDropout whether all steps of a row share one dropout mask (Gal &amp; Ghahramani 2016)
 * @param dropoutCandidate probability that an element of an LSTM's candidate g is dropped, 0...1: u = f c&#8315; + i m g
 *     / (1 - dropoutCandidate), with m drawn for each step, row and unit (Semeniuta et al. 2016; 1 -
 *     {@code dropout_keep_prob} of TensorFlow 1's {@code LayerNormBasicLSTMCell}, sketch-rnn)
 */
public record Regularization(
        double zoneout,
        double zoneoutCell,
        double dropconnect,
        double dropout,
        boolean variationalDropout,
        double dropoutCandidate) {

    /** No regularisation. */
    public static final Regularization NONE = new Regularization(0, 0, 0, 0, false, 0);

    /**
     * Checks the probabilities.
     *
     * @throws IllegalArgumentException if one is not in 0...1
     */
    public Regularization {
        checkProbability("zoneout", zoneout);
        checkProbability("zoneoutCell", zoneoutCell);
        checkProbability("dropconnect", dropconnect);
        checkProbability("dropout", dropout);
        checkProbability("dropoutCandidate", dropoutCandidate);
    }

    private static void checkProbability(String name, double value) {
        if (!(value >= 0 && value <= 1)) {
            throw new IllegalArgumentException(name + " is " + value + ", expected a probability in 0...1");
        }
    }

    /**
     * {@return this regularisation with another zoneout}
     *
     * @param zoneout probability that an element of h keeps its old value, 0...1
     */
    public Regularization withZoneout(double zoneout) {
        return new Regularization(zoneout, zoneoutCell, dropconnect, dropout, variationalDropout, dropoutCandidate);
    }

    /**
     * {@return this regularisation with another zoneoutCell}
     *
     * @param zoneoutCell probability that an element of c keeps its old value, 0...1
     */
    public Regularization withZoneoutCell(double zoneoutCell) {
        return new Regularization(zoneout, zoneoutCell, dropconnect, dropout, variationalDropout, dropoutCandidate);
    }

    /**
     * {@return this regularisation with another dropconnect}
     *
     * @param dropconnect probability that a weight of weight_hh is dropped, 0...1
     */
    public Regularization withDropconnect(double dropconnect) {
        return new Regularization(zoneout, zoneoutCell, dropconnect, dropout, variationalDropout, dropoutCandidate);
    }

    /**
     * {@return this regularisation with another dropout}
     *
     * @param dropout probability that an element between layers is dropped, 0...1
     */
    public Regularization withDropout(double dropout) {
        return new Regularization(zoneout, zoneoutCell, dropconnect, dropout, variationalDropout, dropoutCandidate);
    }

    /**
     * {@return this regularisation with another variationalDropout}
     *
     * @param variationalDropout whether all steps of a row share one dropout mask
     */
    public Regularization withVariationalDropout(boolean variationalDropout) {
        return new Regularization(zoneout, zoneoutCell, dropconnect, dropout, variationalDropout, dropoutCandidate);
    }

    /**
     * {@return this regularisation with another dropoutCandidate}
     *
     * @param dropoutCandidate probability that an element of an LSTM's candidate g is dropped, 0...1
     */
    public Regularization withDropoutCandidate(double dropoutCandidate) {
        return new Regularization(zoneout, zoneoutCell, dropconnect, dropout, variationalDropout, dropoutCandidate);
    }
}
