/* What cuBLAS and cuDNN have in common. */
#ifndef NULLCUDA_LIBRARIES_H
#define NULLCUDA_LIBRARIES_H

#include "state.h"

/* 0; the planted error of the library; or, in a context that an error has destroyed, that the execution failed. */
int library_call(enum counter which, int execution_failed);
int new_handle(void *handle, int failed);
int new_descriptor(void *descriptor);

int cudnn_batch_norm(void);

#endif
