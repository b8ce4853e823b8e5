/*
 * lnrnn.h - layer-normalised recurrent networks: the C API.
 *
 * OVERVIEW
 *
 * The library runs LSTM, GRU and IndRNN layers, plain or layer-normalised, forward and backward,
 * behind one set of functions for every device. It follows cuDNN's manners:
 *
 *   - handles are opaque; every function that can fail returns an lnrnnStatus_t, and
 *     lnrnnGetLastErrorMessage() has the sentence that names the argument, its value and what was
 *     expected;
 *   - a PLAN describes a layer stack on a device and never changes; everything that changes
 *     (parameters, inputs, workspace, reserve space) is memory of the caller's;
 *   - the calls that compute allocate nothing, are ordered on a stream, and synchronise nothing.
 *
 * A forward pass for inference, errors left out:
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
 *   Shapes      T steps, N batch rows, C input size, H hidden size, L layers, D directions,
 *               G gates (LSTM 4: i,f,g,o; GRU 3: r,z,n; IndRNN 1). Row-major, features contiguous.
 *   Units       sizes named ...Bytes are bytes; strides are elements; times are steps.
 *   Memory      a data pointer must be readable (or writable) by the plan's device and aligned to
 *               its element; 64-byte alignment, which lnrnnMalloc gives, is faster, and required
 *               of packed weights, workspace and reserve. A pointer stands beside the size of its
 *               buffer, which is checked against what the call needs; larger is fine. A buffer of
 *               which 0 bytes are needed may be NULL.
 *               Outputs of one call may overlap neither an input nor each other unless a function
 *               says so: INVALID_ARGUMENT. What counts is what the call uses, so rows of x and y
 *               may be columns of one matrix.
 *   Streams     NULL is the handle's default stream, which is ordered with no other. Calls that
 *               take a stream return before their work is done; what they read or write may be
 *               touched, and on other streams used, only when an event or a synchronisation says
 *               so. On the CPU a call has done its work when it returns, which satisfies every
 *               ordering rule stated here. Work that fails is reported by a later call.
 *   Threads     handles and plans may be used by any number of threads; calls on one stream are
 *               carried out one after the other. Destroying something in use is an error of the
 *               caller's; destroying a handle that still owns something is refused.
 *   Results     a function that fails writes none of its results. Data outputs of a call that
 *               fails while it runs are undefined.
 *   Structs     that a function takes by pointer begin with structSize, which the caller sets to
 *               sizeof. An older caller's struct is shorter: fields that it does not have are 0. A
 *               newer caller's is longer: what it has and this library does not know becomes 0 in a
 *               struct that is written, and must be 0 in one that is read. Else the call is
 *               INVALID_ARGUMENT, as it is where a field named reserved or an undefined flag is not
 *               0, or where structSize is no version's: less than the first version's, not a
 *               multiple of 8, more than 64 KiB, or amid an array. Structs inside other structs
 *               have no size of their own and do not grow.
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

/* Raised by every change that an already compiled caller would notice. */
#define LNRNN_ABI_VERSION 4

/* The LNRNN_ABI_VERSION of the loaded library. Compare before calling anything else. */
LNRNN_API int32_t lnrnnGetAbiVersion(void);

/* "0.1.0", static storage. */
LNRNN_API const char *lnrnnGetVersionString(void);

/* ---- Status ----------------------------------------------------------------------------------*/

/* Values are pinned, with gaps for what comes. */
typedef enum lnrnnStatus_t {
  LNRNN_STATUS_SUCCESS = 0,
  LNRNN_STATUS_INVALID_ARGUMENT = 10,  /* a value is out of its range, or values contradict */
  LNRNN_STATUS_NULL_POINTER = 11,      /* a required pointer is NULL */
  LNRNN_STATUS_MISALIGNED = 12,        /* a pointer is not aligned to its element */
  LNRNN_STATUS_BUFFER_TOO_SMALL = 13,  /* a buffer has fewer bytes than the call needs */
  LNRNN_STATUS_IN_USE = 20,            /* a handle still owns something made through it */
  LNRNN_STATUS_INVALID_STATE = 21,     /* not while the stream is being captured, or only then */
  LNRNN_STATUS_NOT_SUPPORTED = 30,     /* legal, but this version cannot do it on this device */
  LNRNN_STATUS_OUT_OF_MEMORY = 40,     /* host or device memory; the message says which */
  LNRNN_STATUS_DEVICE_UNAVAILABLE = 50,/* built without the backend, no driver, no such ordinal */
  LNRNN_STATUS_DEVICE_LOST = 51,       /* the device failed for good; destroy the handle */
  LNRNN_STATUS_INTERNAL_ERROR = 90     /* a defect of the library */
} lnrnnStatus_t;

