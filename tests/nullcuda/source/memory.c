/* Memory of the CUDA runtime: host memory, in which copies and small memsets are real. */
#define _GNU_SOURCE
#include <cuda_runtime_api.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "errors.h"
#include "state.h"

#define SLACK (2 << 20)          /* torch's allocator rounds sizes up and reads no byte behind them; Triton may */
#define LARGEST_COPY (64 << 20)  /* larger ones, and larger memsets, would only cost time */
#define LARGEST_MEMSET (1 << 20)

/* NULLCUDA_MEMORY, in bytes, is all that a process can allocate. Without it memory is not limited; what is free is only
   reported. */
static _Atomic size_t used_bytes;

size_t device_memory(void) {
    const char *wanted = getenv("NULLCUDA_MEMORY");
    return wanted ? strtoull(wanted, NULL, 10) : DEVICE_MEMORY;
}

static bool take(size_t bytes) {
    size_t used = atomic_fetch_add(&used_bytes, bytes) + bytes;
    if (!getenv("NULLCUDA_MEMORY") || used <= device_memory()) return true;
    atomic_fetch_sub(&used_bytes, bytes);
    return false;
}

static void give_back(size_t bytes) { atomic_fetch_sub(&used_bytes, bytes); }

cudaError_t cudaMalloc(void **pointer, size_t bytes) {
    int error = count(COUNT_mallocs);
    if (error) return failed(error);
    if (!take(bytes)) return failed(cudaErrorMemoryAllocation);
    void *memory = mmap(NULL, bytes + SLACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        give_back(bytes);
        return failed(cudaErrorMemoryAllocation);
    }
    remember_block(memory, bytes + SLACK, DEVICE);
    *pointer = memory;
    return cudaSuccess;
}

cudaError_t cudaFree(void *pointer) {
    if (!pointer) return cudaSuccess;
    int error = count(COUNT_frees);
    if (error) return failed(error);
    size_t bytes = forget_block(pointer);
    if (bytes) {
        munmap(pointer, bytes);
        give_back(bytes - SLACK);
    }
    return cudaSuccess;
}

cudaError_t cudaMallocAsync(void **pointer, size_t bytes, cudaStream_t stream) { return cudaMalloc(pointer, bytes); }
cudaError_t cudaFreeAsync(void *pointer, cudaStream_t stream) { return cudaFree(pointer); }

cudaError_t cudaHostAlloc(void **pointer, size_t bytes, unsigned flags) {
    int error = count(COUNT_pinned_mallocs);
    if (error) return failed(error);
    if (!bytes) bytes = 1;
    if (posix_memalign(pointer, 4096, bytes)) return failed(cudaErrorMemoryAllocation);
    memset(*pointer, 0, bytes);
    remember_block(*pointer, bytes, PINNED);
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *pointer) {
    if (forget_block(pointer)) free(pointer);
    return cudaSuccess;
}

cudaError_t cudaHostRegister(void *pointer, size_t bytes, unsigned flags) {
    int error = count(COUNT_pinned_mallocs);
    if (error) return failed(error);
    remember_block(pointer, bytes, PINNED);
    return cudaSuccess;
}

cudaError_t cudaHostUnregister(void *pointer) {
    forget_block(pointer);
    return cudaSuccess;
}

static size_t free_bytes = 84000000000ULL;
void nullcuda_tell_free(long bytes) { free_bytes = bytes; }

cudaError_t cudaMemGetInfo(size_t *available, size_t *total) {
    *total = device_memory();
    *available = getenv("NULLCUDA_MEMORY") ? *total - atomic_load(&used_bytes) : free_bytes;
    return context_error() ? failed(context_error()) : cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *attributes, const void *pointer) {
    memset(attributes, 0, sizeof *attributes);
    enum memory kind = memory_of(pointer);
    attributes->type = kind == DEVICE   ? cudaMemoryTypeDevice
                       : kind == PINNED ? cudaMemoryTypeHost
                                        : cudaMemoryTypeUnregistered;
    attributes->devicePointer = kind == PAGEABLE ? NULL : (void *)pointer;
    attributes->hostPointer = kind == DEVICE ? NULL : (void *)pointer;
    return cudaSuccess;
}

const void *computed_number;

/* The losses of a step, which kernels have not computed, are copied into a row of a larger pinned tensor: they become
   numbers that differ from step to step. A pinned block of .item() holds one number, and gets what is on the device. */
#define LARGEST_LOSSES 64
static bool is_loss(const void *destination, size_t bytes) {
    void *start;
    size_t block;
    return bytes <= LARGEST_LOSSES && bytes % 4 == 0 && block_of(destination, &start, &block) && block >= LARGEST_LOSSES;
}

static void make_noise(void *destination, size_t bytes) {
    for (size_t i = 0; i < bytes / 4; i++) ((float *)destination)[i] = 0.5f + 1e-5f * (rand() % 1000);
}

static int copy(void *destination, const void *source, size_t bytes, bool asynchronous) {
    int error = asynchronous ? count_asynchronous(COUNT_copies) : count(COUNT_copies);
    if (error) return failed(error);
    add(COUNT_copied_bytes, bytes);
    enum memory from = memory_of(source), to = memory_of(destination);
    if (asynchronous && (from == PAGEABLE || to == PAGEABLE)) add(COUNT_pageable_copies, 1);
    if (from == DEVICE && to == PINNED && source != computed_number && is_loss(destination, bytes))
        make_noise(destination, bytes);
    else if (bytes <= LARGEST_COPY)
        memmove(destination, source, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind) {
    return copy(to, from, bytes, false);
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t stream) {
    return copy(to, from, bytes, true);
}

cudaError_t cudaMemcpyPeerAsync(void *to, int to_device, const void *from, int from_device, size_t bytes,
                                cudaStream_t stream) {
    return copy(to, from, bytes, true);
}

static int set(void *pointer, int value, size_t bytes) {
    int error = count_asynchronous(COUNT_memsets);
    if (error) return failed(error);
    if (bytes <= LARGEST_MEMSET) memset(pointer, value, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemset(void *pointer, int value, size_t bytes) { return set(pointer, value, bytes); }
cudaError_t cudaMemsetAsync(void *pointer, int value, size_t bytes, cudaStream_t stream) {
    return set(pointer, value, bytes);
}

cudaError_t cudaGetSymbolAddress(void **pointer, const void *symbol) {
    static char memory[65536];
    *pointer = memory;
    return cudaSuccess;
}
