package dev.lnrnn.bench.parity;

import dev.lnrnn.DataType;
import dev.lnrnn.bench.BadInputException;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;

/**
 * Compares results with the case's reference. The error of a tensor is max|a-b| / max(max|b|, 1e-3 of
 * the largest |b| of its kind), kinds being outputs and gradients; each kind has its bound.
 */
final class Check {

    private static final double SMALLEST_SHARE = 1e-3;

    private final Case reference;
    private final DataType type;
    private final Map<String, CaseRun.Result> results;

    Check(Case reference, DataType type, Map<String, CaseRun.Result> results) {
        this.reference = reference;
        this.type = type;
        this.results = results;
    }

    /** Prints a line for each tensor; answers whether all are within their bounds. */
    boolean print(PrintWriter out) {
        boolean good = true;
        out.printf("%-28s %12s %12s%n", "tensor", "error", "bound");
        for (Map.Entry<String, CaseRun.Result> entry : results.entrySet()) {
            String name = entry.getKey();
            double bound = bound(kind(name));
            double error = error(name, entry.getValue().values());
            // Not "error > bound": NaN is out of bounds.
            boolean within = error <= bound;
            good &= within;
            out.printf(Locale.ROOT, "%-28s %12.3g %12.3g%s%n", name, error, bound, within ? "" : "  out of bounds");
        }
        return good;
    }

    private double error(String name, double[] values) {
        double[] expected = reference.doubles(name);
        if (expected.length != values.length) {
            throw new BadInputException("The case has " + expected.length + " elements of " + name + ", the library "
                    + values.length + ".");
        }
        double difference = 0;
        for (int i = 0; i < values.length; i++) {
            difference = Math.max(difference, Math.abs(values[i] - expected[i]));
        }
        double scale = Math.max(largest(expected), SMALLEST_SHARE * largestOfKind(kind(name)));
        return difference == 0 ? 0 : difference / scale;
    }

    private double largestOfKind(String kind) {
        return results.keySet().stream().filter(name -> kind(name).equals(kind))
                .mapToDouble(name -> largest(reference.doubles(name))).max().orElse(0);
    }

    private double bound(String kind) {
        return reference.bound(type, kind).orElseThrow(() -> new BadInputException(
                "The case states no bound for " + type.name().toLowerCase(Locale.ROOT)
                        + ", so there is nothing to check."));
    }

    private static String kind(String name) {
        return name.startsWith("grad.") ? "grad" : "out";
    }

    private static double largest(double[] values) {
        double largest = 0;
        for (double value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }
}
