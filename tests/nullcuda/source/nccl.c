/* NCCL between processes of one machine, through shared memory. Broadcasts and gathers are real. A reduction only waits
   for all ranks: the sums would be of numbers that no kernel has computed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <nccl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "state.h"

#define PIECE (1 << 20)

struct ncclComm {
    int rank, ranks;
    struct shared {
        atomic_int arrived, round;
        char pieces[]; /* ranks x PIECE */
    } *shared;
};

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
    static atomic_int number;
    snprintf(id->internal, sizeof id->internal, "/nullcuda-%d-%d", getpid(), atomic_fetch_add(&number, 1));
    return ncclSuccess;
}

static void wait_for_all(ncclComm_t comm) {
    int round = atomic_load(&comm->shared->round);
    if (atomic_fetch_add(&comm->shared->arrived, 1) + 1 == comm->ranks) {
        atomic_store(&comm->shared->arrived, 0);
        atomic_fetch_add(&comm->shared->round, 1);
    }
    while (atomic_load(&comm->shared->round) == round) usleep(50);
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t *config) {
    size_t bytes = sizeof(struct shared) + (size_t)ranks * PIECE;
    int file = shm_open(id.internal, O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, bytes)) return ncclSystemError;
    struct shared *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (shared == MAP_FAILED) return ncclSystemError;
    *comm = malloc(sizeof **comm);
    **comm = (struct ncclComm){rank, ranks, shared};
    wait_for_all(*comm);
    if (rank == 0) shm_unlink(id.internal);
    return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank) {
    return ncclCommInitRankConfig(comm, ranks, id, rank, NULL);
}
ncclResult_t ncclCommCount(const ncclComm_t comm, int *ranks) {
    *ranks = comm->ranks;
    return ncclSuccess;
}
ncclResult_t ncclCommUserRank(const ncclComm_t comm, int *rank) {
    *rank = comm->rank;
    return ncclSuccess;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *error) {
    *error = context_error() ? ncclUnhandledCudaError : ncclSuccess;
    return ncclSuccess;
}

static ncclResult_t collective(void) {
    int error = count_asynchronous(COUNT_collectives);
    return error && error == context_error() ? ncclUnhandledCudaError : error;
}

static size_t bytes_of(size_t number, ncclDataType_t type) {
    switch (type) {
    case ncclInt8: case ncclUint8: return number;
    case ncclFloat16: case ncclBfloat16: return 2 * number;
    case ncclInt64: case ncclUint64: case ncclFloat64: return 8 * number;
    default: return 4 * number;
    }
}

/* Every rank shows a piece after the other of its bytes; `take` copies what this rank wants from them. */
static ncclResult_t exchange(const char *own, char *received, size_t bytes, ncclComm_t comm, int root) {
    ncclResult_t error = collective();
    if (error) return error;
    for (size_t start = 0; start < bytes; start += PIECE) {
        size_t size = bytes - start < PIECE ? bytes - start : PIECE;
        if (root < 0 || root == comm->rank) memcpy(comm->shared->pieces + (size_t)comm->rank * PIECE, own + start, size);
        wait_for_all(comm);
        for (int rank = 0; rank < comm->ranks; rank++) {
            if (root >= 0 && rank != root) continue;
            char *target = received + start + (root < 0 ? rank * bytes : 0);
            memcpy(target, comm->shared->pieces + (size_t)rank * PIECE, size);
        }
        wait_for_all(comm);
    }
    return ncclSuccess;
}

ncclResult_t ncclBroadcast(const void *sent, void *received, size_t number, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
    return exchange(sent, received, bytes_of(number, type), comm, root);
}
ncclResult_t ncclBcast(void *buffer, size_t number, ncclDataType_t type, int root, ncclComm_t comm,
                       cudaStream_t stream) {
    return exchange(buffer, buffer, bytes_of(number, type), comm, root);
}
ncclResult_t ncclAllGather(const void *sent, void *received, size_t number, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t stream) {
    return exchange(sent, received, bytes_of(number, type), comm, -1);
}
ncclResult_t ncclAllReduce(const void *sent, void *received, size_t number, ncclDataType_t type, ncclRedOp_t operation,
                           ncclComm_t comm, cudaStream_t stream) {
    ncclResult_t error = collective();
    if (!error) wait_for_all(comm);
    return error;
}
