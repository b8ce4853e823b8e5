package dev.lnrnn.bench;

/** What was computed is no result; the message is the sentence that the user reads. */
public final class BadResultException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public BadResultException(String sentence) {
        super(sentence);
    }
}
