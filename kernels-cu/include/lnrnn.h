/*
 * lnrnn.h - layer-normalised recurrent networks: the C API.
 *
 * OVERVIEW
 *
 * The library runs LSTM, GRU and IndRNN layers, plain or layer-normalised, forward and backward. One
 * set of functions serves every device. The interface is modelled on cuDNN's:
 *
 *   - Handles are opaque. Every function that can fail returns an lnrnnStatus_t, and
 *     lnrnnGetLastErrorMessage() returns a sentence that names the argument, its value and the
 *     expected value.
 *   - A PLAN describes a stack of layers on a device and never changes. The caller owns the memory of
 *     everything that changes: parameters, inputs, workspace, reserve.
 *   - The calls that compute allocate nothing, are ordered on a stream, and do not synchronise.
 *
 * A forward pass for inference, without error handling:
 *
 *   lnrnnHandle_t handle;
 *   lnrnnCreate(LNRNN_DEVICE_CPU, 0, 0, NULL, &handle);
 *
 *   lnrnnPlanDescription_t d = {.structSize = sizeof d, .cell = LNRNN_CELL_LSTM,
 *       .normalization = LNRNN_NORMALIZATION_HASTE, .dataType = LNRNN_DATA_F32,
 *       .direction = LNRNN_DIRECTION_FORWARD, .layers = 1, .inputSize = C, .hiddenSize = H,
 *       .epsilon = 1e-5};
 *   lnrnnPlan_t plan;
 *   lnrnnPlanCreate(handle, &d, &plan);
 *
 *   lnrnnPlanSizes_t bytes = {.structSize = sizeof bytes};
 *   lnrnnPlanGetSizes(plan, T, N, &bytes);
 *   ... lnrnnMalloc the parameters, the packed weights, the workspace, x and y ...
 *   lnrnnInitializeParameters(plan, NULL, seed, parameters, bytes.parameterBytes);
 *   lnrnnPackWeights(plan, NULL, parameters, bytes.parameterBytes, packed, bytes.packedBytes);
 *
 *   lnrnnForwardInferenceArguments_t a = {.structSize = sizeof a,
 *       .sequence = {.steps = T, .batch = N},
 *       .packed = {packed, bytes.packedBytes},
 *       .x = {x, xBytes, .stepStride = N * C, .rowStride = C},
 *       .y = {y, yBytes, .stepStride = N * H, .rowStride = H},
 *       .workspace = {workspace, bytes.inferenceWorkspaceBytes}};
 *   lnrnnForwardInference(plan, NULL, &a);
 *
 * CONVENTIONS
 *
 *   Shapes      T steps, N batch rows, C input size, H hidden size, P features of h (H, or
 *               projectionSize where there is one), L layers, D directions, G gates (LSTM 4:
 *               i,f,g,o; GRU 3: r,z,n; IndRNN 1). Row-major, features contiguous.
 *   Units       sizes named ...Bytes are bytes; strides are elements; times are steps.
 *   Memory      The plan's device must be able to read (or write) the memory behind a data pointer.
 *               The pointer must be aligned to its element. 64-byte alignment, as lnrnnMalloc gives
 *               it, is faster; packed weights, workspace and reserve require it. Each pointer comes
 *               with the size of its buffer, and the library checks that the buffer is large enough;
 *               larger is fine. A buffer may be NULL if 0 bytes of it are needed.
 *               An output must not overlap an input or another output, unless the description of the
 *               function allows it; otherwise the call returns INVALID_ARGUMENT. Only the bytes that
 *               the call uses count, so rows of x and y may be columns of one matrix.
 *   Streams     NULL is the handle's default stream. It is not ordered with any other stream. Calls
 *               that take a stream return before their work is done. Until then the memory that the
 *               work reads must not be changed, and the memory that it writes must not be used, by
 *               the host or on another stream: wait for an event or synchronise first. On the CPU a
 *               call has done its work when it returns, which satisfies every rule about order
 *               here. A later call reports work that failed.
 *   Threads     Any number of threads may use a handle or a plan. Calls on one stream are executed
 *               one after the other. The caller must not destroy an object that is in use.
 *               Destroying a handle that still owns an object returns IN_USE.
 *   Results     A function that fails writes none of its results. If a call fails while its work
 *               runs, its data outputs are undefined.
 *   Structs     A struct that a function takes by pointer begins with structSize; the caller sets it
 *               to sizeof. The struct of an older caller is shorter; the fields that it lacks count
 *               as 0. The struct of a newer caller is longer: the library sets fields that it does
 *               not know to 0 in a struct that it writes, and requires them to be 0 in a struct that
 *               it reads. Fields named reserved and undefined flags must be 0, too. structSize must
 *               be possible: at least the first version's size, a multiple of 8, at most 64 KiB, and
 *               not in the middle of an array. Otherwise the call returns INVALID_ARGUMENT. Structs
 *               inside other structs have no size field and do not grow.
 *
 * Version 0.x: the ABI may change, and LNRNN_ABI_VERSION with it. From 1.0 it only grows.
 */
#ifndef LNRNN_H
#define LNRNN_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define LNRNN_API __attribute__((visibility("default")))
#else
#define LNRNN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ---------------------------------------------------------------------------------*/

#define LNRNN_VERSION_MAJOR 0
#define LNRNN_VERSION_MINOR 1
#define LNRNN_VERSION_PATCH 0

/* Every change that an already compiled caller would notice raises it. */
#define LNRNN_ABI_VERSION 6

/* The LNRNN_ABI_VERSION of the loaded library. Compare before calling anything else. */
LNRNN_API int32_t lnrnnGetAbiVersion(void);

/* "0.1.0", static storage. */
LNRNN_API const char *lnrnnGetVersionString(void);

/* ---- Status ----------------------------------------------------------------------------------*/

/* The values never change. The gaps are for later ones. */
typedef enum lnrnnStatus_t {
  LNRNN_STATUS_SUCCESS = 0,
  LNRNN_STATUS_INVALID_ARGUMENT = 10,  /* a value is out of its range, or values contradict */
  LNRNN_STATUS_NULL_POINTER = 11,      /* a required pointer is NULL */
  LNRNN_STATUS_MISALIGNED = 12,        /* a pointer is not aligned to its element */
  LNRNN_STATUS_BUFFER_TOO_SMALL = 13,  /* a buffer has fewer bytes than the call needs */
  LNRNN_STATUS_IN_USE = 20,            /* a handle still owns an object created through it */
  LNRNN_STATUS_INVALID_STATE = 21,     /* not while the stream is being captured, or only then */
  LNRNN_STATUS_NOT_SUPPORTED = 30,     /* legal, but this version cannot do it on this device */
  LNRNN_STATUS_OUT_OF_MEMORY = 40,     /* host or device memory; the message says which */
  LNRNN_STATUS_DEVICE_UNAVAILABLE = 50,/* built without the backend, no driver, no such ordinal */
  LNRNN_STATUS_DEVICE_LOST = 51,       /* the device failed permanently; destroy the handle */
  LNRNN_STATUS_INTERNAL_ERROR = 90     /* a defect of the library */
} lnrnnStatus_t;

