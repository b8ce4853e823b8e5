package dev.lnrnn.bench.latency;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.lnrnn.Library;
import dev.lnrnn.bench.Machine;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the JSON file holds.
 *
 * @param versions of lnrnn and of Java
 * @param quick whether there was little time
 * @param leftOut sentences about what could not be measured here
 */
@JsonNaming(SnakeCaseStrategy.class)
record Measured(Machine machine, Map<String, String> versions, boolean quick, List<String> leftOut, List<Row> rows) {

    static Measured here(boolean quick, List<String> leftOut, List<Row> rows) {
        Map<String, String> versions = new LinkedHashMap<>();
        versions.put("lnrnn", Library.version());
        versions.put("java", System.getProperty("java.vm.name") + " " + System.getProperty("java.runtime.version"));
        return new Measured(Machine.here(), versions, quick, List.copyOf(leftOut), List.copyOf(rows));
    }

    List<Row> of(Part part) {
        return rows.stream().filter(row -> row.part().equals(part.toString())).toList();
    }

    /** Whether what the library promises holds. Times are a matter of the machine, too, and decide nothing here. */
    boolean isGood() {
        return of(Part.ALLOCATION).stream().noneMatch(Row::misses);
    }
}
