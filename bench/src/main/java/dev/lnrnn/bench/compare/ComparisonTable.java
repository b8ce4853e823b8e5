package dev.lnrnn.bench.compare;

import dev.lnrnn.bench.Machine;
import dev.lnrnn.bench.results.Limit;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The outcome as text. */
final class ComparisonTable {

    private final Outcome outcome;
    private final Limit limit;

    ComparisonTable(Outcome outcome, Limit limit) {
        this.outcome = outcome;
        this.limit = limit;
    }

    void print(PrintWriter out) {
        Machine machine = outcome.machine();
        out.printf("%n%s, %d processors, %s%n", machine.cpu(), machine.processors(), machine.isa());
        outcome.versions().forEach((name, version) -> out.printf("%s %s%n", name, version));
        CpuCalibration.Values best = outcome.calibration();
        out.printf(Locale.ROOT, "At best: %.1f GFLOP/s one thread, %.1f all; reads %.1f GB/s from cache, %.1f from "
                + "memory; barrier %.2f us%n", 1e-9 * best.flops1(), 1e-9 * best.flopsN(), 1e-9 * best.cacheBandwidth(),
                1e-9 * best.memoryBandwidth(), 1e6 * best.barrier());
        if (outcome.rows().isEmpty()) {
            out.printf("%nNothing was measured.%n");
            return;
        }
        out.printf("%nshape (T,N,C,H)       mode     threads LN   system                      median ms           "
                + "95 %% of it       lnrnn LN  plain    limit  checked%n");
        for (Timing row : outcome.rows()) {
            String shape = "%s (%d,%d,%d,%d)".formatted(row.shape(), row.shape().steps, row.shape().batch,
                    row.shape().inputSize, row.shape().hiddenSize);
            out.printf(Locale.ROOT, "%-21s %-8s %7d %-4s %-24s %12.4f %11.4f %11.4f %9s %6s %6.1f %%  %s%n", shape,
                    row.mode().title(), row.threads(), row.normalized() ? "yes" : "no", row.system(), row.medianMs(),
                    row.lowMs(), row.highMs(), ratio(row, true), ratio(row, false),
                    100 * Outcome.fractionOfLimit(limit, row), row.checked() ? "yes" : "NO");
        }
        out.println("lnrnn LN, plain: the median of lnrnn's layer-normalised and plain LSTM as a multiple of this "
                + "row's; below 1 lnrnn is faster. limit: the recurrent limit as a share of the time.");
    }

    private String ratio(Timing row, boolean normalized) {
        List<Timing> rows = outcome.rows();
        Optional<Timing> ours = rows.stream().filter(other -> other.isOurs() && other.isBeside(row)
                && other.normalized() == normalized).findFirst();
        return ours.map(timing -> String.format(Locale.ROOT, "%.2f", timing.medianMs() / row.medianMs())).orElse("");
    }
}
