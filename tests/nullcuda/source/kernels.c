/* The few kernels whose effect a training cannot do without: fused optimizers, gradient scaler, fill.

   A kernel gets an array of pointers to its arguments. Their order and the structures are those of torch, in
   ATen/native/cuda: MultiTensorApply.cuh, FusedSgdKernel.cu, fused_adam_utils.cuh, AmpKernels.cu, FillKernel.cu. */
#include "kernels.h"

#include <cuda_runtime_api.h>
#include <stdatomic.h>
#include <string.h>

#include "state.h"

#define CHUNK 65536
#define LARGEST_FILL 65536

/* torch passes more tensors to a kernel since CUDA 13, whose arguments may be larger. */
#if CUDART_VERSION >= 13000
#define MAX_BLOCKS 2240
typedef uint16_t block_index;
static const int MAX_TENSORS[] = {770, 448, 336, 252, 210};
#else
#define MAX_BLOCKS 320
typedef uint8_t block_index;
static const int MAX_TENSORS[] = {110, 64, 48, 36, 30};
#endif

/* TensorListMetadata<depth>, or FusedOptimizerTensorListMetadata<depth>, which has an array of addresses more:
   void *addresses[depth][tensors]; int64_t numbers[tensors]; [void *state_steps[tensors];]
   block_index block_to_tensor[blocks]; int block_to_chunk[blocks]; */
static void change_parameters(const char *metadata, int depth, bool with_steps, unsigned blocks) {
    int tensors = MAX_TENSORS[depth - 1];
    float *const *parameters = (float *const *)metadata;
    const int64_t *numbers = (const int64_t *)(metadata + sizeof(void *) * depth * tensors);
    const char *behind = (const char *)(numbers + tensors) + (with_steps ? sizeof(void *) * tensors : 0);
    const block_index *block_to_tensor = (const block_index *)behind;
    const int *block_to_chunk = (const int *)(behind + sizeof(block_index) * MAX_BLOCKS);
    for (unsigned block = 0; block < blocks && block < MAX_BLOCKS; block++) {
        int tensor = block_to_tensor[block];
        int64_t start = (int64_t)CHUNK * block_to_chunk[block], end = start + CHUNK;
        if (end > numbers[tensor]) end = numbers[tensor];
        for (int64_t i = start; i < end; i++) parameters[tensor][i] = 0.999f * parameters[tensor][i] + 1e-4f;
    }
}

static bool found_infinity(void **arguments, int position) {
    const float *found = *(const float **)arguments[position];
    return found && *found != 0;
}

/* The n in "TensorListMetadataILi<n>EE". */
static int depth_of(const char *name) {
    const char *found = strstr(name, "ListMetadataILi");
    return found ? found[strlen("ListMetadataILi")] - '0' : 0;
}

static void optimize(const char *name, unsigned blocks, void **arguments) {
    /* SGD: weight_decay, momentum, lr_ptr, lr, dampening, nesterov, maximize, is_first_step, grad_scale, found_inf
       Adam: lr_ptr, lr, beta1, beta2, weight_decay, eps, maximize, grad_scale, found_inf */
    bool sgd = strstr(name, "FusedSgd") != NULL;
    if (!strstr(name, "MathFunctorIf") || found_infinity(arguments, sgd ? 11 : 10)) return;
    change_parameters(arguments[0], depth_of(name), !sgd, blocks);
}

/* (metadata, functor, {found_inf, inv_scale}): gradients are finite unless an overflow was planted. */
static void unscale(float *found_inf) {
    if (count(COUNT_overflows)) *found_inf = 1;
}

/* (current_scale, growth_tracker, found_inf, growth_factor, backoff_factor, growth_interval) */
static void update_scale(void **arguments) {
    float *scale = *(float **)arguments[0];
    computed_number = scale;
    int *tracker = *(int **)arguments[1];
    if (found_infinity(arguments, 2)) {
        *scale *= *(double *)arguments[4];
        *tracker = 0;
    } else if (++*tracker == *(int *)arguments[5]) {
        *scale *= *(double *)arguments[3];
        *tracker = 0;
    }
}

/* (N, value, data): a contiguous tensor of float32 or int32 */
static void fill(void **arguments) {
    int number = *(int *)arguments[0];
    int32_t value = *(int32_t *)arguments[1], *data = *(int32_t **)arguments[2];
    if (number > LARGEST_FILL) return;
    for (int i = 0; i < number; i++) data[i] = value;
}

/* (N, {other, alpha}, {sum, data}): float32. The scaler adds its checks of all devices up, from 0. */
static void add_number(void **arguments) {
    const float *other_alpha = arguments[1];
    float *sum = ((float **)arguments[2])[0], *data = ((float **)arguments[2])[1];
    if (*(int *)arguments[0] != 1) return;
    *sum = *data + other_alpha[0] * other_alpha[1];
}

static atomic_bool idle;

/* Let these kernels have no effect either, until the next nullcuda_reset. */
void nullcuda_compute(int whether) { atomic_store(&idle, !whether); }

void execute(const char *name, unsigned blocks, void **arguments) {
    if (atomic_load(&idle)) return;
    if (strstr(name, "FusedSgdMathFunctor") || strstr(name, "FusedAdamMathFunctor"))
        optimize(name, blocks, arguments);
    else if (strstr(name, "non_finite_check_and_unscale") && strstr(name, "multi_tensor_apply"))
        unscale(*(float **)arguments[2]);
    else if (strstr(name, "amp_update_scale"))
        update_scale(arguments);
    else if (strstr(name, "vectorized_elementwise_kernel")) {
        if (strstr(name, "FillFunctorIfE") || strstr(name, "FillFunctorIiE")) fill(arguments);
        if (strstr(name, "CUDAFunctorOnSelf_addIfE")) add_number(arguments);
    }
}
