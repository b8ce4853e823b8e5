package dev.lnrnn;

/**
 * What a caller of passes must provide for T steps and N rows, in bytes. All but {@code stateBytes} are multiples of
 * 64; larger buffers are fine.
 *
 * @param parameterBytes the parameters; independent of T and N
 * @param gradientBytes the gradients of the parameters, of the {@link DataType#accumulation() accumulation type};
 *     independent of T and N
 * @param packedBytes the packed weights of {@link Plan#pack}; independent of T and N
 * @param stateBytes each of h0, c0, hn, cn and their gradients, (L&middot;D,N,H) of the accumulation
 *     type
 * @param inferenceWorkspaceBytes workspace of {@link InferencePass#run}
 * @param stepWorkspaceBytes workspace of {@link StepPass#run}; independent of T
 * @param trainingWorkspaceBytes workspace of {@link TrainingPass#forward}
 * @param backwardWorkspaceBytes workspace of {@link TrainingPass#backward}
 * @param reserveBytes what training keeps from forward for backward
 */
public record PlanSizes(
        long parameterBytes,
        long gradientBytes,
        long packedBytes,
        long stateBytes,
        long inferenceWorkspaceBytes,
        long stepWorkspaceBytes,
        long trainingWorkspaceBytes,
        long backwardWorkspaceBytes,
        long reserveBytes) {}
