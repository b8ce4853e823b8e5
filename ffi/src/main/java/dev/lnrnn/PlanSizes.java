package dev.lnrnn;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The sizes in bytes of the buffers that passes over T steps and N rows need. All but {@code stateBytes} and
 * {@code cellStateBytes} are multiples of 64. Larger buffers are fine.
 */
public final class PlanSizes {
    private final long parameterBytes;
    private final long gradientBytes;
    private final long packedBytes;
    private final long stateBytes;
    private final long cellStateBytes;
    private final long inferenceWorkspaceBytes;
    private final long stepWorkspaceBytes;
    private final long trainingWorkspaceBytes;
    private final long backwardWorkspaceBytes;
    private final long reserveBytes;

    PlanSizes(long parameterBytes, long gradientBytes, long packedBytes, long stateBytes, long cellStateBytes,
            long inferenceWorkspaceBytes, long stepWorkspaceBytes, long trainingWorkspaceBytes,
            long backwardWorkspaceBytes, long reserveBytes) {
        this.parameterBytes = parameterBytes;
        this.gradientBytes = gradientBytes;
        this.packedBytes = packedBytes;
        this.stateBytes = stateBytes;
        this.cellStateBytes = cellStateBytes;
        this.inferenceWorkspaceBytes = inferenceWorkspaceBytes;
        this.stepWorkspaceBytes = stepWorkspaceBytes;
        this.trainingWorkspaceBytes = trainingWorkspaceBytes;
        this.backwardWorkspaceBytes = backwardWorkspaceBytes;
        this.reserveBytes = reserveBytes;
    }

    /** {@return the size of the parameters; independent of T and N} */
    public long parameterBytes() {
        return parameterBytes;
    }

    /**
     * {@return the size of the parameters' gradients, of the {@link DataType#accumulation() accumulation type}; independent
     * of T and N}
     */
    public long gradientBytes() {
        return gradientBytes;
    }

    /** {@return the size of the packed weights of {@link Plan#pack}; independent of T and N} */
    public long packedBytes() {
        return packedBytes;
    }

    /** {@return the size of each of h0, hn and their gradients, (L&middot;D,N,P) of the accumulation type} */
    public long stateBytes() {
        return stateBytes;
    }

    /**
     * {@return the size of each of c0, cn and their gradients, (L&middot;D,N,H) of the accumulation type; 0 for any
     * cell but the LSTM}
     */
    public long cellStateBytes() {
        return cellStateBytes;
    }

    /** {@return the workspace of an {@link InferencePass}} */
    public long inferenceWorkspaceBytes() {
        return inferenceWorkspaceBytes;
    }

    /** {@return the workspace of a {@link StepPass}; independent of T} */
    public long stepWorkspaceBytes() {
        return stepWorkspaceBytes;
    }

    /** {@return the workspace of a {@link ForwardPass}} */
    public long trainingWorkspaceBytes() {
        return trainingWorkspaceBytes;
    }

    /** {@return the workspace of a {@link BackwardPass}} */
    public long backwardWorkspaceBytes() {
        return backwardWorkspaceBytes;
    }

    /** {@return the reserve, in which training stores activations for backward} */
    public long reserveBytes() {
        return reserveBytes;
    }

    /** {@return whether both have the same values} */
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof PlanSizes that && values().equals(that.values());
    }

    /** {@return a hash code of the values} */
    @Override
    public int hashCode() {
        return values().hashCode();
    }

    /** {@return the values by name} */
    @Override
    public String toString() {
        return "PlanSizes" + values();
    }

    private Map<String, Object> values() {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("parameterBytes", parameterBytes);
        values.put("gradientBytes", gradientBytes);
        values.put("packedBytes", packedBytes);
        values.put("stateBytes", stateBytes);
        values.put("cellStateBytes", cellStateBytes);
        values.put("inferenceWorkspaceBytes", inferenceWorkspaceBytes);
        values.put("stepWorkspaceBytes", stepWorkspaceBytes);
        values.put("trainingWorkspaceBytes", trainingWorkspaceBytes);
        values.put("backwardWorkspaceBytes", backwardWorkspaceBytes);
        values.put("reserveBytes", reserveBytes);
        return values;
    }
}
