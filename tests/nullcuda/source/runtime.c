/* Devices, streams, events, launches and graphs of the CUDA runtime. All work ends at once. */
#define _GNU_SOURCE
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "errors.h"
#include "kernels.h"
#include "state.h"

/* ---------------------------------------------------------------------------------------------------------- errors */

static __thread int last_error;

int failed(int error) {
    last_error = error;
    return error;
}

static int result(int error) { return error ? failed(error) : cudaSuccess; }

/* An error that destroyed the context stays. cudaGetErrorName and cudaGetErrorString are those of the real library. */
cudaError_t cudaPeekAtLastError(void) { return context_error() ? context_error() : last_error; }
cudaError_t cudaGetLastError(void) {
    int error = cudaPeekAtLastError();
    last_error = cudaSuccess;
    return error;
}

/* --------------------------------------------------------------------------------------------------------- devices */

static __thread int current_device;

cudaError_t cudaGetDeviceCount(int *number) {
    int error = count(COUNT_device_counts);
    *number = error ? 0 : device_count();
    return error ? failed(error) : *number ? cudaSuccess : failed(cudaErrorNoDevice);
}

cudaError_t cudaGetDevice(int *device) {
    *device = current_device;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    if (device < 0 || device >= device_count()) return failed(cudaErrorInvalidDevice);
    current_device = device;
    return result(context_error());
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device) {
    memset(properties, 0, sizeof *properties);
    strcpy(properties->name, DEVICE_NAME);
    for (int i = 0; i < 16; i++) properties->uuid.bytes[i] = i + 16 * device;
    properties->totalGlobalMem = device_memory();
    properties->sharedMemPerBlock = device_attribute(cudaDevAttrMaxSharedMemoryPerBlock);
    properties->sharedMemPerBlockOptin = device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
    properties->sharedMemPerMultiprocessor = device_attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor);
    properties->regsPerBlock = properties->regsPerMultiprocessor = 65536;
    properties->warpSize = 32;
    properties->maxThreadsPerBlock = properties->maxThreadsDim[0] = properties->maxThreadsDim[1] = 1024;
    properties->maxThreadsDim[2] = 64;
    properties->maxGridSize[0] = 2147483647;
    properties->maxGridSize[1] = properties->maxGridSize[2] = 65535;
    properties->totalConstMem = 65536;
    properties->major = 9;
    properties->multiProcessorCount = 132;
    properties->maxThreadsPerMultiProcessor = 2048;
    properties->maxBlocksPerMultiProcessor = 32;
    properties->memoryBusWidth = 5120;
    properties->l2CacheSize = 52428800;
    properties->textureAlignment = 512;
    properties->asyncEngineCount = 3;
    properties->canMapHostMemory = properties->concurrentKernels = properties->unifiedAddressing = 1;
    properties->ECCEnabled = properties->streamPrioritiesSupported = properties->cooperativeLaunch = 1;
    properties->clusterLaunch = 1;
    properties->pciBusID = device + 1;
    properties->hostNumaId = -1;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device) {
    *value = device_attribute(attribute);
    return cudaSuccess;
}

cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char *text, int length, int device) {
    snprintf(text, length, "0000:%02x:00.0", device + 1);
    return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int *can, int device, int peer) {
    *can = 1;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version) {
    *version = DRIVER_VERSION;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaGetDriverEntryPointByVersion(const char *symbol, void **function, unsigned version,
                                             unsigned long long flags, enum cudaDriverEntryPointQueryResult *status) {
    static void *driver;
    if (!driver) driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
    *function = driver ? dlsym(driver, symbol) : NULL;
    if (driver && !*function) *function = dlsym(driver, "nullcuda_not_supported"); /* torch refuses to start without */
    if (status) *status = *function ? cudaDriverEntryPointSuccess : cudaDriverEntryPointSymbolNotFound;
    return *function ? cudaSuccess : failed(cudaErrorSymbolNotFound);
}

cudaError_t cudaDeviceSynchronize(void) { return result(count(COUNT_device_waits)); }

/* -------------------------------------------------------------------------------------------------------- launches */

static __thread struct {
    dim3 grid, block;
    size_t shared_bytes;
    void *stream;
} configuration;

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared_bytes, struct CUstream_st *stream) {
    configuration.grid = grid;
    configuration.block = block;
    configuration.shared_bytes = shared_bytes;
    configuration.stream = stream;
    return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared_bytes, void *stream) {
    *grid = configuration.grid;
    *block = configuration.block;
    *shared_bytes = configuration.shared_bytes;
    *(void **)stream = configuration.stream;
    return cudaSuccess;
}

static int launch(const void *kernel, dim3 grid, void **arguments) {
    int error = count_asynchronous(COUNT_launches);
    if (error) return failed(error);
    count_kernel(kernel);
    execute(kernel_name(kernel), grid.x, arguments);
    return cudaSuccess;
}