/* "LNRNN_STATUS_SUCCESS", ...; "unknown status" for any other number. Static storage. */
LNRNN_API const char *lnrnnGetStatusName(lnrnnStatus_t status);

/*
 * Describes the error of the calling thread's latest failed call; "" if no call failed yet. Valid
 * until the thread's next failed call. Successful calls do not change it.
 */
LNRNN_API const char *lnrnnGetLastErrorMessage(void);

/* ---- Devices and handles ---------------------------------------------------------------------*/

typedef enum lnrnnDeviceKind_t {
  LNRNN_DEVICE_CPU = 0,
  LNRNN_DEVICE_CUDA = 1
} lnrnnDeviceKind_t;

typedef struct lnrnnDeviceProperties_t {
  size_t structSize;
  int32_t kind;            /* lnrnnDeviceKind_t */
  int32_t ordinal;
  int32_t threads;         /* CPU: threads that share one call; elsewhere 0 */
  int32_t maxThreads;      /* CPU: processors this process may run on; elsewhere 0 */
  uint64_t totalMemory;    /* bytes */
  char name[128];          /* "AMD EPYC 9575F 64-Core Processor" */
  char isa[32];            /* the kernels in use. CPU: "baseline", "avx2", "avx512"; "neon" on ARM.
                              CUDA: the architecture that they were compiled for, as "sm_90";
                              "sm_90 cuBLAS" if cuBLAS does the large products; "" if the library
                              has no kernels for the device, which lnrnnCreate then refuses */
  char isaAvailable[96];   /* separated by spaces. CPU: the names that lnrnnCreate accepts here.
                              CUDA: the architectures this library has kernels for */
  /* Of CUDA devices; elsewhere 0: */
  int32_t computeCapabilityMajor;
  int32_t computeCapabilityMinor;
  int32_t multiprocessors;
  int32_t driverVersion;   /* the newest CUDA that the driver can run: 13000 is 13.0 */
  int32_t runtimeVersion;  /* the CUDA that the library was built with, in the same form */
  int32_t cublasVersion;   /* 130002 is 13.0.2; 0: not found, so the library's own kernels do all
                              products */
  /* CPU: what decided the number of threads: "asked for" (the caller); "affinity" (maxThreads);
     "cgroup quota" (the CPU time that the process's control groups allow). Elsewhere "" */
  char threadsFrom[32];
} lnrnnDeviceProperties_t;

/* An open device. It owns the streams, events, plans, graphs and memory created through it. */
typedef struct lnrnnHandle *lnrnnHandle_t;

/*
 * Counts the devices of a kind. 0 is not an error; the last error message then says why the kind is
 * unavailable. Only lnrnnCreate tells whether a device can be opened; one whose isa is "" cannot.
 */
LNRNN_API lnrnnStatus_t lnrnnGetDeviceCount(lnrnnDeviceKind_t kind, int32_t *count);

/* Properties of a device that need not be open; threads and isa are the defaults. */
LNRNN_API lnrnnStatus_t lnrnnGetDeviceProperties(lnrnnDeviceKind_t kind, int32_t ordinal,
                                                 lnrnnDeviceProperties_t *properties);

/*
 * Opens a device.
 *   threads   CPU: the number of threads that share one call, 1...1024, including the caller's. 0
 *             means one thread for each processor that the process may run on (its affinity), but no
 *             more than its control groups allow CPU time for (Linux cgroups: quota divided by period,
 *             rounded down, at least 1). This number alone decides how work is divided. It does not
 *             decide which thread does a share: while other programs occupy the cores, the caller also
 *             does the shares of threads that cannot run. Elsewhere 0.
 *   isa       CPU: the kernels to use, a name from isaAvailable; NULL for the best. Elsewhere NULL.
 * The forward pass gives the same bits for any number of threads, gradients for the same number.
 * DEVICE_UNAVAILABLE, with the reason, if there is no such device or the library has no kernels for
 * it. A call does not change the current CUDA device and context of its thread.
 */
LNRNN_API lnrnnStatus_t lnrnnCreate(lnrnnDeviceKind_t kind, int32_t ordinal, int32_t threads,
                                    const char *isa, lnrnnHandle_t *handle);

/*
 * Closes the device. IN_USE, and nothing is destroyed, while an object created through the handle
 * exists. Waits until freed memory is no longer used. If the device refuses even that, nothing is
 * destroyed, and the call can be repeated.
 */
LNRNN_API lnrnnStatus_t lnrnnDestroy(lnrnnHandle_t handle);

/* Properties of an open device, with the options in effect. */
LNRNN_API lnrnnStatus_t lnrnnGetProperties(lnrnnHandle_t handle,
                                           lnrnnDeviceProperties_t *properties);

/* Counts what exists now, over all handles of the process. What is left at the end has leaked. */
typedef struct lnrnnUsage_t {
  size_t structSize;
  int64_t handles;
  int64_t plans;
  int64_t streams;         /* default streams are not counted */
  int64_t events;
  int64_t deviceBytes;     /* lnrnnMalloc; freed memory counts while a graph uses it */
  int64_t deviceAllocations;
  int64_t hostBytes;       /* lnrnnHostAlloc, counted in the same way */
  int64_t hostAllocations;
  int64_t graphs;
  int64_t registeredBytes; /* lnrnnHostRegister */
  int64_t registrations;
} lnrnnUsage_t;

LNRNN_API lnrnnStatus_t lnrnnGetUsage(lnrnnUsage_t *usage);

/* ---- Streams and events ----------------------------------------------------------------------*/

/* An ordered queue of work. On the CPU each stream has its own threads. */
typedef struct lnrnnStream *lnrnnStream_t;

/* A point in a stream's work, with the time when it was reached. */
typedef struct lnrnnEvent *lnrnnEvent_t;

LNRNN_API lnrnnStatus_t lnrnnStreamCreate(lnrnnHandle_t handle, lnrnnStream_t *stream);

/*
 * Destroys the stream once the work already queued on it is done; the call does not wait for that.
 * If the stream is being captured, the capture ends without a graph.
 */
LNRNN_API lnrnnStatus_t lnrnnStreamDestroy(lnrnnStream_t stream);

/*
 * Waits until all work queued on the stream is done, and reports whether some of it failed.
 * INVALID_STATE while the stream is being captured.
 */
