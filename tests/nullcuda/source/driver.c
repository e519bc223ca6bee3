/* libcuda.so.1: what torch, Inductor and Triton ask the driver for. */
#define _GNU_SOURCE
#include <cuda.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Newer headers rename functions to their latest version; both names exist here. */
#undef cuDeviceGetCount
#undef cuDevicePrimaryCtxRetain
#undef cuDeviceGetUuid

/* The state lies in the other library, which every process on the device has loaded. */
static int ask(const char *function) {
    int (*called)(void) = dlsym(RTLD_DEFAULT, function);
    return called ? called() : 0;
}

CUresult cuInit(unsigned flags) { return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int *version) {
    *version = 13000;
    return CUDA_SUCCESS;
}
CUresult cuDeviceGetCount(int *number) {
    *number = ask("device_count");
    return CUDA_SUCCESS;
}
CUresult cuDeviceGet(CUdevice *device, int index) {
    *device = index;
    return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
    int (*device_attribute)(int) = dlsym(RTLD_DEFAULT, "device_attribute");
    *value = device_attribute ? device_attribute(attribute) : 0;
    return CUDA_SUCCESS;
}
CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
    strncpy(name, "NVIDIA H100 80GB HBM3", length);
    return CUDA_SUCCESS;
}
CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) {
    for (int i = 0; i < 16; i++) uuid->bytes[i] = i + 16 * device;
    return CUDA_SUCCESS;
}
CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device) { return cuDeviceGetUuid_v2(uuid, device); }
CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
    *bytes = 85028700160ULL;
    return CUDA_SUCCESS;
}

static CUcontext const CONTEXT = (CUcontext)0x10;
CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags, int *active) {
    if (flags) *flags = 0;
    *active = 1;
    return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    *context = CONTEXT;
    return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext *context) {
    *context = CONTEXT;
    return CUDA_SUCCESS;
}
CUresult cuCtxSetCurrent(CUcontext context) { return CUDA_SUCCESS; }
CUresult cuCtxGetDevice(CUdevice *device) {
    *device = 0;
    return CUDA_SUCCESS;
}
CUresult cuCtxGetLimit(size_t *value, CUlimit limit) {
    *value = 0;
    return CUDA_SUCCESS;
}
CUresult cuCtxSetLimit(CUlimit limit, size_t value) { return CUDA_SUCCESS; }

/* The numbers of the driver's errors are those of the runtime, whose real library has the texts. */
static const char *text_of(const char *function, CUresult error) {
    const char *(*text)(int) = dlsym(RTLD_DEFAULT, function);
    return text ? text(error) : "unknown error";
}
CUresult cuGetErrorString(CUresult error, const char **text) {
    *text = text_of("cudaGetErrorString", error);
    return CUDA_SUCCESS;
}
CUresult cuGetErrorName(CUresult error, const char **text) {
    *text = text_of("cudaGetErrorName", error);
    return CUDA_SUCCESS;
}

/* Modules hold nothing. A function has an address of its own, under which its launches are counted. */
CUresult cuModuleLoadData(CUmodule *module, const void *image) {
    *module = (CUmodule)0x20;
    return CUDA_SUCCESS;
}
CUresult cuModuleLoad(CUmodule *module, const char *path) { return cuModuleLoadData(module, path); }
CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned number, CUjit_option *options,
                            void **values) {
    return cuModuleLoadData(module, image);
}
CUresult cuModuleUnload(CUmodule module) { return CUDA_SUCCESS; }
CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
    void (*name_kernel)(const void *, const char *) = dlsym(RTLD_DEFAULT, "nullcuda_name_kernel");
    *function = malloc(1);
    if (name_kernel) name_kernel(*function, name);
    return CUDA_SUCCESS;
}
CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function) {
    *value = attribute == CU_FUNC_ATTRIBUTE_NUM_REGS                ? 32
             : attribute == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024
                                                                    : 0;
    return CUDA_SUCCESS;
}
CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) { return CUDA_SUCCESS; }
CUresult cuFuncSetCacheConfig(CUfunction function, CUfunc_cache config) { return CUDA_SUCCESS; }

static CUresult launch(CUfunction function) {
    int (*driver_launch)(const void *) = dlsym(RTLD_DEFAULT, "nullcuda_driver_launch");
    return driver_launch ? driver_launch(function) : CUDA_SUCCESS;
}
CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **arguments, void **extra) {
    return launch(function);
}
CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                        unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream, void **arguments,
                        void **extra) {
    return launch(function);
}
CUresult cuOccupancyMaxActiveClusters(int *number, CUfunction function, const CUlaunchConfig *config) {
    *number = 8;
    return CUDA_SUCCESS;
}
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *number, CUfunction function, int block, size_t shared) {
    *number = 2;
    return CUDA_SUCCESS;
}

CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attribute, CUdeviceptr pointer) {
    *(CUdeviceptr *)data = pointer;
    return CUDA_SUCCESS;
}
CUresult cuMemGetAddressRange_v2(CUdeviceptr *start, size_t *bytes, CUdeviceptr pointer) {
    _Bool (*block_of)(const void *, void **, size_t *) = dlsym(RTLD_DEFAULT, "block_of");
    void *block = (void *)pointer;
    size_t size = 1 << 30;
    if (block_of) block_of((void *)pointer, &block, &size);
    if (start) *start = (CUdeviceptr)block;
    if (bytes) *bytes = size;
    return CUDA_SUCCESS;
}
CUresult cuStreamGetCaptureInfo_v2(CUstream stream, CUstreamCaptureStatus *status, cuuint64_t *id, CUgraph *graph,
                                   const CUgraphNode **nodes, size_t *number) {
    *status = CU_STREAM_CAPTURE_STATUS_NONE;
    return CUDA_SUCCESS;
}
CUresult cuGetExportTable(const void **table, const CUuuid *id) { return CUDA_ERROR_INVALID_VALUE; }

/* torch and Triton look functions up by name; those that are not above, they do not need or do without. */
int nullcuda_not_supported() { return CUDA_ERROR_NOT_SUPPORTED; }
CUresult cuGetProcAddress_v2(const char *symbol, void **function, int version, cuuint64_t flags,
                             CUdriverProcAddressQueryResult *status) {
    *function = dlsym(RTLD_DEFAULT, symbol);
    if (!*function) *function = nullcuda_not_supported;
    if (status) *status = CU_GET_PROC_ADDRESS_SUCCESS;
    return CUDA_SUCCESS;
}
