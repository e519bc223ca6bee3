/* What the parts of the null device share: counters, planted errors, memory blocks, names of kernels. */
#ifndef NULLCUDA_STATE_H
#define NULLCUDA_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything that the device counts. An error can be planted in each of these calls, by the same name. */
#define COUNTERS(X)                                                                                                    \
    X(launches)        /* kernels, also those of Triton; not those of cuBLAS and cuDNN */                              \
    X(matmuls)         /* calls of cuBLAS and cuBLASLt */                                                              \
    X(cudnn_plans)     /* executed plans of cuDNN: convolutions and attentions */                                      \
    X(batch_norms)     /* of cuDNN, forward and backward */                                                            \
    X(recurrences)     /* of cuDNN's recurrent layers: forward, gradient of the data, gradient of the weights */       \
    X(collectives)     /* of NCCL */                                                                                   \
    X(copies)          /* between host and device, and on the device */                                                \
    X(copied_bytes)    /* counted only */                                                                              \
    X(pageable_copies) /* asynchronous copies from or to memory that is not pinned; counted only */                    \
    X(memsets)                                                                                                         \
    X(device_waits)    /* cudaDeviceSynchronize */                                                                     \
    X(stream_waits)    /* cudaStreamSynchronize */                                                                     \
    X(event_waits)     /* cudaEventSynchronize */                                                                      \
    X(event_queries)                                                                                                   \
    X(event_records)                                                                                                   \
    X(mallocs)                                                                                                         \
    X(frees)                                                                                                           \
    X(pinned_mallocs)                                                                                                  \
    X(device_counts)   /* cudaGetDeviceCount */                                                                        \
    X(handles)         /* of cuBLAS, cuBLASLt and cuDNN */                                                             \
    X(graph_launches)                                                                                                  \
    X(overflows)       /* checks of a gradient scaler; a planted "error" makes this check find infinity */

#define COUNTER_ID(name) COUNT_##name,
enum counter { COUNTERS(COUNTER_ID) COUNTER_COUNT };

/* Count a call. Returns the error with which it must fail, or 0. */
int count(enum counter which);
/* As `count`, for work that the device does later: an error that destroys the context shows in the next call. */
int count_asynchronous(enum counter which);
void add(enum counter which, long amount);
/* The error that destroyed the context, or 0. Every later call of the CUDA runtime returns it. */
int context_error(void);

enum memory { PAGEABLE, DEVICE, PINNED };
void remember_block(void *start, size_t bytes, enum memory kind);
size_t forget_block(void *start); /* its size; 0 if it is unknown */
enum memory memory_of(const void *address);
bool block_of(const void *address, void **start, size_t *bytes);
extern const void *computed_number; /* the scale of the last gradient scaler: a number that a kernel has computed */

const char *kernel_name(const void *kernel);
void count_kernel(const void *kernel);

int device_count(void);
int device_attribute(int attribute);
#define DEVICE_NAME "NVIDIA H100 80GB HBM3"
#define DEVICE_MEMORY 85028700160ULL
size_t device_memory(void);
#define DRIVER_VERSION 13000

#endif
