package dev.lnrnn.bench.compare;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.lnrnn.bench.jmh.Shape;
import dev.lnrnn.bench.results.Workload;

/**
 * One measurement, as the JSON file has it.
 *
 * @param normalized whether the LSTM was layer-normalised
 * @param lowMs lower end of the median's 95 % confidence interval
 * @param checked whether the results agreed with lnrnn's; of lnrnn itself, whether all peers' did and there was one
 */
@JsonNaming(SnakeCaseStrategy.class)
record Timing(Shape shape, Mode mode, int threads, String system, boolean normalized, double medianMs, double lowMs,
        double highMs, boolean checked) {

    boolean isOurs() {
        return system.equals(Comparison.OURS);
    }

    /** Whether both are of one shape and mode. */
    boolean isBeside(Timing other) {
        return shape == other.shape && mode == other.mode;
    }

    Workload workload() {
        return new Workload(shape.steps, shape.batch, shape.inputSize, shape.hiddenSize, "f32", normalized,
                mode == Mode.TRAIN);
    }
}