/* "LNRNN_STATUS_SUCCESS", ...; "unknown status" for any other number. Static storage. */
LNRNN_API const char *lnrnnGetStatusName(lnrnnStatus_t status);

/*
 * What went wrong in the calling thread's latest failed call; "" before the first. Valid until the
 * thread's next failed call. A successful call leaves it alone.
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
                              CUDA: the architecture they were compiled for, as "sm_90"; "sm_90
                              cuBLAS" where cuBLAS does the large products; "" where the library
                              has none for the device, and lnrnnCreate refuses it */
  char isaAvailable[96];   /* separated by spaces. CPU: the names that lnrnnCreate accepts here.
                              CUDA: the architectures this library has kernels for */
  /* CUDA's, elsewhere 0: */
  int32_t computeCapabilityMajor;
  int32_t computeCapabilityMinor;
  int32_t multiprocessors;
  int32_t driverVersion;   /* the newest CUDA that the driver can run: 13000 is 13.0 */
  int32_t runtimeVersion;  /* the CUDA that the library was built with, likewise */
  int32_t cublasVersion;   /* 130002 is 13.0.2; 0: not found, the library's own kernels do that */
  /* CPU: what threads is for: "asked for"; "affinity": maxThreads; "cgroup quota": the CPU time that
     the process's control groups allow; elsewhere "" */
  char threadsFrom[32];
} lnrnnDeviceProperties_t;

/* A device opened for use. Owns streams, events, plans, graphs and memory made through it. */
typedef struct lnrnnHandle *lnrnnHandle_t;

/*
 * How many devices of a kind there are; 0 is not an error. *count is written also where the kind is
 * unavailable (0), and the last error message then says why. Whether a device can be opened is
 * lnrnnCreate's to say; none can where its isa is "".
 */
LNRNN_API lnrnnStatus_t lnrnnGetDeviceCount(lnrnnDeviceKind_t kind, int32_t *count);

/* Properties of a device that is not opened yet; threads and isa are the defaults. */
LNRNN_API lnrnnStatus_t lnrnnGetDeviceProperties(lnrnnDeviceKind_t kind, int32_t ordinal,
                                                 lnrnnDeviceProperties_t *properties);

/*
 * Opens a device.
 *   threads   CPU: threads that share one call, 1...1024, the caller's among them; 0 asks for one
 *             per processor that the process may run on (its affinity), but for no more than its control
 *             groups allow CPU time for (Linux cgroups, quota by period, rounded down, at least 1).
 *             What a share of work is depends on this number alone. Who carries it out does not: where
 *             other programs have the cores, the caller takes the shares of threads that have none.
 *             Elsewhere 0.
 *   isa       CPU: the kernels to use, a name from isaAvailable; NULL for the best. Elsewhere NULL.
 * The forward pass gives the same bits for any number of threads, gradients for the same number.
 * DEVICE_UNAVAILABLE, with the reason, where there is no such device, or no kernel of this library
 * for it. A call leaves the CUDA device and context that its thread uses as they were.
 */
LNRNN_API lnrnnStatus_t lnrnnCreate(lnrnnDeviceKind_t kind, int32_t ordinal, int32_t threads,
                                    const char *isa, lnrnnHandle_t *handle);

/*
 * IN_USE, and nothing is destroyed, while anything made through the handle exists. Waits for what was
 * freed and is still used; where the device refuses even that, nothing is destroyed, and it can be
 * repeated.
 */
LNRNN_API lnrnnStatus_t lnrnnDestroy(lnrnnHandle_t handle);

/* Properties of an opened device: what it really uses. */
LNRNN_API lnrnnStatus_t lnrnnGetProperties(lnrnnHandle_t handle,
                                           lnrnnDeviceProperties_t *properties);

/* What exists now, over all handles of the process: leaks are what is left at the end. */
typedef struct lnrnnUsage_t {
  size_t structSize;
  int64_t handles;
  int64_t plans;
  int64_t streams;         /* default streams are not counted */
  int64_t events;
  int64_t deviceBytes;     /* lnrnnMalloc; freed memory counts while a graph uses it */
  int64_t deviceAllocations;
  int64_t hostBytes;       /* lnrnnHostAlloc, likewise */
  int64_t hostAllocations;
  int64_t graphs;
  int64_t registeredBytes; /* lnrnnHostRegister */
  int64_t registrations;
} lnrnnUsage_t;

LNRNN_API lnrnnStatus_t lnrnnGetUsage(lnrnnUsage_t *usage);

/* ---- Streams and events ----------------------------------------------------------------------*/

/* An ordered queue of work. On the CPU each stream has threads of its own. */
typedef struct lnrnnStream *lnrnnStream_t;

/* A point in a stream's work, with the time it was reached. */
typedef struct lnrnnEvent *lnrnnEvent_t;

LNRNN_API lnrnnStatus_t lnrnnStreamCreate(lnrnnHandle_t handle, lnrnnStream_t *stream);

