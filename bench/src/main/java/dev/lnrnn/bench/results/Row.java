package dev.lnrnn.bench.results;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One measurement, as the parts of the GPU bundle write it and as {@code results.json} keeps it.
 *
 * @param shape the letter of the performance notes, for {@code steps, batch, input, hidden}
 * @param mode "inference", or "training" for forward and backward together
 * @param system "lnrnn", "lnrnn, graph" where its calls were replayed, or whose network it was compared with
 * @param normalized whether the network was layer-normalised
 * @param lowMs lower end of the median's 95 % confidence interval
 * @param enqueueMs until the calls returned, the device still working; null where not measured
 * @param fractionOfLimit of the recurrent limit, see {@link Limit}; null where it was not calibrated
 * @param error largest relative difference from the results it was compared with before it was timed
 * @param checked whether that was small enough
 */
@JsonNaming(SnakeCaseStrategy.class)
@JsonIgnoreProperties(ignoreUnknown = true)
record Row(String shape, long steps, long batch, long input, long hidden, String mode, String system, String dtype,
        boolean normalized, double medianMs, double lowMs, double highMs, @Nullable Double enqueueMs,
        @Nullable Double fractionOfLimit, @Nullable Double error, boolean checked) {

    private static final Set<String> MODES = Set.of("inference", "training");
    private static final Set<String> DTYPES = Set.of("f64", "f32", "f16", "bf16");

    /** What an interrupted part, or another program, wrote may be no measurement. */
    Row {
        if (shape == null || system == null || mode == null || !MODES.contains(mode) || dtype == null
                || !DTYPES.contains(dtype)) {
            throw new IllegalArgumentException("shape " + shape + ", mode " + mode + ", system " + system + ", dtype "
                    + dtype + " do not say what was measured");
        }
        if (steps < 1 || batch < 1 || input < 1 || hidden < 1) {
            throw new IllegalArgumentException("steps " + steps + ", batch " + batch + ", input " + input + ", hidden "
                    + hidden + " are not all at least 1");
        }
        for (double milliseconds : new double[] {medianMs, lowMs, highMs}) {
            if (!(milliseconds > 0 && milliseconds < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException(milliseconds + " ms is not a time");
            }
        }
    }

    Row withFraction(double fraction) {
        return new Row(shape, steps, batch, input, hidden, mode, system, dtype, normalized, medianMs, lowMs, highMs,
                enqueueMs, fraction, error, checked);
    }

    @JsonIgnore
    boolean isOurs() {
        return system.startsWith("lnrnn");
    }

    Workload workload() {
        return new Workload(steps, batch, input, hidden, dtype, normalized, mode.equals("training"));
    }

    /** Whether both did the same work. */
    boolean isPeerOf(Row other) {
        return shape.equals(other.shape) && mode.equals(other.mode) && dtype.equals(other.dtype)
                && normalized == other.normalized;
    }
}
