package dev.lnrnn.bench;

import dev.lnrnn.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where something was measured.
 *
 * @param processors that this process may use
 * @param isa the instruction set that lnrnn used
 */
public record Machine(String cpu, int processors, String isa, String os, String arch) {

    private static final Path CPUS = Path.of("/proc/cpuinfo");

    public static Machine here() {
        try (Device device = Device.cpu()) {
            return new Machine(model(), Runtime.getRuntime().availableProcessors(), device.info().isa(),
                    System.getProperty("os.name") + " " + System.getProperty("os.version"),
                    System.getProperty("os.arch"));
        }
    }

    private static String model() {
        try {
            return Files.readAllLines(CPUS).stream().filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip()).findFirst().orElse("not known");
        } catch (IOException e) {
            return "not known";
        }
    }
}