/*
 * Work already queued is finished first; the call does not wait for it. A capture that the stream
 * takes part in ends, without a graph.
 */
LNRNN_API lnrnnStatus_t lnrnnStreamDestroy(lnrnnStream_t stream);

/*
 * Waits until all work queued on the stream is done; reports what failed in it. INVALID_STATE while
 * the stream is being captured.
 */
LNRNN_API lnrnnStatus_t lnrnnStreamSynchronize(lnrnnHandle_t handle, lnrnnStream_t stream);

/*
 * Work queued on the stream from now on waits for the event as last recorded, and not at all for
 * an event never recorded.
 */
LNRNN_API lnrnnStatus_t lnrnnStreamWaitEvent(lnrnnHandle_t handle, lnrnnStream_t stream,
                                             lnrnnEvent_t event);

LNRNN_API lnrnnStatus_t lnrnnEventCreate(lnrnnHandle_t handle, lnrnnEvent_t *event);
/* Waits for the event that are queued already stay as they are. */
LNRNN_API lnrnnStatus_t lnrnnEventDestroy(lnrnnEvent_t event);
LNRNN_API lnrnnStatus_t lnrnnEventRecord(lnrnnHandle_t handle, lnrnnEvent_t event,
                                         lnrnnStream_t stream);

/* *done is 1 when all work recorded is done, else 0; an event never recorded is done. */
LNRNN_API lnrnnStatus_t lnrnnEventQuery(lnrnnEvent_t event, int32_t *done);
LNRNN_API lnrnnStatus_t lnrnnEventSynchronize(lnrnnEvent_t event);

/* Time from start to end; both must have been recorded and be done, else INVALID_ARGUMENT. */
LNRNN_API lnrnnStatus_t lnrnnEventElapsedMilliseconds(lnrnnEvent_t start, lnrnnEvent_t end,
                                                      double *milliseconds);

/* ---- Memory ----------------------------------------------------------------------------------*/

/*
 * Device memory, 64-byte aligned, contents undefined, usable at once on every stream of the handle.
 * bytes may be 0: the pointer is then not NULL, must be freed, and must not be read. stream is
 * where the device may reuse earlier memory soonest.
 */
LNRNN_API lnrnnStatus_t lnrnnMalloc(lnrnnHandle_t handle, lnrnnStream_t stream, size_t bytes,
                                    void **pointer);

/*
 * Frees what lnrnnMalloc gave when all work queued so far is done, on every stream of the handle;
 * waits for none of it. What a graph uses, and what is freed while a capture is open, stays until
 * the last such graph is destroyed and the capture has ended. NULL is a no-op. A pointer that the
 * handle's lnrnnMalloc did not give, or that is freed already, is INVALID_ARGUMENT.
 */
LNRNN_API lnrnnStatus_t lnrnnFree(lnrnnHandle_t handle, lnrnnStream_t stream, void *pointer);

/* Page-locked host memory, readable by the host and by copies that do not wait; else as above. */
LNRNN_API lnrnnStatus_t lnrnnHostAlloc(lnrnnHandle_t handle, size_t bytes, void **pointer);

/* As lnrnnFree, of what lnrnnHostAlloc gave: does not wait, and queued copies may still use it. */
LNRNN_API lnrnnStatus_t lnrnnHostFree(lnrnnHandle_t handle, void *pointer);

/*
 * Page-locks host memory of the caller's, so that copies of it need not wait. It must stay mapped
 * until it is unregistered. bytes > 0. A region that overlaps one registered already, or memory
 * that the handle gave out, is INVALID_ARGUMENT.
 */
LNRNN_API lnrnnStatus_t lnrnnHostRegister(lnrnnHandle_t handle, void *pointer, size_t bytes);

/*
 * Undoes lnrnnHostRegister, by the pointer given there. Waits for the work queued so far, on every
 * stream of the handle: after it the caller may free the memory. Graphs that use the memory cannot
 * be launched any more. NULL is a no-op. Where it fails the memory stays registered.
 */
LNRNN_API lnrnnStatus_t lnrnnHostUnregister(lnrnnHandle_t handle, void *pointer);

/*
 * Checks whether the device's calls can work on bytes > 0 bytes of memory that other code allocated.
 * CUDA refuses host memory, memory of another GPU and unknown addresses with INVALID_ARGUMENT: the
 * first and the last byte must be device memory of the handle's GPU, or managed memory. The CPU
 * cannot tell, and succeeds.
 */
LNRNN_API lnrnnStatus_t lnrnnCheckMemory(lnrnnHandle_t handle, const void *pointer, size_t bytes);

/*
 * Copies between any two of host, pinned and device memory, told apart by address. Ordered on the
 * stream. Pageable host memory that is read may be changed, and such that is written may be read,
 * when the call returns. Regions that overlap are INVALID_ARGUMENT.
 */