cudaError_t cudaLaunchKernel(const void *kernel, dim3 grid, dim3 block, void **arguments, size_t shared_bytes,
                             cudaStream_t stream) {
    return launch(kernel, grid, arguments);
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void **arguments, size_t shared_bytes,
                               cudaStream_t stream) {
    return launch(kernel, grid, arguments);
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *config, const void *kernel, void **arguments) {
    return launch(kernel, config->gridDim, arguments);
}

/* A kernel of Triton, launched through the driver. */
int nullcuda_driver_launch(const void *function) {
    int error = count_asynchronous(COUNT_launches);
    if (!error) count_kernel(function);
    return error;
}

cudaError_t __cudaGetKernel(cudaKernel_t *kernel, const void *function) {
    *kernel = (cudaKernel_t)function;
    return cudaSuccess;
}

void **__cudaRegisterFatBinary(void *binary) {
    static void *module[4];
    return module;
}
char __cudaInitModule(void **module) { return 1; }
void __cudaRegisterFatBinaryEnd(void **module) {}
void __cudaUnregisterFatBinary(void **module) {}

cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *attributes, const void *function) {
    memset(attributes, 0, sizeof *attributes);
    attributes->maxThreadsPerBlock = 1024;
    attributes->numRegs = 32;
    attributes->binaryVersion = attributes->ptxVersion = 90;
    return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *number, const void *function, int block,
                                                                   size_t shared_bytes, unsigned flags) {
    *number = 2;
    return cudaSuccess;
}

/* ---------------------------------------------------------------------------------------------- streams and graphs */

static __thread cudaStream_t capturing;
static uintptr_t last_handle = 0x1000;

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned flags, int priority) {
    *stream = (cudaStream_t)__sync_add_and_fetch(&last_handle, 16);
    return result(context_error());
}
cudaError_t cudaStreamCreate(cudaStream_t *stream) { return cudaStreamCreateWithPriority(stream, 0, 0); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
    return cudaStreamCreateWithPriority(stream, flags, 0);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return result(count(COUNT_stream_waits)); }
cudaError_t cudaStreamQuery(cudaStream_t stream) { return result(context_error()); }
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
    return result(context_error());
}
cudaError_t cudaStreamGetPriority(cudaStream_t stream, int *priority) {
    *priority = 0;
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode) {
    capturing = stream;
    return result(context_error());
}
cudaError_t cudaStreamBeginCaptureToGraph(cudaStream_t stream, cudaGraph_t graph, const cudaGraphNode_t *nodes,
                                          const cudaGraphEdgeData *edges, size_t number,
                                          enum cudaStreamCaptureMode mode) {
    return cudaStreamBeginCapture(stream, mode);
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
    capturing = NULL;
    *graph = (cudaGraph_t)__sync_add_and_fetch(&last_handle, 16);
    return result(context_error());
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *status) {
    *status = capturing && capturing == stream ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
    return cudaSuccess;
}
/* Its arguments differ between CUDA 12 and 13; the first three are the same. */
cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, enum cudaStreamCaptureStatus *status, unsigned long long *id,
                                     cudaGraph_t *graph, const cudaGraphNode_t **nodes, const cudaGraphEdgeData **edges,
                                     size_t *number) {
    cudaStreamIsCapturing(stream, status);
    if (id) *id = 1;
    return cudaSuccess;
}
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *executable, cudaGraph_t graph, unsigned long long flags) {
    *executable = (cudaGraphExec_t)__sync_add_and_fetch(&last_handle, 16);
    return cudaSuccess;
}
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *number) {
    *number = 1; /* torch warns of a graph without nodes */
    return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
    return result(count_asynchronous(COUNT_graph_launches));
}

/* ---------------------------------------------------------------------------------------------------------- events */

struct event {
    double milliseconds;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
    *event = calloc(1, sizeof(struct event));
    return result(context_error());
}
cudaError_t cudaEventCreate(cudaEvent_t *event) { return cudaEventCreateWithFlags(event, 0); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    free(event);
    return cudaSuccess;
}
cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned flags) {
    ((struct event *)event)->milliseconds = now();
    return result(count(COUNT_event_records));
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    return cudaEventRecordWithFlags(event, stream, 0);
}
cudaError_t cudaEventQuery(cudaEvent_t event) { return result(count(COUNT_event_queries)); }
cudaError_t cudaEventSynchronize(cudaEvent_t event) { return result(count(COUNT_event_waits)); }
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end) {
    *milliseconds = ((struct event *)end)->milliseconds - ((struct event *)start)->milliseconds;
    if (*milliseconds <= 0) *milliseconds = 1e-3f;
    return result(context_error());
}
