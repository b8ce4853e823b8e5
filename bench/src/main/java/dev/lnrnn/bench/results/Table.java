package dev.lnrnn.bench.results;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** The results as text. */
final class Table {

    private final Results results;

    Table(Results results) {
        this.results = results;
    }

    void print(PrintWriter out) {
        out.printf("%nDevice: %s; driver: %s%n", orUnknown(results.device()), orUnknown(results.driver()));
        results.versions().forEach((name, version) -> out.printf("%s %s%n", name, version));
        out.println();
        results.parts().forEach((name, part) -> out.printf("%-10s %-8s %4d s  %s%n", name, part.state(),
                part.seconds(), part.sentence()));
        results.parity().forEach((dtype, states) -> out.printf("parity in %-5s %s%n", dtype, counts(states)));
        if (results.rows().isEmpty()) {
            out.printf("%nNothing was measured.%n");
        } else {
            printRows(out);
        }
    }

    private void printRows(PrintWriter out) {
        out.printf("%nshape (T,N,C,H)      mode      dtype LN  system                          median ms    95 %% of it"
                + "            limit  of ours  checked%n");
        for (Row row : results.rows()) {
            String shape = "%s (%d,%d,%d,%d)".formatted(row.shape(), row.steps(), row.batch(), row.input(),
                    row.hidden());
            out.printf(Locale.ROOT, "%-20s %-9s %-5s %-3s %-28s %12.4f  %9.4f %9.4f  %7s  %7s  %s%n", shape, row.mode(),
                    row.dtype(), row.normalized() ? "yes" : "no", row.system(), row.medianMs(), row.lowMs(),
                    row.highMs(), percent(row.fractionOfLimit()), ratio(row), row.checked() ? "yes" : "NO");
        }
        out.println("limit: the recurrent limit as a share of the time; of ours: the time as a multiple of the best of "
                + "lnrnn for the same network.");
    }

    /** Blank where lnrnn was not measured on the same work. */
    private String ratio(Row row) {
        OptionalDouble ours = results.rows().stream().filter(other -> other.isOurs() && other.isPeerOf(row))
                .mapToDouble(Row::medianMs).min();
        return ours.isEmpty() ? "" : String.format(Locale.ROOT, "%.2f", row.medianMs() / ours.getAsDouble());
    }

    private static String percent(@Nullable Double fraction) {
        return fraction == null ? "" : String.format(Locale.ROOT, "%.1f %%", 100 * fraction);
    }

    private static String counts(Map<String, Integer> states) {
        StringBuilder text = new StringBuilder();
        states.forEach((state, count) -> text.append(text.isEmpty() ? "" : ", ").append(count).append(' ')
                .append(state));
        return text.toString();
    }

    private static String orUnknown(@Nullable String text) {
        return text == null ? "not known" : text;
    }
}
