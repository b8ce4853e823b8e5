package dev.lnrnn.bench.compare;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.lnrnn.Device;
import dev.lnrnn.Library;
import dev.lnrnn.bench.results.Limit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the JSON file holds.
 *
 * @param versions of what was compared
 */
@JsonNaming(SnakeCaseStrategy.class)
record Outcome(Machine machine, Map<String, String> versions, CpuCalibration.Values calibration, List<Timing> rows) {

    /**
     * Where it was measured.
     *
     * @param isa the instruction set that lnrnn used
     */
    record Machine(String cpu, int processors, String isa, String os, String arch) {

        private static final Path CPUS = Path.of("/proc/cpuinfo");

        static Machine here() {
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

    static Outcome of(List<Peer> peers, CpuCalibration calibration, List<Timing> rows) {
        Map<String, String> versions = new LinkedHashMap<>();
        versions.put("lnrnn", Library.version());
        versions.put("java", System.getProperty("java.runtime.version"));
        for (Peer peer : peers) {
            versions.putAll(peer.versions());
        }
        return new Outcome(Machine.here(), versions, calibration.values(), rows);
    }

    void write(Path file) throws IOException {
        new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValue(file.toFile(), this);
    }

    boolean isGood() {
        return rows.stream().allMatch(Timing::checked);
    }

    /** The limit as a share of the time. */
    static double fractionOfLimit(Limit limit, Timing row) {
        return limit.milliseconds(row.workload()) / row.medianMs();
    }
}
