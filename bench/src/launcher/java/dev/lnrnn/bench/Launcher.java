package dev.lnrnn.bench;

/**
 * Where the jar starts. Compiled for Java 8, so that an older Java gets as far as reading a sentence
 * about what is missing; everything else is compiled for Java 22 and reached by reflection.
 */
public final class Launcher {

    private static final int NEEDED = 22;

    private Launcher() {}

    public static void main(String[] args) throws ReflectiveOperationException {
        String version = System.getProperty("java.specification.version");
        if (feature(version) < NEEDED) {
            System.err.println("lnrnn-bench needs Java " + NEEDED + " or later, but this is Java " + version
                    + " (" + System.getProperty("java.home") + ").");
            System.exit(1);
        }
        Class.forName("dev.lnrnn.bench.Main").getMethod("main", String[].class).invoke(null, (Object) args);
    }

    /** "1.8" is Java 8, "17" is Java 17. */
    private static int feature(String version) {
        return Integer.parseInt(version.startsWith("1.") ? version.substring(2) : version);
    }
}