LNRNN_API lnrnnStatus_t lnrnnMemcpy(lnrnnHandle_t handle, lnrnnStream_t stream, void *destination,
                                    const void *source, size_t bytes);

/* Sets device memory to the low 8 bits of value. */
LNRNN_API lnrnnStatus_t lnrnnMemset(lnrnnHandle_t handle, lnrnnStream_t stream, void *destination,
                                    int32_t value, size_t bytes);

/* ---- Graphs ----------------------------------------------------------------------------------*/

/*
 * Work recorded once and queued again at the cost of one call: for sequences of small calls.
 *
 *   lnrnnStreamBeginCapture(handle, stream);
 *   lnrnnMemcpy(handle, stream, x, pinned, xBytes);
 *   lnrnnForwardInference(plan, stream, ...);
 *   lnrnnStreamEndCapture(handle, stream, &graph);
 *   for (...) lnrnnGraphLaunch(graph, stream);
 *
 * A graph keeps the arguments of its calls as they were: pointers, sizes, lengths, seed and
 * offsets. What the pointers point to is read at each launch. It keeps the memory of lnrnnMalloc
 * and lnrnnHostAlloc that its calls use until it is destroyed; plans and events it does not need
 * any more. Devices that capture nothing answer NOT_SUPPORTED: so does the CPU.
 */
typedef struct lnrnnGraph *lnrnnGraph_t;

/*
 * Calls on the stream are recorded from now on, not carried out. A stream that waits for an event
 * recorded in the capture joins it, and has to come back, by an event that the first stream waits
 * for, before the capture ends; until then such an event may be used for nothing else.
 * One capture of a handle at a time, and not of the default stream.
 *
 * On a stream that is being captured lnrnnStreamSynchronize, lnrnnInitializeParameters and
 * lnrnnGraphLaunch are INVALID_STATE, and copies of pageable host memory INVALID_ARGUMENT; the
 * capture goes on. lnrnnMalloc allocates at once. Another failure of a call on it may spoil the
 * capture, and so may a synchronisation by another thread just as it begins: further calls on it are
 * INVALID_STATE then, and lnrnnStreamEndCapture reports it.
 */
LNRNN_API lnrnnStatus_t lnrnnStreamBeginCapture(lnrnnHandle_t handle, lnrnnStream_t stream);

/*
 * Ends the capture, also where it fails; the stream carries out calls again. Only where the device
 * refuses to end it, it goes on, and can be ended again. INVALID_STATE where lnrnnStreamBeginCapture
 * was not called on this stream.
 */
LNRNN_API lnrnnStatus_t lnrnnStreamEndCapture(lnrnnHandle_t handle, lnrnnStream_t stream,
                                              lnrnnGraph_t *graph);

/*
 * Queues the graph's work. Launches of one graph run one after the other, on whatever streams.
 * INVALID_STATE where memory it uses was unregistered since.
 */
LNRNN_API lnrnnStatus_t lnrnnGraphLaunch(lnrnnGraph_t graph, lnrnnStream_t stream);

/* Launches already queued are carried out; the call does not wait for them. */
LNRNN_API lnrnnStatus_t lnrnnGraphDestroy(lnrnnGraph_t graph);

/* ---- Plans -----------------------------------------------------------------------------------*/

typedef enum lnrnnCell_t {
  LNRNN_CELL_LSTM = 0,
  LNRNN_CELL_GRU = 1,
  LNRNN_CELL_INDRNN = 2
} lnrnnCell_t;

/*
 * Where layer normalisation stands. LN(x; gain, bias) is over a whole row, gates together. A row is
 * normalised though its squares overflow. It is NaN, never a finite number that is wrong, where an
 * element is beyond 2^126 (F64: 2^1022), infinite or NaN; on CUDA, in 16-bit types, h W_hh' and u may
 * be from 1e30 on.
 * With A = x W_ih' and r = h W_hh', in the LSTM, where u = f c + i g:
 *   NONE    A + r + b; h = o tanh(u); carries u (Hochreiter & Schmidhuber 1997; cuDNN, PyTorch)
 *   HASTE   LN(A; g1, 0) + LN(r; g2, 0) + b; h = o tanh(LN(u; g3, b3)); carries u (haste)
 *   PAPER   LN(A; g1, b1) + LN(r; g2, b2) + b; h as HASTE; carries u (Ba, Kiros, Hinton 2016)
 *   CARRY   as PAPER, but carries LN(u; g3, b3) (TensorFlow Addons, PyTorch's custom_lstms)
 *   CELL    A + r + b; h = o tanh(LN(u; g3, b3)); carries u
 * GRU and IndRNN know two. With p = a + b_ih and q = s + b_hh, the GRU (Cho et al. 2014, the reset
 * gate after the product as in cuDNN and PyTorch) is r, z = sigmoid(p + q), n = tanh(p + r q) and
 * h = z h' + (1 - z) n; the IndRNN (Li et al. 2018) is h = tanh(a + w h' + b):
 *   NONE    a = A, s = r
 *   HASTE   a = LN(A; g1, 0), s = LN(r; g2, 0) (haste.LayerNormGRU, haste.LayerNormIndRNN)
 */
