package dev.lnrnn.bench;

/** What the user asked for is legal, but this version cannot do it; the message is the sentence that the user reads. */
public final class NotSupportedException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public NotSupportedException(String sentence) {
        super(sentence);
    }
}