LNRNN_API lnrnnStatus_t lnrnnStreamSynchronize(lnrnnHandle_t handle, lnrnnStream_t stream);

/*
 * Makes work queued on the stream from now on wait for the event's latest recording. It does not
 * wait for an event that was never recorded.
 */
LNRNN_API lnrnnStatus_t lnrnnStreamWaitEvent(lnrnnHandle_t handle, lnrnnStream_t stream,
                                             lnrnnEvent_t event);

LNRNN_API lnrnnStatus_t lnrnnEventCreate(lnrnnHandle_t handle, lnrnnEvent_t *event);
/* Streams that already wait for the event continue to wait. */
LNRNN_API lnrnnStatus_t lnrnnEventDestroy(lnrnnEvent_t event);
LNRNN_API lnrnnStatus_t lnrnnEventRecord(lnrnnHandle_t handle, lnrnnEvent_t event,
                                         lnrnnStream_t stream);

/* *done is 1 if all recorded work is done, else 0. An event that was never recorded is done. */
LNRNN_API lnrnnStatus_t lnrnnEventQuery(lnrnnEvent_t event, int32_t *done);
LNRNN_API lnrnnStatus_t lnrnnEventSynchronize(lnrnnEvent_t event);

/* The time from start to end. INVALID_ARGUMENT unless both were recorded and are done. */
LNRNN_API lnrnnStatus_t lnrnnEventElapsedMilliseconds(lnrnnEvent_t start, lnrnnEvent_t end,
                                                      double *milliseconds);

/* ---- Memory ----------------------------------------------------------------------------------*/

/*
 * Allocates device memory, 64-byte aligned, contents undefined. Every stream of the handle can use it
 * at once. bytes may be 0: the pointer is then not NULL, must be freed, and must not be read. stream
 * is a hint: there the device may reuse freed memory soonest.
 */
LNRNN_API lnrnnStatus_t lnrnnMalloc(lnrnnHandle_t handle, lnrnnStream_t stream, size_t bytes,
                                    void **pointer);

/*
 * Frees memory of lnrnnMalloc once all work queued so far is done, on every stream of the handle; the
 * call does not wait for that. Memory that a graph uses stays until the last such graph is destroyed.
 * Memory freed during a capture stays at least until the capture ends. NULL is ignored. A pointer
 * that does not come from the handle's lnrnnMalloc, or is already freed, is INVALID_ARGUMENT.
 */
LNRNN_API lnrnnStatus_t lnrnnFree(lnrnnHandle_t handle, lnrnnStream_t stream, void *pointer);

/*
 * Allocates page-locked host memory. The host can use it, and copies from and to it do not wait.
 * Otherwise as lnrnnMalloc.
 */
LNRNN_API lnrnnStatus_t lnrnnHostAlloc(lnrnnHandle_t handle, size_t bytes, void **pointer);

/* Frees memory of lnrnnHostAlloc, as lnrnnFree does: work already queued may still use the memory. */
LNRNN_API lnrnnStatus_t lnrnnHostFree(lnrnnHandle_t handle, void *pointer);

/*
 * Page-locks host memory of the caller's, so that copies of it do not wait. The memory must stay
 * mapped until it is unregistered. bytes > 0. INVALID_ARGUMENT if the region overlaps one that is
 * already registered, or memory that the handle allocated.
 */
LNRNN_API lnrnnStatus_t lnrnnHostRegister(lnrnnHandle_t handle, void *pointer, size_t bytes);

/*
 * Undoes lnrnnHostRegister; takes the pointer that was registered. Waits for the work queued so far,
 * on every stream of the handle; afterwards the caller may free the memory. Graphs that use the
 * memory can no longer be launched. NULL is ignored. If the call fails, the memory stays registered.
 */
LNRNN_API lnrnnStatus_t lnrnnHostUnregister(lnrnnHandle_t handle, void *pointer);

/*
 * Checks whether calls on the device can use memory that other code allocated; bytes > 0. On CUDA the
 * first and the last byte must be device memory of the handle's GPU, or managed memory. Host memory,
 * memory of another GPU and unknown addresses are INVALID_ARGUMENT. On the CPU the call always
 * succeeds, because nothing can be checked there.
 */
LNRNN_API lnrnnStatus_t lnrnnCheckMemory(lnrnnHandle_t handle, const void *pointer, size_t bytes);

/*
 * Copies between any two of host, pinned and device memory. The address tells which kind it is. The
 * copy is ordered on the stream. For pageable host memory the copy is done when the call returns: a
 * source may be changed then, and a destination read. Overlapping regions are INVALID_ARGUMENT.
 */
LNRNN_API lnrnnStatus_t lnrnnMemcpy(lnrnnHandle_t handle, lnrnnStream_t stream, void *destination,
                                    const void *source, size_t bytes);

/* Sets device memory to the low 8 bits of value. */
LNRNN_API lnrnnStatus_t lnrnnMemset(lnrnnHandle_t handle, lnrnnStream_t stream, void *destination,
                                    int32_t value, size_t bytes);

/* ---- Graphs ----------------------------------------------------------------------------------*/

/*
 * Work that is recorded once and can be queued again with one call. This pays for sequences of small
 * calls.
 *
 *   lnrnnStreamBeginCapture(handle, stream);
 *   lnrnnMemcpy(handle, stream, x, pinned, xBytes);
 *   lnrnnForwardInference(plan, stream, ...);
 *   lnrnnStreamEndCapture(handle, stream, &graph);
 *   for (...) lnrnnGraphLaunch(graph, stream);
 *
 * A graph keeps the arguments of its calls: pointers, sizes, lengths, seed and offsets. Each launch
 * reads the current contents of the memory that the pointers point to. Memory of lnrnnMalloc and
 * lnrnnHostAlloc that the calls use stays until the graph is destroyed. The graph does not need the
 * plans and events any more. Devices that cannot capture return NOT_SUPPORTED, as the CPU does.
 */
typedef struct lnrnnGraph *lnrnnGraph_t;

/*
 * Starts a capture: from now on, calls on the stream are recorded and not executed. Another stream
 * joins the capture if it waits for an event that was recorded in the capture. Before the capture
 * ends, the first stream must wait for an event that is recorded on the joined one. Until the end such
 * events must not be used for anything else. A handle captures one stream at a time, and never the
 * default stream.
 *
 * On a stream that is being captured, lnrnnStreamSynchronize, lnrnnInitializeParameters and
 * lnrnnGraphLaunch return INVALID_STATE, and copies of pageable host memory INVALID_ARGUMENT; the
 * capture continues. lnrnnMalloc allocates at once. Any other failure of a call on the stream may
 * invalidate the capture, and so may a synchronisation by another thread at the moment the capture
 * starts. Then further calls on the stream return INVALID_STATE, and lnrnnStreamEndCapture fails.
 */
