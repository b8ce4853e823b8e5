package dev.lnrnn.bench.latency;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * One measurement, as the JSON file has it.
 *
 * @param part what it belongs to, a {@link Part}
 * @param unit of value, spread, tail and target
 * @param value the median, or a mean of bytes, or a ratio
 * @param spread how far repetitions of the whole measurement were apart; null for single calls
 * @param tail the slowest of the single calls; null where only many were timed together
 * @param bytesPerCall what a call allocated on the Java heap; null where not measured
 * @param target the most that the value may be; null without one
 */
@JsonNaming(SnakeCaseStrategy.class)
@JsonInclude(JsonInclude.Include.NON_NULL)
record Row(String part, String what, String unit, double value, @Nullable Spread spread, @Nullable Tail tail,
        @Nullable Double bytesPerCall, @Nullable Double target) {

    private static final double MICROSECOND = 1e3;

    /** The lowest and the highest of the repetitions. */
    record Spread(double low, double high) {}

    /** @param calls that were timed, one by one */
    @JsonNaming(SnakeCaseStrategy.class)
    record Tail(double p99, double p999, double max, long calls) {}

    static Row of(Part part, String what, String unit, double value) {
        return new Row(part.toString(), what, unit, value, null, null, null, null);
    }

    /** Single calls, in nanoseconds. */
    static Row ofCalls(Part part, String what, Histogram times) {
        Tail tail = new Tail(times.getValueAtPercentile(99) / MICROSECOND,
                times.getValueAtPercentile(99.9) / MICROSECOND, times.getMaxValue() / MICROSECOND,
                times.getTotalCount());
        return new Row(part.toString(), what, "us", times.getValueAtPercentile(50) / MICROSECOND, null, tail, null,
                null);
    }

    /** @param repetitions at least one */
    Row withSpread(double... repetitions) {
        DoubleSummaryStatistics summary = Arrays.stream(repetitions).summaryStatistics();
        return new Row(part, what, unit, value, new Spread(summary.getMin(), summary.getMax()), tail, bytesPerCall,
                target);
    }

    Row withBytesPerCall(double bytes) {
        return new Row(part, what, unit, value, spread, tail, bytes, target);
    }

    Row withTarget(double atMost) {
        return new Row(part, what, unit, value, spread, tail, bytesPerCall, atMost);
    }

    boolean misses() {
        return target != null && value > target;
    }
}
