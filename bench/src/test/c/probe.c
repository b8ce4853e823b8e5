/*
 * What calls into C cost, for the comparisons of the command latency; no part of the library. First functions that do
 * nothing, of some numbers and kinds of arguments, for FFM and for JNI. Then the calls of lnrnn on a batch of no rows,
 * repeated by C itself: what Java adds to such a call is its time from Java less the time here. They are those of the
 * very library that the process has loaded, with the arguments that CallBenchmark passes.
 *
 * The command compiles this file itself, with the headers of the Java that runs it.
 */
#include <dlfcn.h>
#include <jni.h>
#include <stdlib.h>
#include <string.h>

#include "../../../../kernels-cu/include/lnrnn.h"

#define EXPORT __attribute__((visibility("default")))
#define LONGS4(p) int64_t p##0, int64_t p##1, int64_t p##2, int64_t p##3
#define POINTERS4(p) const void *p##0, const void *p##1, const void *p##2, const void *p##3
#define JLONGS4(p) jlong p##0, jlong p##1, jlong p##2, jlong p##3
#define JARRAYS4(p) jfloatArray p##0, jfloatArray p##1, jfloatArray p##2, jfloatArray p##3
#define JNI_PROBE(name) JNIEXPORT jlong JNICALL Java_dev_lnrnn_bench_jmh_JniProbe_##name

/* ---- Functions that do nothing ---------------------------------------------------------------------------------*/

EXPORT int64_t probe_longs_0(void) { return 0; }
EXPORT int64_t probe_longs_4(LONGS4(a)) { return a3; }
EXPORT int64_t probe_longs_8(LONGS4(a), LONGS4(b)) { return b3; }
EXPORT int64_t probe_longs_16(LONGS4(a), LONGS4(b), LONGS4(c), LONGS4(d)) { return d3; }

EXPORT int64_t probe_pointers_3(const void *a0, const void *a1, const void *a2) { return a2 != NULL; }
EXPORT int64_t probe_pointers_4(POINTERS4(a)) { return a3 != NULL; }
EXPORT int64_t probe_pointers_8(POINTERS4(a), POINTERS4(b)) { return b3 != NULL; }
EXPORT int64_t probe_pointers_16(POINTERS4(a), POINTERS4(b), POINTERS4(c), POINTERS4(d)) { return d3 != NULL; }

JNI_PROBE(longs0)(JNIEnv *env, jclass type) { return 0; }
JNI_PROBE(longs4)(JNIEnv *env, jclass type, JLONGS4(a)) { return a3; }
JNI_PROBE(longs8)(JNIEnv *env, jclass type, JLONGS4(a), JLONGS4(b)) { return b3; }
JNI_PROBE(longs16)(JNIEnv *env, jclass type, JLONGS4(a), JLONGS4(b), JLONGS4(c), JLONGS4(d)) { return d3; }

/* Pins all, then releases all, as a function that reads them together has to. */
static jlong pin(JNIEnv *env, int count, const jfloatArray *arrays) {
  void *pinned[16];
  jlong there = 0;
  for (int i = 0; i < count; ++i) {
    pinned[i] = (*env)->GetPrimitiveArrayCritical(env, arrays[i], NULL);
    there += pinned[i] != NULL;
  }
  for (int i = count - 1; i >= 0; --i) {
    if (pinned[i] != NULL) (*env)->ReleasePrimitiveArrayCritical(env, arrays[i], pinned[i], JNI_ABORT);
  }
  return there;
}

JNI_PROBE(arrays4)(JNIEnv *env, jclass type, JARRAYS4(a)) {
  const jfloatArray all[] = {a0, a1, a2, a3};
  return pin(env, 4, all);
}

JNI_PROBE(arrays16)(JNIEnv *env, jclass type, JARRAYS4(a), JARRAYS4(b), JARRAYS4(c), JARRAYS4(d)) {
  const jfloatArray all[] = {a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3};
  return pin(env, 16, all);
}

/* ---- The library's calls on no rows ----------------------------------------------------------------------------*/

/* Functions of the loaded library, called through pointers, as its procedure linkage table would. */
#define FUNCTIONS(F) \
  F(lnrnnCreate) F(lnrnnDestroy) F(lnrnnPlanCreate) F(lnrnnPlanDestroy) F(lnrnnPlanGetSizes) F(lnrnnMalloc) \
  F(lnrnnFree) F(lnrnnInitializeParameters) F(lnrnnPackWeights) F(lnrnnStep) F(lnrnnForwardInference) \
  F(lnrnnForwardTraining) F(lnrnnBackward)

typedef struct {
#define MEMBER(name) __typeof__(name) *name;
  FUNCTIONS(MEMBER)
#undef MEMBER
  lnrnnHandle_t handle;
  lnrnnPlan_t plan;
  lnrnnPlanSizes_t sizes;
  size_t workspaceBytes;
  void *parameters, *packed, *empty, *reserve, *workspace;
  _Alignas(64) lnrnnStepArguments_t step;
  _Alignas(64) lnrnnForwardInferenceArguments_t inference;
  _Alignas(64) lnrnnForwardTrainingArguments_t forward;
  _Alignas(64) lnrnnBackwardArguments_t backward;
} Probe;