typedef enum lnrnnNormalization_t {
  LNRNN_NORMALIZATION_NONE = 0,
  LNRNN_NORMALIZATION_HASTE = 1,
  LNRNN_NORMALIZATION_PAPER = 2,
  LNRNN_NORMALIZATION_CARRY = 3,
  LNRNN_NORMALIZATION_CELL = 4
} lnrnnNormalization_t;

/*
 * Type of x, y, dx, dy and of the parameters. Sums, states (h0, c0, hn, cn), the gradients of states
 * and the gradients of parameters are of the ACCUMULATION TYPE: F32 for F16 and BF16, else the type
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
 * Training keeps only h, c, the statistics of layer norms and what DropConnect decided; backward computes
 * the products again.
 * The same gradients for about a third more arithmetic. What is kept of each layer and direction, in
 * elements of the accumulation type:
 *     always            h (T+1,N,H), the LSTM's c (T+1,N,H), and (T,N,2) for each layer norm
 *     with DropConnect  a bit for each element of weight_hh (G H,H), rows rounded up to 16
 *     without the flag  A (T,N,G H), and r (T,N,G H): of the GRU, and where r is normalised
 * and of the data type, between layers, (T,N,D H) with and without it.
 */
#define LNRNN_PLAN_RECOMPUTE 1u

/*
 * Gradients are the same to the bit whenever a call is repeated on the same device. Without it a
 * device may add in any order. (So far no kernel does: the flag costs nothing yet, and is the promise
 * that it stays so.)
 */
#define LNRNN_PLAN_DETERMINISTIC 2u

/* Dropout between layers draws one mask for all steps of a row (Gal & Ghahramani 2016). */
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
} lnrnnPlanDescription_t;

/*
 * An immutable description of a layer stack on a device. Layer 0 reads x, the others what the layer
 * below wrote, (T,N,D H); of a bidirectional layer H features are the forward direction's and then H
 * the reverse's, which reads each row from its last step to its first. States are (L D, N, H): those
 * of layer l and direction d stand at l D + d.
 */
typedef struct lnrnnPlan *lnrnnPlan_t;

LNRNN_API lnrnnStatus_t lnrnnPlanCreate(lnrnnHandle_t handle,
                                        const lnrnnPlanDescription_t *description,
                                        lnrnnPlan_t *plan);
LNRNN_API lnrnnStatus_t lnrnnPlanDestroy(lnrnnPlan_t plan);

/* What a caller must provide for T = steps and N = batch. All sizes are multiples of 64. */
typedef struct lnrnnPlanSizes_t {
  size_t structSize;
  uint64_t parameterBytes;          /* independent of T and N */
  uint64_t packedBytes;             /* lnrnnPackWeights; independent of T and N */
  uint64_t stateBytes;              /* each of h0, c0, hn, cn and their gradients: (L D, N, H) of
                                       the accumulation type; exact, not rounded up */
  uint64_t inferenceWorkspaceBytes; /* lnrnnForwardInference */
  uint64_t stepWorkspaceBytes;      /* lnrnnStep; independent of T */
  uint64_t trainingWorkspaceBytes;  /* lnrnnForwardTraining */
  uint64_t backwardWorkspaceBytes;  /* lnrnnBackward */
  uint64_t reserveBytes;            /* what training keeps from forward for backward */
  uint64_t gradientBytes;           /* gradients of the parameters; independent of T and N */
} lnrnnPlanSizes_t;

/* Sizes beyond 64 bits are INVALID_ARGUMENT. */
LNRNN_API lnrnnStatus_t lnrnnPlanGetSizes(lnrnnPlan_t plan, int64_t steps, int64_t batch,
                                          lnrnnPlanSizes_t *sizes);

/*
 * One tensor inside the flat parameter buffer, and its gradient inside the flat gradient buffer. What
 * lies between tensors is zero in buffers that the library fills, and ignored in those it reads.
 * In the order of the buffers, layer by layer, forward before reverse, those of layer k are
 *   LSTM     weight_ih_l{k} [4H, I], weight_hh_l{k} [4H, H], bias_l{k} [4H], and as far as the
 *            normalisation has them layernorm_i_l{k}.weight, .bias [4H], layernorm_h_l{k}.weight,
 *            .bias [4H], layernorm_c_l{k}.weight, .bias [H]
 *   GRU      weight_ih_l{k} [3H, I], weight_hh_l{k} [3H, H], bias_ih_l{k} [3H], bias_hh_l{k} [3H],
 *            layernorm_i_l{k}.weight [3H], layernorm_h_l{k}.weight [3H]
 *   IndRNN   weight_ih_l{k} [H, I], weight_hh_l{k} [H], bias_l{k} [H], layernorm_i_l{k}.weight [H]
 * where I is C in layer 0 and D H above. A reverse direction appends _reverse to the first part:
 * weight_ih_l0_reverse, layernorm_c_l0_reverse.weight.
 */
