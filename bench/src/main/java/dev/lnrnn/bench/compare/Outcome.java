package dev.lnrnn.bench.compare;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.lnrnn.Library;
import dev.lnrnn.bench.Machine;
import dev.lnrnn.bench.results.Limit;
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

    static Outcome of(List<Peer> peers, CpuCalibration calibration, List<Timing> rows) {
        Map<String, String> versions = new LinkedHashMap<>();
        versions.put("lnrnn", Library.version());
        versions.put("java", System.getProperty("java.runtime.version"));
        for (Peer peer : peers) {
            versions.putAll(peer.versions());
        }
        return new Outcome(Machine.here(), versions, calibration.values(), rows);
    }

    boolean isGood() {
        return rows.stream().allMatch(Timing::checked);
    }

    /** The limit as a share of the time. */
    static double fractionOfLimit(Limit limit, Timing row) {
        return limit.milliseconds(row.workload()) / row.medianMs();
    }
}
