/**
 * The C API of {@code kernels-cu/include/lnrnn.h} as jextract reads it. All but this file is generated and
 * never edited; not exported, because nothing here checks an argument.
 *
 * <p>A change of the header needs the command below again, with an option for each new symbol, and the new
 * hash; {@code BindingsMatchHeaderTest} fails until both are done.
 *
 * <p>SHA-256 of lnrnn.h: {@code 9c26815f9c69a0791559ec4da9f83c7361f3e2febdb494ac07eb5023bba92149}
 *
 * <p>Generator: jextract, commit 360bdc9 of its repository, with libclang 14; later versions call
 * {@code SymbolLookup.findOrThrow}, which Java 22 does not have. Run in the root of the project:
 *
 * <pre>{@code
 * jextract --target-package dev.lnrnn.raw --header-class-name lnrnn_h --output ffi/src/generated/java \
 *   --include-constant LNRNN_ABI_VERSION \
 *   --include-constant LNRNN_BACKWARD_ACCUMULATE \
 *   --include-constant LNRNN_CELL_GRU \
 *   --include-constant LNRNN_CELL_INDRNN \
 *   --include-constant LNRNN_CELL_LSTM \
 *   --include-constant LNRNN_DATA_BF16 \
 *   --include-constant LNRNN_DATA_F16 \
 *   --include-constant LNRNN_DATA_F32 \
 *   --include-constant LNRNN_DATA_F64 \
 *   --include-constant LNRNN_DEVICE_CPU \
 *   --include-constant LNRNN_DEVICE_CUDA \
 *   --include-constant LNRNN_DIRECTION_BIDIRECTIONAL \
 *   --include-constant LNRNN_DIRECTION_FORWARD \
 *   --include-constant LNRNN_MASK_DROPCONNECT \
 *   --include-constant LNRNN_MASK_DROPOUT \
 *   --include-constant LNRNN_MASK_DROPOUT_CANDIDATE \
 *   --include-constant LNRNN_MASK_ZONEOUT \
 *   --include-constant LNRNN_MASK_ZONEOUT_CELL \
 *   --include-constant LNRNN_NORMALIZATION_CARRY \
 *   --include-constant LNRNN_NORMALIZATION_CELL \
 *   --include-constant LNRNN_NORMALIZATION_HASTE \
 *   --include-constant LNRNN_NORMALIZATION_JOINT \
 *   --include-constant LNRNN_NORMALIZATION_NONE \
 *   --include-constant LNRNN_NORMALIZATION_PAPER \
 *   --include-constant LNRNN_NORMALIZATION_PER_GATE \
 *   --include-constant LNRNN_NORMALIZATION_PER_GATE_CARRY \
 *   --include-constant LNRNN_NORMALIZATION_PER_GATE_CELL \
 *   --include-constant LNRNN_PLAN_DETERMINISTIC \
 *   --include-constant LNRNN_PLAN_RECOMPUTE \
 *   --include-constant LNRNN_PLAN_VARIATIONAL_DROPOUT \
 *   --include-constant LNRNN_STATUS_BUFFER_TOO_SMALL \
 *   --include-constant LNRNN_STATUS_DEVICE_LOST \
 *   --include-constant LNRNN_STATUS_DEVICE_UNAVAILABLE \
 *   --include-constant LNRNN_STATUS_INTERNAL_ERROR \
 *   --include-constant LNRNN_STATUS_INVALID_ARGUMENT \
 *   --include-constant LNRNN_STATUS_INVALID_STATE \
 *   --include-constant LNRNN_STATUS_IN_USE \
 *   --include-constant LNRNN_STATUS_MISALIGNED \
 *   --include-constant LNRNN_STATUS_NOT_SUPPORTED \
 *   --include-constant LNRNN_STATUS_NULL_POINTER \
 *   --include-constant LNRNN_STATUS_OUT_OF_MEMORY \
 *   --include-constant LNRNN_STATUS_SUCCESS \
 *   --include-constant LNRNN_VERSION_MAJOR \
 *   --include-constant LNRNN_VERSION_MINOR \
 *   --include-constant LNRNN_VERSION_PATCH \
 *   --include-function lnrnnBackward \
 *   --include-function lnrnnBackwardHolding20 \
 *   --include-function lnrnnBackwardHolding4 \
 *   --include-function lnrnnBackwardHolding8 \
 *   --include-function lnrnnCheckMemory \
 *   --include-function lnrnnCreate \
 *   --include-function lnrnnDestroy \
 *   --include-function lnrnnDrawMask \
 *   --include-function lnrnnEventCreate \
 *   --include-function lnrnnEventDestroy \
 *   --include-function lnrnnEventElapsedMilliseconds \
 *   --include-function lnrnnEventQuery \
 *   --include-function lnrnnEventRecord \
 *   --include-function lnrnnEventSynchronize \
 *   --include-function lnrnnForwardInference \
 *   --include-function lnrnnForwardInferenceHolding20 \
 *   --include-function lnrnnForwardInferenceHolding4 \
 *   --include-function lnrnnForwardInferenceHolding8 \
 *   --include-function lnrnnForwardTraining \
 *   --include-function lnrnnForwardTrainingHolding20 \
 *   --include-function lnrnnForwardTrainingHolding4 \
 *   --include-function lnrnnForwardTrainingHolding8 \
 *   --include-function lnrnnFree \
 *   --include-function lnrnnGetAbiVersion \
 *   --include-function lnrnnGetDeviceCount \
 *   --include-function lnrnnGetDeviceProperties \
 *   --include-function lnrnnGetLastErrorMessage \
 *   --include-function lnrnnGetProperties \
 *   --include-function lnrnnGetStatusName \
 *   --include-function lnrnnGetUsage \
 *   --include-function lnrnnGetVersionString \
 *   --include-function lnrnnGraphDestroy \
 *   --include-function lnrnnGraphLaunch \
 *   --include-function lnrnnHostAlloc \
 *   --include-function lnrnnHostFree \
 *   --include-function lnrnnHostRegister \
 *   --include-function lnrnnHostUnregister \
 *   --include-function lnrnnInitializeParameters \
 *   --include-function lnrnnMalloc \
 *   --include-function lnrnnMemcpy \
 *   --include-function lnrnnMemset \
 *   --include-function lnrnnPackWeights \
 *   --include-function lnrnnPlanCreate \
 *   --include-function lnrnnPlanDestroy \
 *   --include-function lnrnnPlanGetParameter \
 *   --include-function lnrnnPlanGetParameterCount \
 *   --include-function lnrnnPlanGetSizes \
 *   --include-function lnrnnStep \
 *   --include-function lnrnnStepHolding20 \
 *   --include-function lnrnnStepHolding4 \
 *   --include-function lnrnnStepHolding8 \
 *   --include-function lnrnnStreamBeginCapture \
 *   --include-function lnrnnStreamCreate \
 *   --include-function lnrnnStreamDestroy \
 *   --include-function lnrnnStreamEndCapture \
 *   --include-function lnrnnStreamSynchronize \
 *   --include-function lnrnnStreamWaitEvent \
 *   --include-struct lnrnnBackwardArguments_t \
 *   --include-struct lnrnnBuffer_t \
 *   --include-struct lnrnnConstBuffer_t \
 *   --include-struct lnrnnConstTensor_t \
 *   --include-struct lnrnnDeviceProperties_t \
 *   --include-struct lnrnnForwardInferenceArguments_t \
 *   --include-struct lnrnnForwardTrainingArguments_t \
 *   --include-struct lnrnnMaskDraw_t \
 *   --include-struct lnrnnParameter_t \
 *   --include-struct lnrnnPlanDescription_t \
 *   --include-struct lnrnnPlanSizes_t \
 *   --include-struct lnrnnSequence_t \
 *   --include-struct lnrnnStepArguments_t \
 *   --include-struct lnrnnTensor_t \
 *   --include-struct lnrnnUsage_t \
 *   kernels-cu/include/lnrnn.h
 * }</pre>
 */
package dev.lnrnn.raw;
