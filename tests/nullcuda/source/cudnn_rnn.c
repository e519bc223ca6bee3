/* A fake of cuDNN's recurrent layers. They compute nothing; sizes and places of their weights are those of cuDNN, so that
   torch can make its parameters views of one buffer: the matrices of all layers, then their biases. */
#include <cudnn.h>
#include <stdlib.h>

#include "libraries.h"
#include "state.h"

typedef struct {
    int64_t gates, layers, directions, inputs, hidden, bytes;
    bool biases;
} rnn;
typedef struct {
    int64_t steps, samples;
} rnn_data;
typedef struct {
    cudnnDataType_t type;
    int rows, columns;
} matrix;

DESCRIPTOR(Dropout)
DESCRIPTOR(RNN)
DESCRIPTOR(RNNData)

static int64_t bytes_of(cudnnDataType_t type) {
    return type == CUDNN_DATA_DOUBLE ? 8 : type == CUDNN_DATA_FLOAT ? 4 : 2;
}

static cudnnDataType_t type_of(int64_t bytes) {
    return bytes == 8 ? CUDNN_DATA_DOUBLE : bytes == 4 ? CUDNN_DATA_FLOAT : CUDNN_DATA_HALF;
}

cudnnStatus_t cudnnSetRNNDescriptor_v8(cudnnRNNDescriptor_t descriptor, cudnnRNNAlgo_t algorithm, cudnnRNNMode_t mode,
                                       cudnnRNNBiasMode_t biases, cudnnDirectionMode_t directions,
                                       cudnnRNNInputMode_t input, cudnnDataType_t type, cudnnDataType_t precision,
                                       cudnnMathType_t math, int32_t inputs, int32_t hidden, int32_t projected,
                                       int32_t layers, cudnnDropoutDescriptor_t dropout, uint32_t flags) {
    if (projected && projected != hidden) return CUDNN_STATUS_NOT_SUPPORTED;
    *(rnn *)descriptor = (rnn){
        .gates = mode == CUDNN_LSTM ? 4 : mode == CUDNN_GRU ? 3 : 1,
        .layers = layers,
        .directions = directions == CUDNN_BIDIRECTIONAL ? 2 : 1,
        .inputs = inputs,
        .hidden = hidden,
        .bytes = bytes_of(type),
        .biases = biases != CUDNN_RNN_NO_BIAS,
    };
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetRNNDataDescriptor(cudnnRNNDataDescriptor_t descriptor, cudnnDataType_t type,
                                        cudnnRNNDataLayout_t layout, int steps, int samples, int features,
                                        const int lengths[], void *padding) {
    *(rnn_data *)descriptor = (rnn_data){steps, samples};
    return CUDNN_STATUS_SUCCESS;
}

/* Columns of the matrix of a gate: the first `gates` multiply the input of the layer, the others its state. */
static int64_t columns_of(const rnn *of, int64_t layer, bool of_state) {
    return of_state ? of->hidden : layer < of->directions ? of->inputs : of->hidden * of->directions;
}

/* Elements of all matrices of the layers before one; a bidirectional layer counts as two. */
static int64_t matrices_before(const rnn *of, int64_t layer) {
    int64_t found = 0;
    for (int64_t i = 0; i < layer; i++)
        found += of->gates * of->hidden * (columns_of(of, i, false) + columns_of(of, i, true));
    return found;
}

cudnnStatus_t cudnnGetRNNWeightSpaceSize(cudnnHandle_t handle, cudnnRNNDescriptor_t descriptor, size_t *bytes) {
    const rnn *of = (const rnn *)descriptor;
    int64_t layers = of->layers * of->directions;
    int64_t biases = of->biases ? layers * 2 * of->gates * of->hidden : 0;
    *bytes = of->bytes * (matrices_before(of, layers) + biases);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetRNNWeightParams(cudnnHandle_t handle, cudnnRNNDescriptor_t descriptor, int32_t layer,
                                      size_t bytes, const void *weights, int32_t gate, cudnnTensorDescriptor_t matrix_of,
                                      void **matrix_at, cudnnTensorDescriptor_t bias_of, void **bias_at) {
    const rnn *of = (const rnn *)descriptor;
    bool of_state = gate >= of->gates;
    if (matrix_of) {
        int64_t start = matrices_before(of, layer);
        if (of_state) start += of->gates * of->hidden * columns_of(of, layer, false);
        int64_t columns = columns_of(of, layer, of_state);
        start += (gate % of->gates) * of->hidden * columns;
        *(matrix *)matrix_of = (matrix){type_of(of->bytes), of->hidden, columns};
        *matrix_at = (char *)weights + of->bytes * start;
    }
    if (bias_of) {
        int64_t start = matrices_before(of, of->layers * of->directions) + (layer * 2 * of->gates + gate) * of->hidden;
        *(matrix *)bias_of = (matrix){type_of(of->bytes), of->hidden, 1};
        *bias_at = of->biases ? (char *)weights + of->bytes * start : NULL;
    }
    return CUDNN_STATUS_SUCCESS;
}

/* Only of what cudnnGetRNNWeightParams has described. */
cudnnStatus_t cudnnGetTensorNdDescriptor(const cudnnTensorDescriptor_t descriptor, int wanted, cudnnDataType_t *type,
                                         int *dimensions, int sizes[], int strides[]) {
    const matrix *of = (const matrix *)descriptor;
    *type = of->type;
    *dimensions = 3;
    sizes[0] = 1, sizes[1] = of->rows, sizes[2] = of->columns;
    strides[0] = of->rows * of->columns, strides[1] = of->columns, strides[2] = 1;
    return CUDNN_STATUS_SUCCESS;
}

/* Room for the gates, the state and the output of each step. */
cudnnStatus_t cudnnGetRNNTempSpaceSizes(cudnnHandle_t handle, cudnnRNNDescriptor_t descriptor,
                                        cudnnForwardMode_t mode, cudnnRNNDataDescriptor_t input, size_t *workspace,
                                        size_t *reserve) {
    const rnn *of = (const rnn *)descriptor;
    const rnn_data *data = (const rnn_data *)input;
    int64_t elements = data->steps * data->samples * of->directions * of->hidden * (of->gates + 2);
    if (workspace) *workspace = of->bytes * elements;
    if (reserve) *reserve = mode == CUDNN_FWD_MODE_TRAINING ? of->bytes * elements * of->layers : 0;
    return CUDNN_STATUS_SUCCESS;
}

int cudnn_recurrence(void) { return library_call(COUNT_recurrences, CUDNN_STATUS_EXECUTION_FAILED); }
