/* What cuBLAS and cuDNN have in common. */
#ifndef NULLCUDA_LIBRARIES_H
#define NULLCUDA_LIBRARIES_H

#include "state.h"

/* 0; the planted error of the library; or, in a context that an error has destroyed, that the execution failed. */
int library_call(enum counter which, int execution_failed);
int new_handle(void *handle, int failed);
int new_descriptor(void *descriptor);

int cudnn_batch_norm(void);
int cudnn_recurrence(void);

/* The functions of cuDNN that create and destroy a kind of descriptor, memory of 0. Needs cudnn.h and stdlib.h. */
#define DESCRIPTOR(kind)                                                                                               \
    cudnnStatus_t cudnnCreate##kind##Descriptor(cudnn##kind##Descriptor_t *descriptor) {                               \
        return new_descriptor(descriptor);                                                                             \
    }                                                                                                                  \
    cudnnStatus_t cudnnDestroy##kind##Descriptor(cudnn##kind##Descriptor_t descriptor) {                               \
        free(descriptor);                                                                                              \
        return CUDNN_STATUS_SUCCESS;                                                                                   \
    }

#endif
