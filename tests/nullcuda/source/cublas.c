/* cuBLAS, and batch normalisations and recurrent layers of cuDNN, without their headers, which declare up to 25 parameters
   for each: in C the caller removes the arguments that a function ignores. */
#include <stdlib.h>
#include <string.h>

#include "libraries.h"

enum { NOT_INITIALIZED = 1, EXECUTION_FAILED = 13 }; /* of cublasStatus_t */
#define DESCRIPTOR_BYTES 512
#define HEURISTIC_BYTES 96 /* cublasLtMatmulHeuristicResult_t */

int library_call(enum counter which, int execution_failed) {
    int error = count_asynchronous(which);
    return error && error == context_error() ? execution_failed : error;
}

int new_handle(void *handle, int failed) {
    *(void **)handle = calloc(1, DESCRIPTOR_BYTES);
    return library_call(COUNT_handles, failed);
}

int new_descriptor(void *descriptor) {
    *(void **)descriptor = calloc(1, DESCRIPTOR_BYTES);
    return 0;
}

static int multiply(void) { return library_call(COUNT_matmuls, EXECUTION_FAILED); }

int cublasCreate_v2(void **handle) { return new_handle(handle, NOT_INITIALIZED); }
int cublasGetMathMode(void *handle, int *mode) { return *mode = 0; }
int cublasGetPointerMode_v2(void *handle, int *mode) { return *mode = 0; }
int cublasGemmEx() { return multiply(); }
int cublasSgemm_v2() { return multiply(); }
int cublasGemmStridedBatchedEx() { return multiply(); }
int cublasSgemmStridedBatched() { return multiply(); }

int cublasLtCreate(void **handle) { return new_handle(handle, NOT_INITIALIZED); }
int cublasLtMatmulDescCreate(void **descriptor, int compute, int scale) { return new_descriptor(descriptor); }
int cublasLtMatmulPreferenceCreate(void **preference) { return new_descriptor(preference); }
int cublasLtMatrixLayoutCreate(void **layout) { return new_descriptor(layout); }
int cublasLtMatmul() { return multiply(); }
int cublasLtMatmulAlgoGetHeuristic(void *handle, void *operation, void *a, void *b, void *c, void *d, void *preference,
                                   int wanted, void *results, int *found) {
    memset(results, 0, HEURISTIC_BYTES);
    return *found = 1, 0;
}

int cudnnBatchNormalizationForwardTrainingEx() { return cudnn_batch_norm(); }
int cudnnBatchNormalizationBackwardEx() { return cudnn_batch_norm(); }
int cudnnBatchNormalizationForwardTraining() { return cudnn_batch_norm(); }
int cudnnBatchNormalizationBackward() { return cudnn_batch_norm(); }
int cudnnRNNForward() { return cudnn_recurrence(); }
int cudnnRNNBackwardData_v8() { return cudnn_recurrence(); }
int cudnnRNNBackwardWeights_v8() { return cudnn_recurrence(); }
