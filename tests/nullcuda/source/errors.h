/* The last error of this thread, as the CUDA runtime keeps it. */
#ifndef NULLCUDA_ERRORS_H
#define NULLCUDA_ERRORS_H

/* Note an error of the CUDA runtime and return it. */
int failed(int error);

#endif
