package dev.lnrnn.bench;

/** What the commands' exit statuses mean. */
public final class ExitCode {

    public static final int OK = 0;
    /** The command ran, and its result is not good enough. */
    public static final int BAD_RESULT = 1;
    /** The arguments, a file, or the environment do not allow the command to run. */
    public static final int BAD_INPUT = 2;
    /** Legal, but this version of the library cannot do it. */
    public static final int NOT_SUPPORTED = 3;

    private ExitCode() {}
}