LNRNN_API lnrnnStatus_t lnrnnStreamBeginCapture(lnrnnHandle_t handle, lnrnnStream_t stream);

/*
 * Ends the capture, even if the call fails; afterwards the stream executes calls again. Only if the
 * device refuses to end the capture, it continues, and the call can be repeated. INVALID_STATE if
 * lnrnnStreamBeginCapture was not called on this stream.
 */
LNRNN_API lnrnnStatus_t lnrnnStreamEndCapture(lnrnnHandle_t handle, lnrnnStream_t stream,
                                              lnrnnGraph_t *graph);

/*
 * Queues the graph's work. Launches of one graph run one after the other, even on different streams.
 * INVALID_STATE if memory that the graph uses was unregistered.
 */
LNRNN_API lnrnnStatus_t lnrnnGraphLaunch(lnrnnGraph_t graph, lnrnnStream_t stream);

/* Launches that are already queued still run; the call does not wait for them. */
LNRNN_API lnrnnStatus_t lnrnnGraphDestroy(lnrnnGraph_t graph);

/* ---- Plans -----------------------------------------------------------------------------------*/

typedef enum lnrnnCell_t {
  LNRNN_CELL_LSTM = 0,
  LNRNN_CELL_GRU = 1,
  LNRNN_CELL_INDRNN = 2
} lnrnnCell_t;

/*
 * Where layer normalisation stands. LN(x; gain, bias) is over a whole row, gates together. It also
 * normalises rows whose squares overflow. If the magnitude of an element exceeds 2^126 (F64: 2^1022),
 * or an element is NaN, the row is NaN and never a wrong finite number. On CUDA, in 16-bit types, the
 * norms of h W_hh', of sums with it and of u may already be NaN from 1e30 on.
 * With A = x W_ih' and r = h W_hh', in the LSTM, where u = f c + i g:
 *   NONE    A + r + b; h = o tanh(u); carries u (Hochreiter & Schmidhuber 1997; cuDNN, PyTorch)
 *   HASTE   LN(A; g1, 0) + LN(r; g2, 0) + b; h = o tanh(LN(u; g3, b3)); carries u (haste)
 *   PAPER   LN(A; g1, b1) + LN(r; g2, b2) + b; h as HASTE; carries u (Ba, Kiros, Hinton 2016)
 *   CARRY   as PAPER, but carries LN(u; g3, b3) (TensorFlow Addons, PyTorch's custom_lstms)
 *   CELL    A + r + b; h = o tanh(LN(u; g3, b3)); carries u
 *   PER_GATE        LN_H(A + r + b; g, b'), where LN_H is a layer norm of each gate's H by itself;
 *                   h = o tanh(u); carries u (TensorFlow Lite and Android's NNAPI; lingvo's
 *                   LayerNormalizedLSTMCellSimple)
 *   PER_GATE_CELL   the same; h = o tanh(LN(u; g3, b3)); carries u (lingvo's
 *                   LayerNormalizedLSTMCellLean, Magenta's sketch-rnn, HyperLSTM)
 *   PER_GATE_CARRY  the same, but carries LN(u; g3, b3) (TensorFlow 1's LayerNormBasicLSTMCell, with
 *                   epsilon 1e-12, b = 0, its forget_bias in b' and gates in the order i, g, f, o;
 *                   icefall's LayerNormLSTM)
 * The GRU (Cho et al. 2014, the reset gate after the product as in cuDNN and PyTorch) is
 * r, z = sigmoid(p + q), n = tanh(p + r q) and h = z h' + (1 - z) n:
 *   NONE    p = A + b_ih, q = r + b_hh
 *   HASTE   p = LN(A; g1, 0) + b_ih, q = LN(r; g2, 0) + b_hh (haste.LayerNormGRU)
 *   PAPER   p = LN(A; g1, b1), q = LN(r; g2, b2), each of them two layer norms: one over the 2H of r and
 *           z together, one over the H of n; no b_ih, no b_hh (Ba, Kiros, Hinton 2016, supplement.
 *           There z and 1 - z are the other way round: negate the z of g1, b1, g2 and b2)
 *   JOINT   s = LN(A + r + b; g, b'); r, z = sigmoid(s) and n = tanh(r s), so that the reset gate takes
 *           all of n (DreamerV2, dreamerv3-torch, sheeprl. There the gates stand in the order r, n, z,
 *           and 1 - z = sigmoid(s - 1): negate the z of g, and subtract that of b' from 1)
 * The IndRNN (Li et al. 2018) is h = tanh(a + w h' + b):
 *   NONE    a = A
 *   HASTE   a = LN(A; g1, 0) (haste.LayerNormIndRNN)
 */
typedef enum lnrnnNormalization_t {
  LNRNN_NORMALIZATION_NONE = 0,
  LNRNN_NORMALIZATION_HASTE = 1,
  LNRNN_NORMALIZATION_PAPER = 2,
  LNRNN_NORMALIZATION_CARRY = 3,
  LNRNN_NORMALIZATION_CELL = 4,
  LNRNN_NORMALIZATION_PER_GATE = 5,
  LNRNN_NORMALIZATION_PER_GATE_CELL = 6,
  LNRNN_NORMALIZATION_PER_GATE_CARRY = 7,
  LNRNN_NORMALIZATION_JOINT = 8
} lnrnnNormalization_t;

/*
 * The type of x, y, dx, dy and the parameters. Sums, states (h0, c0, hn, cn), the gradients of states
 * and the gradients of parameters have the ACCUMULATION TYPE: F32 for F16 and BF16, otherwise the type
 * itself.
 */
typedef enum lnrnnDataType_t {
  LNRNN_DATA_F32 = 0,
  LNRNN_DATA_F64 = 1,
  LNRNN_DATA_F16 = 2,
  LNRNN_DATA_BF16 = 3
} lnrnnDataType_t;

typedef enum lnrnnDirection_t {
  LNRNN_DIRECTION_FORWARD = 0,
  LNRNN_DIRECTION_BIDIRECTIONAL = 1
} lnrnnDirection_t;

/*
 * Training stores only h, c, the statistics of layer norms and DropConnect's mask; backward computes
 * the products again. The gradients are the same, for about a third more arithmetic. For each layer
 * and direction training stores, in elements of the accumulation type:
 *     always            h (T+1,N,P), the LSTM's c (T+1,N,H), and (T,N,2) for each layer norm, of
 *                       which the GRU's PAPER has four, PER_GATE a gate each
 *     with DropConnect  a bit for each element of weight_hh (G H,P), rows rounded up to 16
 *     without the flag  A (T,N,G H), and r (T,N,G H): of the GRU but for JOINT, and where r is
 *                       normalised; where their sum is normalised it is in the place of A
 * With and without the flag it also stores (T,N,D P) of the data type between layers.
 */
