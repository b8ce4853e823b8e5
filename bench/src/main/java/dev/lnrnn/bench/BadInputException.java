package dev.lnrnn.bench;

/** What the user asked for cannot be done; the message is the sentence that the user reads. */
public final class BadInputException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public BadInputException(String sentence) {
        super(sentence);
    }

    /** Of an exception whose message is such a sentence. */
    public BadInputException(IllegalArgumentException refusal) {
        super(refusal.getMessage(), refusal);
    }
}