typedef struct lnrnnParameter_t {
  size_t structSize;
  char name[56];
  int32_t rank;            /* 1 or 2 */
  int32_t layer;
  int64_t shape[2];        /* shape[1] is 1 where rank is 1 */
  int64_t elements;
  uint64_t offsetBytes;    /* a multiple of 64 */
  uint64_t gradientOffsetBytes; /* likewise, in the gradients */
  int32_t direction;       /* 0 forward, 1 reverse */
  int32_t reserved;        /* 0 */
} lnrnnParameter_t;

LNRNN_API lnrnnStatus_t lnrnnPlanGetParameterCount(lnrnnPlan_t plan, int32_t *count);
LNRNN_API lnrnnStatus_t lnrnnPlanGetParameter(lnrnnPlan_t plan, int32_t index,
                                              lnrnnParameter_t *parameter);

/* ---- Parameters ------------------------------------------------------------------------------*/

/*
 * Fills the parameters: weight_ih Xavier-uniform per gate (Glorot & Bengio 2010), weight_hh
 * orthogonal per gate (Saxe et al. 2014), the IndRNN's uniform in 0...1 (Li et al. 2018), biases 0
 * but 1 for the LSTM's forget gate (Jozefowicz et al. 2015), gains 1. The same seed gives the same numbers on every device, rounded to the type.
 * They are computed on the host, and the call may wait for that.
 */
LNRNN_API lnrnnStatus_t lnrnnInitializeParameters(lnrnnPlan_t plan, lnrnnStream_t stream,
                                                  uint64_t seed, void *parameters,
                                                  size_t parameterBytes);

/*
 * Rearranges parameters for inference. The packed form belongs to this plan on this device and
 * instruction set; it does not follow later changes of the parameters.
 */
LNRNN_API lnrnnStatus_t lnrnnPackWeights(lnrnnPlan_t plan, lnrnnStream_t stream,
                                         const void *parameters, size_t parameterBytes,
                                         void *packed, size_t packedBytes);

/* ---- Execution -------------------------------------------------------------------------------*/

/*
 * The four calls below compute. Each takes the plan, the stream and one struct that names everything
 * else. The library copies the struct when the call begins and checks the copy, so that the caller
 * may change or free the struct as soon as the call returns. It owns none of the memory that the
 * struct points to: that must stay as it is until the work is done (see Streams above).
 *
 * A struct whose bytes are all 0 is a good beginning: an optional member that is 0 is absent. An
 * error names the member: "x has 12 bytes, but 16 are needed".
 */

/* Memory that a call reads: bytes says how much of it there is from pointer on. */
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
                              stays, and x is never read as a number */
  uint64_t seed;           /* used in training */
  int64_t stepOffset;      /* 0...2^32 - T */
  int64_t rowOffset;       /* 0...2^32 - N */
} lnrnnSequence_t;

typedef struct lnrnnForwardInferenceArguments_t {
  size_t structSize;
  lnrnnSequence_t sequence;
  lnrnnConstBuffer_t packed; /* what lnrnnPackWeights wrote, packedBytes, 64-byte aligned */
  lnrnnConstTensor_t x;      /* (T,N,C) of the data type */
  lnrnnConstBuffer_t h0;     /* (L D, N, H) of the accumulation type, stateBytes; NULL: zeros */
  lnrnnConstBuffer_t c0;     /* the same for c. Only the LSTM has c: elsewhere c0, cn and their
                                gradients must be NULL */
  lnrnnTensor_t y;           /* (T,N,D H) of the data type; NULL where only the final state is wanted */
  lnrnnBuffer_t hn;          /* h at each row's length, stateBytes; NULL: not wanted. May be h0 */
  lnrnnBuffer_t cn;          /* c at each row's length, likewise. May be c0 */
  lnrnnBuffer_t workspace;   /* inferenceWorkspaceBytes, 64-byte aligned. Holds nothing between calls */
} lnrnnForwardInferenceArguments_t;

/*
 * The forward pass without gradients. Zoneout acts as its expectation; DropConnect and dropout are
 * off.
 */
LNRNN_API lnrnnStatus_t lnrnnForwardInference(lnrnnPlan_t plan, lnrnnStream_t stream,
                                              const lnrnnForwardInferenceArguments_t *arguments);