#define LNRNN_PLAN_RECOMPUTE 1u

/*
 * Repeated calls on the same device give gradients that are identical to the bit. Without the flag a
 * device may add in any order. No kernel does so yet: the flag costs nothing today, and promises the
 * same for later versions.
 */
#define LNRNN_PLAN_DETERMINISTIC 2u

/* All steps of a row share one mask of dropout between layers (Gal & Ghahramani 2016). */
#define LNRNN_PLAN_VARIATIONAL_DROPOUT 4u

typedef struct lnrnnPlanDescription_t {
  size_t structSize;
  int32_t cell;            /* lnrnnCell_t */
  int32_t normalization;   /* lnrnnNormalization_t */
  int32_t dataType;        /* lnrnnDataType_t */
  int32_t direction;       /* lnrnnDirection_t */
  int32_t layers;          /* L >= 1 */
  uint32_t flags;          /* LNRNN_PLAN_... */
  int64_t inputSize;       /* C >= 1 */
  int64_t hiddenSize;      /* H >= 1 */
  double epsilon;          /* of every layer norm, inside the root: a normal number of the
                              accumulation type, for F32 1.18e-38...3.4e38 */
  double zoneout;          /* probability that h keeps its old value, 0...1 (Krueger et al. 2016) */
  double zoneoutCell;      /* the same for the carried c */
  double dropconnect;      /* probability that a weight of weight_hh is dropped, 0...1 */
  double dropout;          /* between layers, 0...1; kept values are divided by 1 - dropout */
  int64_t projectionSize;  /* P >= 1: h is a product, (o tanh(k)) weight_hr', of P features, where k is
                              u or its layer norm; zoneout acts on the product. LSTM only. 0: h is
                              o tanh(k), of H features (Sak et al. 2014; PyTorch's proj_size, cuDNN,
                              TensorFlow Lite, lingvo) */
  double cellClip;         /* u is limited to -cellClip...cellClip before it is normalised, carried and
                              seen by h; NaN stays NaN. Its gradient is 0 where |u| was more. A
                              normal number of the accumulation type. LSTM only. 0: no limit (cuDNN,
                              TensorFlow Lite, lingvo) */
  double dropoutCandidate; /* of the LSTM's candidate g, 0...1: u = f c + i m g / (1 - dropoutCandidate),
                              m = 0 with this probability and else 1 (Semeniuta et al. 2016; the
                              dropout_keep_prob of TensorFlow 1's LayerNormBasicLSTMCell is 1 minus it) */
} lnrnnPlanDescription_t;

/*
 * An immutable description of a stack of layers on a device. Layer 0 reads x; each other layer reads
 * the output of the layer below, (T,N,D P). The output of a bidirectional layer has P features of the
 * forward direction and then P of the reverse direction, which reads each row from its last step to
 * its first. States are (L D, N, P) of h and (L D, N, H) of c: layer l and direction d are at l D + d.
 */
typedef struct lnrnnPlan *lnrnnPlan_t;

LNRNN_API lnrnnStatus_t lnrnnPlanCreate(lnrnnHandle_t handle,
                                        const lnrnnPlanDescription_t *description,
                                        lnrnnPlan_t *plan);
LNRNN_API lnrnnStatus_t lnrnnPlanDestroy(lnrnnPlan_t plan);

/*
 * The sizes of the buffers that a caller must provide for T = steps and N = batch. All but stateBytes
 * and cellStateBytes are multiples of 64.
 */
typedef struct lnrnnPlanSizes_t {
  size_t structSize;
  uint64_t parameterBytes;          /* independent of T and N */
  uint64_t packedBytes;             /* of lnrnnPackWeights; independent of T and N */
  uint64_t stateBytes;              /* each of h0, hn and their gradients: (L D, N, P) of the
                                       accumulation type; exact, not rounded up */
  uint64_t inferenceWorkspaceBytes; /* of lnrnnForwardInference */
  uint64_t stepWorkspaceBytes;      /* of lnrnnStep; independent of T */
  uint64_t trainingWorkspaceBytes;  /* of lnrnnForwardTraining */
  uint64_t backwardWorkspaceBytes;  /* of lnrnnBackward */
  uint64_t reserveBytes;            /* activations that forward stores for backward */
  uint64_t gradientBytes;           /* of the parameters' gradients; independent of T and N */
  uint64_t cellStateBytes;          /* each of c0, cn and their gradients: (L D, N, H) of the
                                       accumulation type; exact. 0 where the cell is no LSTM */
} lnrnnPlanSizes_t;

/* Sizes beyond 64 bits are INVALID_ARGUMENT. */
LNRNN_API lnrnnStatus_t lnrnnPlanGetSizes(lnrnnPlan_t plan, int64_t steps, int64_t batch,
                                          lnrnnPlanSizes_t *sizes);

/*
 * One tensor in the flat parameter buffer, and its gradient in the flat gradient buffer. Bytes between
 * tensors are 0 in buffers that the library fills, and ignored in buffers that it reads. The order is
 * layer by layer, forward before reverse. The tensors of layer k are, in this order
 *   LSTM     weight_ih_l{k} [4H, I], weight_hh_l{k} [4H, P], weight_hr_l{k} [P, H] (with a
 *            projection), bias_l{k} [4H], and those of layernorm_i_l{k}.weight, .bias [4H] (g1, b1),
 *            layernorm_h_l{k}.weight, .bias [4H] (g2, b2), layernorm_gates_l{k}.weight, .bias [4H]
 *            (g, b'), layernorm_c_l{k}.weight, .bias [H] (g3, b3) that the normalisation has
 *   GRU      weight_ih_l{k} [3H, I], weight_hh_l{k} [3H, H], bias_ih_l{k} [3H], bias_hh_l{k} [3H] (of
 *            PAPER neither, of JOINT bias_l{k} [3H] instead), layernorm_i_l{k}.weight, .bias [3H],
 *            layernorm_h_l{k}.weight, .bias [3H], layernorm_gates_l{k}.weight, .bias [3H]
 *   IndRNN   weight_ih_l{k} [H, I], weight_hh_l{k} [H], bias_l{k} [H], layernorm_i_l{k}.weight [H]
 * where I is C in layer 0 and D P above. The reverse direction appends _reverse to the first part of
 * the name: weight_ih_l0_reverse, layernorm_c_l0_reverse.weight.
 */
