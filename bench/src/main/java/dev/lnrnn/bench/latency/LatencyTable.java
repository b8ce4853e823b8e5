package dev.lnrnn.bench.latency;

import dev.lnrnn.bench.Machine;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/** The measurements as text. */
final class LatencyTable {

    private LatencyTable() {}

    static void print(Measured measured, PrintWriter out) {
        Machine machine = measured.machine();
        out.printf("%n%s, %d processors, %s, %s%n", machine.cpu(), machine.processors(), machine.isa(), machine.os());
        measured.versions().forEach((name, version) -> out.printf("%s %s%n", name, version));
        measured.leftOut().forEach(out::println);
        for (Part part : Part.values()) {
            List<Row> rows = measured.of(part);
            if (!rows.isEmpty()) {
                out.printf("%n%s%n", part.title());
                out.println(heading(rows).stripTrailing());
                rows.forEach(row -> out.println(line(row).stripTrailing()));
            }
        }
    }

    private static String heading(List<Row> rows) {
        String columns = "";
        if (rows.stream().anyMatch(row -> row.tail() != null)) {
            columns = format("%10s%10s%11s%10s", "99 %", "99.9 %", "longest", "calls");
        } else if (rows.stream().anyMatch(row -> row.spread() != null)) {
            columns = "lowest...highest";
        }
        return format("%-58s%11s     %s", "", "", columns);
    }

    private static String line(Row row) {
        StringBuilder line = new StringBuilder(format("%-58s%11.2f %-3s ", row.what(), row.value(), row.unit()));
        if (row.tail() != null) {
            Row.Tail tail = row.tail();
            line.append(format("%10.2f%10.2f%11.2f%10d", tail.p99(), tail.p999(), tail.max(), tail.calls()));
        }
        if (row.spread() != null) {
            line.append(format("%.1f...%.1f", row.spread().low(), row.spread().high()));
        }
        if (row.bytesPerCall() != null) {
            line.append(format("  %.0f B", row.bytesPerCall()));
        }
        if (row.target() != null) {
            line.append(format("   at most %.0f: %s", row.target(), row.misses() ? "MISSED" : "met"));
        }
        return line.toString();
    }

    private static String format(String format, Object... arguments) {
        return String.format(Locale.ROOT, format, arguments);
    }
}
