/* cuDNN: descriptors that hold nothing, and calls that count. */
#include <cudnn.h>
#include <stdlib.h>
#include <string.h>

#include "libraries.h"
#include "state.h"

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle) { return new_handle(handle, CUDNN_STATUS_NOT_INITIALIZED); }
cudnnStatus_t cudnnGetStream(cudnnHandle_t handle, cudaStream_t *stream) {
    *stream = NULL;
    return CUDNN_STATUS_SUCCESS;
}

DESCRIPTOR(Tensor)
DESCRIPTOR(Filter)
DESCRIPTOR(Convolution)
DESCRIPTOR(Activation)

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *descriptor) {
    return new_descriptor(descriptor);
}
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
    free(descriptor);
    return CUDNN_STATUS_SUCCESS;
}
/* The heuristics name one engine, whose plan needs a megabyte. It takes every graph, also that of an attention: whether
   the real cuDNN has a plan for it does not show here. */
cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t attribute,
                                       cudnnBackendAttributeType_t type, int64_t wanted, int64_t *number,
                                       void *values) {
    int64_t found = 1, value = 0;
    switch (attribute) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS:
    case CUDNN_ATTR_ENGINECFG_ENGINE: values = NULL; break;
    case CUDNN_ATTR_ENGINECFG_WORKSPACE_SIZE:
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE: value = 1 << 20; break;
    case CUDNN_ATTR_ENGINECFG_SHARED_MEMORY_USED: value = 1 << 10; break;
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX: value = 1; break;
    case CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT: value = 4; break;
    default: found = 0;
    }
    if (found && values) memcpy(values, &value, type == CUDNN_TYPE_INT32 ? sizeof(int32_t) : sizeof(int64_t));
    if (number) *number = found;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t variables) {
    return library_call(COUNT_cudnn_plans, CUDNN_STATUS_EXECUTION_FAILED);
}

int cudnn_batch_norm(void) { return library_call(COUNT_batch_norms, CUDNN_STATUS_EXECUTION_FAILED); }

#define SIZE_1K                                                                                                        \
    {                                                                                                                  \
        *bytes = 1024;                                                                                                 \
        return CUDNN_STATUS_SUCCESS;                                                                                   \
    }
typedef cudnnTensorDescriptor_t T;
cudnnStatus_t cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize(
    cudnnHandle_t handle, cudnnBatchNormMode_t mode, cudnnBatchNormOps_t ops, const T x, const T z, const T y,
    const T scale, const cudnnActivationDescriptor_t activation, size_t *bytes) SIZE_1K
cudnnStatus_t cudnnGetBatchNormalizationBackwardExWorkspaceSize(
    cudnnHandle_t handle, cudnnBatchNormMode_t mode, cudnnBatchNormOps_t ops, const T x, const T y, const T dy,
    const T dz, const T dx, const T scale, const cudnnActivationDescriptor_t activation, size_t *bytes) SIZE_1K
cudnnStatus_t cudnnGetBatchNormalizationTrainingExReserveSpaceSize(
    cudnnHandle_t handle, cudnnBatchNormMode_t mode, cudnnBatchNormOps_t ops,
    const cudnnActivationDescriptor_t activation, const T x, size_t *bytes) SIZE_1K