typedef struct lnrnnParameter_t {
  size_t structSize;
  char name[56];
  int32_t rank;            /* 1 or 2 */
  int32_t layer;
  int64_t shape[2];        /* shape[1] is 1 where rank is 1 */
  int64_t elements;
  uint64_t offsetBytes;    /* a multiple of 64 */
  uint64_t gradientOffsetBytes; /* of the gradient in the gradient buffer, a multiple of 64 */
  int32_t direction;       /* 0 forward, 1 reverse */
  int32_t reserved;        /* 0 */
} lnrnnParameter_t;

LNRNN_API lnrnnStatus_t lnrnnPlanGetParameterCount(lnrnnPlan_t plan, int32_t *count);
LNRNN_API lnrnnStatus_t lnrnnPlanGetParameter(lnrnnPlan_t plan, int32_t index,
                                              lnrnnParameter_t *parameter);

/* ---- Parameters ------------------------------------------------------------------------------*/

/*
 * Fills the parameters with initial values: weight_ih Xavier-uniform per gate (Glorot & Bengio 2010),
 * weight_hr as a whole; weight_hh orthogonal per gate (Saxe et al. 2014; where it is not square, the
 * vectors of its shorter side are orthonormal), for an IndRNN uniform in 0...1 (Li et al. 2018); biases
 * 0, but 1 for the LSTM's forget gate (Jozefowicz et al. 2015), in layernorm_gates.bias where
 * there is one; gains 1. The same seed gives the same numbers on every device, rounded to the type. The
 * host computes them, and the call may wait for that.
 */
LNRNN_API lnrnnStatus_t lnrnnInitializeParameters(lnrnnPlan_t plan, lnrnnStream_t stream,
                                                  uint64_t seed, void *parameters,
                                                  size_t parameterBytes);

/*
 * Packs parameters: rearranges them for inference. Only this plan, on its device and instruction set,
 * can use the packed form. After a change of the parameters, pack them again.
 */
LNRNN_API lnrnnStatus_t lnrnnPackWeights(lnrnnPlan_t plan, lnrnnStream_t stream,
                                         const void *parameters, size_t parameterBytes,
                                         void *packed, size_t packedBytes);

/* ---- Execution -------------------------------------------------------------------------------*/

/*
 * The four calls below compute. Each takes the plan, the stream and one struct that names everything
 * else. The library copies the struct when the call begins and checks the copy, so that the caller
 * may change or free the struct as soon as the call returns. It owns none of the memory that the
 * struct points to, which must not change until the work is done (see Streams above).
 *
 * Start with a struct whose bytes are all 0: an optional member that is 0 is absent. An error names
 * the member: "x has 12 bytes, but 16 are needed".
 */

/* Memory that a call reads: so many bytes from pointer on. */
typedef struct lnrnnConstBuffer_t {
  const void *pointer;
  size_t bytes;
} lnrnnConstBuffer_t;

/* Memory that a call writes. */
typedef struct lnrnnBuffer_t {
  void *pointer;
  size_t bytes;
} lnrnnBuffer_t;

/*
 * A tensor of steps, rows and features that a call reads. Strides count elements and are not
 * negative: element (t, n, j) is pointer[t stepStride + n rowStride + j]. Time-major (T,N,C) has the
 * strides N C and C, batch-major (N,T,C) has C and T C. The rows may be parts of a wider matrix, and
 * they may coincide. bytes reaches from pointer to the end of the last row, or beyond it.
 */
typedef struct lnrnnConstTensor_t {
  const void *pointer;
  size_t bytes;
  int64_t stepStride;
  int64_t rowStride;
  int64_t featureStride;   /* 0 or 1: features are contiguous. Others are NOT_SUPPORTED so far */
} lnrnnConstTensor_t;

/* The same for a tensor that a call writes. Its rows may not overlap. */
typedef struct lnrnnTensor_t {
  void *pointer;
  size_t bytes;
  int64_t stepStride;
  int64_t rowStride;
  int64_t featureStride;
} lnrnnTensor_t;

/*
 * The sequences that a call runs over, one in each row. lnrnnForwardTraining and the lnrnnBackward
 * that follows it take the same.
 *
 * Random masks are Philox4x32-10 (Salmon et al. 2011) of seed, step + stepOffset, row + rowOffset,
 * so that a chunk of a sequence, or a single row, draws what the whole would.
 */
typedef struct lnrnnSequence_t {
  int64_t steps;           /* T >= 0 */
  int64_t batch;           /* N >= 0 */
  const int64_t *lengths;  /* [N] in host memory, each 0...T; NULL: every row has T steps. The call
                              reads them before it returns. For t >= lengths[n] y is 0, the state
                              does not change, and x is never read as a number */
  uint64_t seed;           /* used in training */
  int64_t stepOffset;      /* 0...2^32 - T */
  int64_t rowOffset;       /* 0...2^32 - N */
} lnrnnSequence_t;

/*
 * A RESET begins a new sequence inside a row, as reinforcement learning does at the first step of an
 * episode. Where resets[t,n] is not 0, no state crosses from step t - 1 of row n to step t,
 * in any layer and in either direction, and no gradient comes back that way. The forward direction
 * computes step t, and the reverse direction step t - 1, from h = c = 0. So a row gives what its pieces
 * would give one by one: the first step of each direction from h0 and c0 (not the forward direction's
 * where resets[0,n] is set), all others from zeros; and NaN in one piece stays there.
 *
 * resets is a tensor of one feature: element (t, n) is pointer[t stepStride + n rowStride]. It is read
 * when the work is carried out, so that a graph that is launched again sees other resets. Resets at
 * t >= lengths[n] are ignored.
 */
typedef struct lnrnnForwardInferenceArguments_t {
  size_t structSize;
  lnrnnSequence_t sequence;
  lnrnnConstBuffer_t packed; /* what lnrnnPackWeights wrote, packedBytes, 64-byte aligned */
  lnrnnConstTensor_t x;      /* (T,N,C) of the data type */
  lnrnnConstTensor_t resets; /* (T,N) bytes, not 0 = a new sequence begins at the step; NULL: none does */
  lnrnnConstBuffer_t h0;     /* (L D, N, P) of the accumulation type, stateBytes; NULL: zeros */
  lnrnnConstBuffer_t c0;     /* (L D, N, H) likewise, cellStateBytes. Only the LSTM has c: elsewhere c0,
                                cn and their gradients must be NULL */
  lnrnnTensor_t y;           /* (T,N,D P) of the data type; NULL where only the final state is wanted */
  lnrnnBuffer_t hn;          /* h at each row's length, stateBytes; NULL: not wanted. May be h0 */
  lnrnnBuffer_t cn;          /* c at each row's length, cellStateBytes, likewise. May be c0 */
  lnrnnBuffer_t workspace;   /* inferenceWorkspaceBytes, 64-byte aligned. Holds nothing between calls */
} lnrnnForwardInferenceArguments_t;

