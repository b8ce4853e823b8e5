package dev.lnrnn.bench.latency;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * The C source that calls are compared with. It is no part of the jar: it is compiled where it is found, by the C
 * compiler of the machine, with the headers of the Java that runs this.
 */
final class ProbeSource {

    private static final String COMPILER = "cc";

    private final Path file;

    ProbeSource(Path file) {
        this.file = file;
    }

    /** It cannot be compiled here; the message says why. */
    static final class Missing extends Exception {

        private static final long serialVersionUID = 1L;

        Missing(String sentence) {
            super(sentence);
        }
    }

    /** That of the clone in which this jar was built, in the folder {@code target}. */
    static ProbeSource ofClone() {
        try {
            Path here = Path.of(ProbeSource.class.getProtectionDomain().getCodeSource().getLocation().toURI());
            // Nothing is missing of the path of a jar in target; elsewhere there is no source to be found.
            Path target = Objects.requireNonNullElse(here.getParent(), here);
            Path module = Objects.requireNonNullElse(target.getParent(), here);
            return new ProbeSource(module.resolve(Path.of("src", "test", "c", "probe.c")));
        } catch (URISyntaxException e) {
            throw new IllegalStateException("the place of this class is no URI", e);
        }
    }

    /** Compiles it to a shared library. */
    Path compileInto(Path directory) throws Missing, IOException, InterruptedException {
        Path headers = Path.of(System.getProperty("java.home"), "include");
        if (!Files.isRegularFile(file)) {
            throw new Missing("there is no " + file);
        }
        if (!Files.isRegularFile(headers.resolve("jni.h"))) {
            throw new Missing("this Java has no " + headers.resolve("jni.h"));
        }
        Path library = directory.resolve("liblnrnn-probe.so");
        // In the directory, so that what it says is never too much for a pipe that nobody reads.
        Path said = directory.resolve("compiler.txt");
        List<String> command = List.of(COMPILER, "-O2", "-shared", "-fPIC", "-fvisibility=hidden",
                "-I" + headers, "-I" + headers.resolve("linux"), "-o", library.toString(), file.toString(), "-ldl");
        int status;
        try {
            status = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile()).start()
                    .waitFor();
        } catch (IOException e) {
            throw new Missing("there is no C compiler " + COMPILER + " on the PATH");
        }
        if (status != 0) {
            throw new Missing("the C compiler says: " + Files.readString(said).strip());
        }
        return library;
    }
}