typedef struct lnrnnStepArguments_t {
  size_t structSize;
  int64_t batch;             /* N >= 0 */
  lnrnnConstBuffer_t packed; /* what lnrnnPackWeights wrote, packedBytes, 64-byte aligned */
  lnrnnConstTensor_t x;      /* (1,N,C) of the data type: stepStride plays no part */
  lnrnnBuffer_t h;           /* (L, N, H) of the accumulation type, stateBytes, read and written */
  lnrnnBuffer_t c;           /* the same for c; NULL where the cell is no LSTM */
  lnrnnBuffer_t workspace;   /* stepWorkspaceBytes, 64-byte aligned. Holds nothing between calls */
} lnrnnStepArguments_t;

/*
 * One time step, for streaming: h and c go one step on, in place, as lnrnnForwardInference with T = 1
 * would do. The output is the last layer's h. Bidirectional plans are INVALID_ARGUMENT: the reverse
 * direction begins at the end, which a stream does not have.
 */
LNRNN_API lnrnnStatus_t lnrnnStep(lnrnnPlan_t plan, lnrnnStream_t stream,
                                  const lnrnnStepArguments_t *arguments);

typedef struct lnrnnForwardTrainingArguments_t {
  size_t structSize;
  lnrnnSequence_t sequence;
  lnrnnConstBuffer_t parameters;      /* parameterBytes of the data type */
  lnrnnConstTensor_t x;               /* (T,N,C) of the data type */
  lnrnnConstBuffer_t h0;              /* (L D, N, H) of the accumulation type, stateBytes; NULL: zeros */
  lnrnnConstBuffer_t c0;              /* the same for c, of the LSTM alone */
  lnrnnConstBuffer_t zoneoutMask;     /* (L D, T, N, H) bytes, not 0 = update, 0 = keep the old h;
                                         NULL: drawn */
  lnrnnConstBuffer_t dropconnectMask; /* (L D, G H, H) bytes, not 0 = keep the weight, 0 = drop it;
                                         NULL: drawn */
  lnrnnConstBuffer_t random;          /* [3] of uint64_t in device memory, 8-byte aligned: seed,
                                         stepOffset and rowOffset in place of the sequence's. They are
                                         read when the work is carried out, so that a graph that is
                                         launched again draws other masks. The offsets wrap at 2^32.
                                         NULL: the sequence's */
  lnrnnTensor_t y;                    /* (T,N,D H) of the data type; NULL: not wanted */
  lnrnnBuffer_t hn;                   /* h at each row's length, stateBytes; NULL: not wanted. May be h0 */
  lnrnnBuffer_t cn;                   /* c at each row's length, likewise. May be c0 */
  lnrnnBuffer_t reserve;              /* reserveBytes, 64-byte aligned: what lnrnnBackward needs */
  lnrnnBuffer_t workspace;            /* trainingWorkspaceBytes, 64-byte aligned */
} lnrnnForwardTrainingArguments_t;

/*
 * The forward pass that keeps in reserve what lnrnnBackward needs. It works from the parameters
 * themselves, and zoneout, DropConnect and dropout are drawn.
 *
 * A given mask is INVALID_ARGUMENT where the plan's probability is 0. Masks of dropout and of
 * zoneoutCell are always drawn; probabilities count in steps of 2^-32.
 *
 * Masks select: a value or a weight that is left out is not multiplied by 0 but absent, forward and
 * backward, so that NaN in it stays there. A gradient of exactly 0 goes through a row as 0, whatever
 * the row holds: where zoneout kept all of a row, or dropout left it out, dx is 0 and parameters get
 * no gradient from it. Where some units of a row are taken its NaN is theirs, and by products and
 * layer norms its neighbours'.
 */
LNRNN_API lnrnnStatus_t lnrnnForwardTraining(lnrnnPlan_t plan, lnrnnStream_t stream,
                                             const lnrnnForwardTrainingArguments_t *arguments);

/* The gradients of the parameters are added to what gradients holds, instead of replacing it. */
#define LNRNN_BACKWARD_ACCUMULATE 1u