/*
 * The forward pass without gradients. It uses the expectation of zoneout, and neither DropConnect nor
 * dropout of either kind.
 */
LNRNN_API lnrnnStatus_t lnrnnForwardInference(lnrnnPlan_t plan, lnrnnStream_t stream,
                                              const lnrnnForwardInferenceArguments_t *arguments);

typedef struct lnrnnStepArguments_t {
  size_t structSize;
  int64_t batch;             /* N >= 0 */
  lnrnnConstBuffer_t packed; /* what lnrnnPackWeights wrote, packedBytes, 64-byte aligned */
  lnrnnConstTensor_t x;      /* (1,N,C) of the data type; no step is a stepStride behind another */
  lnrnnConstTensor_t resets; /* (1,N) bytes, not 0 = the row begins anew, as from h = c = 0; NULL: none does */
  lnrnnBuffer_t h;           /* (L, N, P) of the accumulation type, stateBytes, read and written */
  lnrnnBuffer_t c;           /* (L, N, H) likewise, cellStateBytes; NULL where the cell is no LSTM */
  lnrnnBuffer_t workspace;   /* stepWorkspaceBytes, 64-byte aligned. Holds nothing between calls */
} lnrnnStepArguments_t;

/*
 * One time step, for streaming. Advances h and c by one step, in place, as lnrnnForwardInference with
 * T = 1 does. The output is the last layer's h. Bidirectional plans are INVALID_ARGUMENT: the reverse
 * direction begins at the end, which a stream does not have.
 */
LNRNN_API lnrnnStatus_t lnrnnStep(lnrnnPlan_t plan, lnrnnStream_t stream,
                                  const lnrnnStepArguments_t *arguments);

typedef struct lnrnnForwardTrainingArguments_t {
  size_t structSize;
  lnrnnSequence_t sequence;
  lnrnnConstBuffer_t parameters;      /* parameterBytes of the data type */
  lnrnnConstTensor_t x;               /* (T,N,C) of the data type */
  lnrnnConstTensor_t resets;          /* (T,N) bytes, not 0 = a new sequence begins at the step; NULL:
                                         none does */
  lnrnnConstBuffer_t h0;              /* (L D, N, P) of the accumulation type, stateBytes; NULL: zeros */
  lnrnnConstBuffer_t c0;              /* (L D, N, H) likewise, cellStateBytes, of the LSTM alone */
  lnrnnConstBuffer_t zoneoutMask;     /* (L D, T, N, P) bytes, not 0 = update, 0 = keep the old h;
                                         NULL: drawn */
  lnrnnConstBuffer_t dropconnectMask; /* (L D, G H, P) bytes, not 0 = keep the weight, 0 = drop it;
                                         NULL: drawn */
  lnrnnConstBuffer_t random;          /* [3] of uint64_t in device memory, 8-byte aligned: seed,
                                         stepOffset and rowOffset in place of the sequence's. They are
                                         read when the work is carried out, so that a graph that is
                                         launched again draws other masks. The offsets wrap at 2^32.
                                         NULL: the sequence's */
  lnrnnTensor_t y;                    /* (T,N,D P) of the data type; NULL: not wanted */
  lnrnnBuffer_t hn;                   /* h at each row's length, stateBytes; NULL: not wanted. May be h0 */
  lnrnnBuffer_t cn;                   /* c at each row's length, cellStateBytes, likewise. May be c0 */
  lnrnnBuffer_t reserve;              /* reserveBytes, 64-byte aligned: what lnrnnBackward needs */
  lnrnnBuffer_t workspace;            /* trainingWorkspaceBytes, 64-byte aligned */
  lnrnnConstBuffer_t zoneoutCellMask; /* (L D, T, N, H) bytes, not 0 = update, 0 = keep the old c; NULL:
                                         drawn */
  lnrnnConstBuffer_t dropoutMask;     /* (L - 1, T, N, D P) bytes, with LNRNN_PLAN_VARIATIONAL_DROPOUT
                                         (L - 1, N, D P): of what layer l hands to the next, not 0 =
                                         keep, 0 = drop; NULL: drawn */
  lnrnnConstBuffer_t dropoutCandidateMask; /* (L D, T, N, H) bytes, not 0 = keep g, 0 = drop it; NULL:
                                         drawn */
} lnrnnForwardTrainingArguments_t;

/*
 * The forward pass for training. It stores in reserve what lnrnnBackward needs. It reads the parameters
 * themselves, not packed weights, and draws the masks that are not given: lnrnnDrawMask writes them to
 * memory.
 *
 * A given mask is INVALID_ARGUMENT if its probability in the plan is 0. What it keeps is divided by 1
 * minus that probability, as with a drawn one; where the probability is 1 it is 0. Probabilities take
 * effect in steps of 2^-32.
 *
 * Masks select. A value or weight that a mask leaves out is absent, forward and backward, and not
 * multiplied by 0; so NaN in it does not spread. A gradient of exactly 0 passes through a row as 0,
 * whatever the row contains: if zoneout keeps a whole row, or dropout leaves it out, dx is 0 and the
 * parameters get no gradient from that row. If a mask takes only some units of a row, NaN in it reaches
 * these units and, through products and layer norms, the others.
 */
LNRNN_API lnrnnStatus_t lnrnnForwardTraining(lnrnnPlan_t plan, lnrnnStream_t stream,
                                             const lnrnnForwardTrainingArguments_t *arguments);

/* Adds the gradients of the parameters to the contents of gradients; without it they are replaced. */
#define LNRNN_BACKWARD_ACCUMULATE 1u

typedef struct lnrnnBackwardArguments_t {
  size_t structSize;
  /* From here to reserve as in the lnrnnForwardTraining that filled reserve: the same values, and x with
     the same strides. */
  lnrnnSequence_t sequence;
  lnrnnConstBuffer_t parameters;
  lnrnnConstTensor_t x;
  lnrnnConstTensor_t resets;
  lnrnnConstBuffer_t zoneoutMask;
  lnrnnConstBuffer_t dropconnectMask;
  lnrnnConstBuffer_t random;
  lnrnnConstBuffer_t reserve;         /* is only read, so the call can be repeated */
  lnrnnConstTensor_t dy;              /* (T,N,D P) of the data type; NULL: zeros. Ignored where
                                         t >= lengths[n] */
  lnrnnConstBuffer_t dhn;             /* (L D, N, P) of the accumulation type, stateBytes; NULL: zeros */
  lnrnnConstBuffer_t dcn;             /* (L D, N, H) likewise, cellStateBytes, of the LSTM alone */
  lnrnnBuffer_t gradients;            /* gradientBytes of the accumulation type, tensors at their
                                         gradientOffsetBytes. Replaced, or added to with
                                         LNRNN_BACKWARD_ACCUMULATE. NULL: not wanted */
  lnrnnTensor_t dx;                   /* (T,N,C) of the data type, replaced; 0 where t >= lengths[n].
                                         NULL: not wanted. In F16 a gradient beyond 65504, of x or of
                                         what one layer hands to the next, is infinite, and what is
                                         computed from it infinite or NaN: scale the loss, or train in
                                         BF16 or F32 */
  lnrnnBuffer_t dh0;                  /* (L D, N, P), stateBytes, replaced; NULL: not wanted. May be dhn */
  lnrnnBuffer_t dc0;                  /* (L D, N, H), cellStateBytes, likewise. May be dcn */
  lnrnnBuffer_t workspace;            /* backwardWorkspaceBytes, 64-byte aligned */
  uint32_t flags;                     /* LNRNN_BACKWARD_... */
  uint32_t reserved;                  /* 0 */
  /* These, too, as in the lnrnnForwardTraining that filled reserve. */
  lnrnnConstBuffer_t zoneoutCellMask;
  lnrnnConstBuffer_t dropoutMask;
  lnrnnConstBuffer_t dropoutCandidateMask;
} lnrnnBackwardArguments_t;