static int find(Probe *p, const char *library) {
  void *const loaded = dlopen(library, RTLD_NOW);
  if (loaded == NULL) return 0;
#define FIND(name) \
  if ((p->name = (__typeof__(name) *)dlsym(loaded, #name)) == NULL) return 0;
  FUNCTIONS(FIND)
#undef FIND
  return 1;
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Of one step and no rows. */
static void name_arguments(Probe *p, int64_t input, int64_t hidden) {
  const lnrnnSequence_t sequence = {.steps = 1};
  const lnrnnConstBuffer_t parameters = {p->parameters, p->sizes.parameterBytes};
  const lnrnnConstBuffer_t packed = {p->packed, p->sizes.packedBytes};
  const lnrnnConstBuffer_t read = {p->empty, 0};
  const lnrnnBuffer_t written = {p->empty, 0};
  const lnrnnConstTensor_t x = {.pointer = p->empty, .rowStride = input};
  const lnrnnConstTensor_t dy = {.pointer = p->empty, .rowStride = hidden};
  const lnrnnTensor_t y = {.pointer = p->empty, .rowStride = hidden};
  const lnrnnTensor_t dx = {.pointer = p->empty, .rowStride = input};
  const lnrnnBuffer_t workspace = {p->workspace, p->workspaceBytes};
  p->step = (lnrnnStepArguments_t){.structSize = sizeof p->step, .packed = packed, .x = x, .h = written,
                                   .c = written, .workspace = workspace};
  p->inference = (lnrnnForwardInferenceArguments_t){
      .structSize = sizeof p->inference, .sequence = sequence, .packed = packed, .x = x, .h0 = read, .c0 = read,
      .y = y, .hn = written, .cn = written, .workspace = workspace};
  p->forward = (lnrnnForwardTrainingArguments_t){
      .structSize = sizeof p->forward, .sequence = sequence, .parameters = parameters, .x = x, .h0 = read,
      .c0 = read, .y = y, .hn = written, .cn = written, .reserve = {p->reserve, p->sizes.reserveBytes},
      .workspace = workspace};
  p->backward = (lnrnnBackwardArguments_t){
      .structSize = sizeof p->backward, .sequence = sequence, .parameters = parameters, .x = x,
      .reserve = {p->reserve, p->sizes.reserveBytes}, .dy = dy, .dhn = read, .dcn = read, .dx = dx, .dh0 = written, .dc0 = written,
      .workspace = workspace};
}

static lnrnnStatus_t prepare(Probe *p, int64_t input, int64_t hidden) {
  const lnrnnPlanDescription_t description = {
      .structSize = sizeof description, .cell = LNRNN_CELL_LSTM, .normalization = LNRNN_NORMALIZATION_HASTE,
      .dataType = LNRNN_DATA_F32, .layers = 1, .inputSize = input, .hiddenSize = hidden, .epsilon = 1e-5};
  p->sizes.structSize = sizeof p->sizes;
#define DO(call) \
  do { \
    const lnrnnStatus_t status = p->call; \
    if (status != LNRNN_STATUS_SUCCESS) return status; \
  } while (0)
  DO(lnrnnCreate(LNRNN_DEVICE_CPU, 0, 1, NULL, &p->handle));
  DO(lnrnnPlanCreate(p->handle, &description, &p->plan));
  DO(lnrnnPlanGetSizes(p->plan, 1, 0, &p->sizes));
  p->workspaceBytes = larger(p->sizes.stepWorkspaceBytes,
                             larger(p->sizes.inferenceWorkspaceBytes,
                                    larger(p->sizes.trainingWorkspaceBytes, p->sizes.backwardWorkspaceBytes)));
  DO(lnrnnMalloc(p->handle, NULL, p->sizes.parameterBytes, &p->parameters));
  DO(lnrnnMalloc(p->handle, NULL, p->sizes.packedBytes, &p->packed));
  DO(lnrnnMalloc(p->handle, NULL, 0, &p->empty));
  DO(lnrnnMalloc(p->handle, NULL, p->sizes.reserveBytes, &p->reserve));
  DO(lnrnnMalloc(p->handle, NULL, p->workspaceBytes, &p->workspace));
  DO(lnrnnInitializeParameters(p->plan, NULL, 1, p->parameters, p->sizes.parameterBytes));
  DO(lnrnnPackWeights(p->plan, NULL, p->parameters, p->sizes.parameterBytes, p->packed, p->sizes.packedBytes));
#undef DO
  name_arguments(p, input, hidden);
  return LNRNN_STATUS_SUCCESS;
}

EXPORT void probe_close(Probe *p) {
  void *const memory[] = {p->parameters, p->packed, p->empty, p->reserve, p->workspace};
  for (size_t i = 0; i < sizeof memory / sizeof *memory; ++i) {
    if (memory[i] != NULL) p->lnrnnFree(p->handle, NULL, memory[i]);
  }
  if (p->plan != NULL) p->lnrnnPlanDestroy(p->plan);
  if (p->handle != NULL) p->lnrnnDestroy(p->handle);
  free(p);
}

/* A layer-normalised LSTM and its buffers, or NULL. */
EXPORT Probe *probe_open(const char *library, int64_t input, int64_t hidden) {
  Probe *const p = aligned_alloc(_Alignof(Probe), sizeof *p);
  if (p == NULL) return NULL;
  memset(p, 0, sizeof *p);
  if (!find(p, library)) {
    free(p);
    return NULL;
  }
  if (prepare(p, input, hidden) != LNRNN_STATUS_SUCCESS) {
    probe_close(p);
    return NULL;
  }
  return p;
}

/* Each makes so many calls and answers how many of them failed. */

#define REPEAT(name, function, arguments) \
  EXPORT int64_t name(Probe *p, int64_t calls) { \
    int64_t failed = 0; \
    for (int64_t i = 0; i < calls; ++i) { \
      failed += p->function(p->plan, NULL, &p->arguments) != LNRNN_STATUS_SUCCESS; \
    } \
    return failed; \
  }

REPEAT(probe_step, lnrnnStep, step)
REPEAT(probe_inference, lnrnnForwardInference, inference)
REPEAT(probe_forward, lnrnnForwardTraining, forward)
REPEAT(probe_backward, lnrnnBackward, backward)