typedef struct lnrnnBackwardArguments_t {
  size_t structSize;
  lnrnnSequence_t sequence;           /* these seven as in the lnrnnForwardTraining that filled */
  lnrnnConstBuffer_t parameters;      /* reserve: the same values, and x with the same strides. */
  lnrnnConstTensor_t x;
  lnrnnConstBuffer_t zoneoutMask;
  lnrnnConstBuffer_t dropconnectMask;
  lnrnnConstBuffer_t random;
  lnrnnConstBuffer_t reserve;         /* only read, so that the call can be repeated */
  lnrnnConstTensor_t dy;              /* (T,N,D H) of the data type; NULL: zeros. Ignored where
                                         t >= lengths[n] */
  lnrnnConstBuffer_t dhn;             /* (L D, N, H) of the accumulation type, stateBytes; NULL: zeros */
  lnrnnConstBuffer_t dcn;             /* the same for c, of the LSTM alone */
  lnrnnBuffer_t gradients;            /* gradientBytes of the accumulation type, tensors at their
                                         gradientOffsetBytes. Replaced, or added to with
                                         LNRNN_BACKWARD_ACCUMULATE. NULL: not wanted */
  lnrnnTensor_t dx;                   /* (T,N,C) of the data type, replaced; 0 where t >= lengths[n].
                                         NULL: not wanted */
  lnrnnBuffer_t dh0;                  /* (L D, N, H), stateBytes, replaced; NULL: not wanted. May be dhn */
  lnrnnBuffer_t dc0;                  /* the same for c. May be dcn */
  lnrnnBuffer_t workspace;            /* backwardWorkspaceBytes, 64-byte aligned */
  uint32_t flags;                     /* LNRNN_BACKWARD_... */
  uint32_t reserved;                  /* 0 */
} lnrnnBackwardArguments_t;

/*
 * The gradients of a scalar loss whose gradients by y, hn and cn are dy, dhn and dcn.
 *
 * Gradients of parameters are sums over all T N rows, in blocks of bounded length whose sums lose next
 * to nothing when they are added up. So a sum in float (of F32, F16 and BF16) of rows of one sign is
 * within 4e-6 of the exact sum of the rows' gradients where it is a vector, and within 1e-5 where it
 * is a matrix, for millions of rows as for a thousand; in double the same with 2^-29 times that.
 * cuBLAS, which adds up matrices where a device has it, is asked for 1024 rows a call in F32 and for
 * 8192 in other types, and those are as exact as it sums them.
 */
LNRNN_API lnrnnStatus_t lnrnnBackward(lnrnnPlan_t plan, lnrnnStream_t stream,
                                      const lnrnnBackwardArguments_t *arguments);

/* ---- The same calls for callers whose runtime keeps pointer arguments alive --------------------*/

/*
 * Some runtimes, such as Java's foreign function interface, keep the memory behind a pointer argument
 * alive while a call runs, but not the memory that a struct points to. For them each of the four calls
 * exists with 4, 8 and 16 further pointers. The library ignores those pointers: they may be anything,
 * also NULL, and the result is that of the call without them. Other programs do not need these
 * functions.
 */
#define LNRNN_HELD_4(h) const void *h##1, const void *h##2, const void *h##3, const void *h##4
#define LNRNN_HELD_8(h) LNRNN_HELD_4(h##a), LNRNN_HELD_4(h##b)
#define LNRNN_HELD_16(h) LNRNN_HELD_8(h##a), LNRNN_HELD_8(h##b)

LNRNN_API lnrnnStatus_t lnrnnForwardInferenceHolding4(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnForwardInferenceArguments_t *arguments,
    LNRNN_HELD_4(h));
LNRNN_API lnrnnStatus_t lnrnnForwardInferenceHolding8(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnForwardInferenceArguments_t *arguments,
    LNRNN_HELD_8(h));
LNRNN_API lnrnnStatus_t lnrnnForwardInferenceHolding16(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnForwardInferenceArguments_t *arguments,
    LNRNN_HELD_16(h));

LNRNN_API lnrnnStatus_t lnrnnStepHolding4(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnStepArguments_t *arguments,
    LNRNN_HELD_4(h));
LNRNN_API lnrnnStatus_t lnrnnStepHolding8(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnStepArguments_t *arguments,
    LNRNN_HELD_8(h));
LNRNN_API lnrnnStatus_t lnrnnStepHolding16(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnStepArguments_t *arguments,
    LNRNN_HELD_16(h));

LNRNN_API lnrnnStatus_t lnrnnForwardTrainingHolding4(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnForwardTrainingArguments_t *arguments,
    LNRNN_HELD_4(h));
LNRNN_API lnrnnStatus_t lnrnnForwardTrainingHolding8(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnForwardTrainingArguments_t *arguments,
    LNRNN_HELD_8(h));
LNRNN_API lnrnnStatus_t lnrnnForwardTrainingHolding16(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnForwardTrainingArguments_t *arguments,
    LNRNN_HELD_16(h));

LNRNN_API lnrnnStatus_t lnrnnBackwardHolding4(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnBackwardArguments_t *arguments,
    LNRNN_HELD_4(h));
LNRNN_API lnrnnStatus_t lnrnnBackwardHolding8(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnBackwardArguments_t *arguments,
    LNRNN_HELD_8(h));
LNRNN_API lnrnnStatus_t lnrnnBackwardHolding16(
    lnrnnPlan_t plan, lnrnnStream_t stream, const lnrnnBackwardArguments_t *arguments,
    LNRNN_HELD_16(h));

#ifdef __cplusplus
}
#endif

#endif