/*
 * Computes the gradients of a scalar loss whose gradients by y, hn and cn are dy, dhn and dcn.
 *
 * Gradients of parameters are sums over all T N rows. They are summed in blocks of bounded length, and
 * adding the blocks loses next to nothing. If the gradients of all rows have one sign, a sum in float
 * (F32, F16 and BF16) is within 4e-6 of the exact sum for a vector and within 1e-5 for a matrix, for
 * millions of rows as for a thousand; in double within 2^-29 times that. If the device has cuBLAS, it
 * sums matrices, with 1024 rows a call in F32 and 8192 in other types; within a call the accuracy is
 * that of cuBLAS.
 */
LNRNN_API lnrnnStatus_t lnrnnBackward(lnrnnPlan_t plan, lnrnnStream_t stream,
                                      const lnrnnBackwardArguments_t *arguments);

/* A random tensor of training. Shapes are those of the given masks in lnrnnForwardTrainingArguments_t. */
typedef enum lnrnnMaskKind_t {
  LNRNN_MASK_ZONEOUT = 0,
  LNRNN_MASK_ZONEOUT_CELL = 1,
  LNRNN_MASK_DROPCONNECT = 2,
  LNRNN_MASK_DROPOUT = 3,
  LNRNN_MASK_DROPOUT_CANDIDATE = 4
} lnrnnMaskKind_t;

/* Which mask is drawn, for which sequences. Of DropConnect steps, batch and both offsets do not count. */
typedef struct lnrnnMaskDraw_t {
  size_t structSize;
  int32_t kind;            /* lnrnnMaskKind_t */
  int32_t reserved;        /* 0 */
  int64_t steps;           /* these as in lnrnnSequence_t */
  int64_t batch;
  uint64_t seed;
  int64_t stepOffset;
  int64_t rowOffset;
} lnrnnMaskDraw_t;

/*
 * Writes a mask that lnrnnForwardTraining draws, of all layers and directions, to device memory: a byte
 * each, 1 or 0, in the shape in which the mask can be given. Given back, with the same plan and
 * sequence, it leaves every bit of the results as it is. Rows are drawn beyond their lengths, too.
 *   draw     read before the call returns
 *   random   as in lnrnnForwardTrainingArguments_t, with its size: the seed and offsets in place of
 *            draw's; NULL: draw's
 *   mask     at least as many bytes as the shape has elements
 * INVALID_ARGUMENT if the kind's probability in the plan is 0.
 */
LNRNN_API lnrnnStatus_t lnrnnDrawMask(lnrnnPlan_t plan, lnrnnStream_t stream,
                                      const lnrnnMaskDraw_t *draw, const void *random,
                                      size_t randomBytes, void *mask, size_t maskBytes);

/* ---- The same calls for callers whose runtime keeps pointer arguments alive --------------------*/

/*
 * Some runtimes, such as Java's foreign function interface, keep the memory behind a pointer argument
 * alive while a call runs, but not the memory that a struct points to. For them each of the four calls
 * exists with 4, 8 and 20 further pointers. The library ignores those pointers: they may be anything,
 * also NULL, and the result is that of the call without them. Other programs do not need these
 * functions.
 */
#define LNRNN_HELD_4(h) const void *h##1, const void *h##2, const void *h##3, const void *h##4
#define LNRNN_HELD_8(h) LNRNN_HELD_4(h##a), LNRNN_HELD_4(h##b)
#define LNRNN_HELD_20(h) LNRNN_HELD_8(h##a), LNRNN_HELD_8(h##b), LNRNN_HELD_4(h##c)

LNRNN_API lnrnnStatus_t lnrnnForwardInferenceHolding4(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnForwardInferenceArguments_t *arguments,
    LNRNN_HELD_4(h));
LNRNN_API lnrnnStatus_t lnrnnForwardInferenceHolding8(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnForwardInferenceArguments_t *arguments,
    LNRNN_HELD_8(h));
LNRNN_API lnrnnStatus_t lnrnnForwardInferenceHolding20(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnForwardInferenceArguments_t *arguments,
    LNRNN_HELD_20(h));

LNRNN_API lnrnnStatus_t lnrnnStepHolding4(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnStepArguments_t *arguments,
    LNRNN_HELD_4(h));
LNRNN_API lnrnnStatus_t lnrnnStepHolding8(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnStepArguments_t *arguments,
    LNRNN_HELD_8(h));
LNRNN_API lnrnnStatus_t lnrnnStepHolding20(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnStepArguments_t *arguments,
    LNRNN_HELD_20(h));

LNRNN_API lnrnnStatus_t lnrnnForwardTrainingHolding4(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnForwardTrainingArguments_t *arguments,
    LNRNN_HELD_4(h));
LNRNN_API lnrnnStatus_t lnrnnForwardTrainingHolding8(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnForwardTrainingArguments_t *arguments,
    LNRNN_HELD_8(h));
LNRNN_API lnrnnStatus_t lnrnnForwardTrainingHolding20(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnForwardTrainingArguments_t *arguments,
    LNRNN_HELD_20(h));

LNRNN_API lnrnnStatus_t lnrnnBackwardHolding4(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnBackwardArguments_t *arguments,
    LNRNN_HELD_4(h));
LNRNN_API lnrnnStatus_t lnrnnBackwardHolding8(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnBackwardArguments_t *arguments,
    LNRNN_HELD_8(h));
LNRNN_API lnrnnStatus_t lnrnnBackwardHolding20(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnBackwardArguments_t *arguments,
    LNRNN_HELD_20(h));

#ifdef __cplusplus
}
#endif

#endif
