/* Counters, planted errors, memory blocks and names of kernels. */
#include "state.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNTER_NAME(name) #name,
static const char *const NAMES[] = {COUNTERS(COUNTER_NAME)};
static atomic_long counters[COUNTER_COUNT];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* ------------------------------------------------------------------------------------------------------- counters */

static int counter_named(const char *name) {
    for (int i = 0; i < COUNTER_COUNT; i++)
        if (!strcmp(NAMES[i], name)) return i;
    return -1;
}

/* Names of all counters, each followed by a space. */
const char *nullcuda_names(void) {
    static char all[1024];
    if (!*all)
        for (int i = 0; i < COUNTER_COUNT; i++) strcat(strcat(all, NAMES[i]), " ");
    return all;
}

/* Calls since nullcuda_reset; -1 for an unknown name. */
long nullcuda_count(const char *name) {
    int which = counter_named(name);
    return which < 0 ? -1 : atomic_load(&counters[which]);
}

void add(enum counter which, long amount) { atomic_fetch_add(&counters[which], amount); }

/* -------------------------------------------------------------------------------------------------- planted errors */

static atomic_int planted_counter = -1, planted_error, destroyed;
static atomic_long planted_after, planted_times;

/* Of the later calls that a counter counts, the n-th and the following `times - 1` fail with an error of their library.
   Returns 0, or -1 for an unknown name. */
int nullcuda_plant(const char *name, long n, long times, int error) {
    int which = counter_named(name);
    if (which < 0) return -1;
    atomic_store(&planted_after, n);
    atomic_store(&planted_times, times);
    atomic_store(&planted_error, error);
    atomic_store(&planted_counter, which);
    return 0;
}

/* The environment of a process can plant one error: from the 120th launch on with NULLCUDA_ERROR="launches 120 700", only
   the 120th with "launches 120 700 1", in the process whose environment variable RANK is 1 with "launches 120 700/1". */
__attribute__((constructor)) static void plant_from_environment(void) {
    const char *wanted = getenv("NULLCUDA_ERROR"), *rank = getenv("RANK");
    if (!wanted) return;
    char name[32];
    long n, times = 1L << 40;
    int error, read = 0, only = -1;
    sscanf(wanted, "%31s %ld %d%n", name, &n, &error, &read);
    if (!read || counter_named(name) < 0) {
        fprintf(stderr, "NULLCUDA_ERROR=\"%s\" is not \"COUNTER N ERROR [TIMES][/RANK]\"\n", wanted);
        exit(2);
    }
    sscanf(wanted + read, "%ld", &times);
    const char *slash = strchr(wanted, '/');
    if (slash) only = atoi(slash + 1);
    if (only < 0 || (rank && atoi(rank) == only)) nullcuda_plant(name, n, times, error);
}

/* Errors after which a context cannot be used, by the documentation of cudaError_t. */
static bool destroys_context(int error) {
    static const int fatal[] = {214, 220, 226, 700, 702, 710, 714, 715, 716, 717, 718, 719, 720, 721, 722};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        if (fatal[i] == error) return true;
    return false;
}

static int planted(enum counter which) {
    if (atomic_load(&planted_counter) != (int)which) return 0;
    if (atomic_fetch_sub(&planted_after, 1) > 1) return 0;
    if (atomic_fetch_sub(&planted_times, 1) <= 1) atomic_store(&planted_counter, -1);
    return atomic_load(&planted_error);
}

int context_error(void) { return atomic_load(&destroyed); }

int count(enum counter which) {
    add(which, 1);
    int error = planted(which);
    if (destroys_context(error)) atomic_store(&destroyed, error);
    return error ? error : context_error();
}

int count_asynchronous(enum counter which) {
    int before = context_error(), error = count(which);
    return destroys_context(error) ? before : error;
}

void forget_kernel_counts(void);
void nullcuda_tell_free(long bytes);
void nullcuda_compute(int whether);

/* Counters to 0, no planted error, a context that works again, free memory, and optimizers that have an effect. */
void nullcuda_reset(void) {
    for (int i = 0; i < COUNTER_COUNT; i++) atomic_store(&counters[i], 0);
    atomic_store(&planted_counter, -1);
    atomic_store(&destroyed, 0);
    forget_kernel_counts();
    nullcuda_tell_free(84000000000);
    nullcuda_compute(1);
}

/* --------------------------------------------------------------------------------------------------- memory blocks */

#define MAX_BLOCKS 65536
static struct block {
    char *start;
    size_t bytes;
    enum memory kind;
} blocks[MAX_BLOCKS];
static int block_count;

void remember_block(void *start, size_t bytes, enum memory kind) {
    pthread_mutex_lock(&mutex);
    int i = 0;
    while (i < block_count && blocks[i].start) i++;
    if (i == MAX_BLOCKS) {
        fprintf(stderr, "null CUDA device: more than %d blocks of memory\n", MAX_BLOCKS);
        abort();
    }
    if (i == block_count) block_count++;
    blocks[i] = (struct block){start, bytes, kind};
    pthread_mutex_unlock(&mutex);
}

/* Call with the mutex. */
static struct block *find_block(const void *address) {
    for (int i = 0; i < block_count; i++) {
        struct block *each = &blocks[i];
        if (each->start && (char *)address >= each->start && (char *)address < each->start + each->bytes) return each;
    }
    return NULL;
}

size_t forget_block(void *start) {
    pthread_mutex_lock(&mutex);
    struct block *found = find_block(start);
    size_t bytes = found && found->start == start ? found->bytes : 0;
    if (bytes) found->start = NULL;
    pthread_mutex_unlock(&mutex);
    return bytes;
}

enum memory memory_of(const void *address) {
    pthread_mutex_lock(&mutex);
    struct block *found = find_block(address);
    enum memory kind = found ? found->kind : PAGEABLE;
    pthread_mutex_unlock(&mutex);
    return kind;
}

bool block_of(const void *address, void **start, size_t *bytes) {
    pthread_mutex_lock(&mutex);
    struct block *found = find_block(address);
    if (found) *start = found->start, *bytes = found->bytes;
    pthread_mutex_unlock(&mutex);
    return found != NULL;
}

/* ------------------------------------------------------------------------------------------------ names of kernels */

#define MAX_KERNELS (1 << 17) /* torch has some 60000 */
#define SLOTS (1 << 19)
static struct kernel {
    const void *function;
    const char *name;
    atomic_long launches;
} kernels[MAX_KERNELS];
static int kernel_count, slots[SLOTS]; /* slots: hash of the function -> number of the kernel, from 1 */

static unsigned slot_of(const void *function) {
    unsigned slot = ((uint64_t)function * 0x9e3779b97f4a7c15ULL) >> 45;
    while (slots[slot] && kernels[slots[slot] - 1].function != function) slot = (slot + 1) % SLOTS;
    return slot;
}

static void add_kernel(const void *function, const char *name) {
    pthread_mutex_lock(&mutex);
    unsigned slot = slot_of(function);
    if (!slots[slot] && kernel_count < MAX_KERNELS) {
        kernels[kernel_count].function = function;
        kernels[kernel_count].name = name;
        slots[slot] = ++kernel_count;
    }
    pthread_mutex_unlock(&mutex);
}

/* The host code of torch registers the names of its kernels before main(), and Triton's are known to the driver. */
void __cudaRegisterFunction(void **module, const char *function, char *unused, const char *name, int limit, void *a,
                            void *b, void *c, void *d, int *e) {
    add_kernel(function, name);
}
void nullcuda_name_kernel(const void *function, const char *name) { add_kernel(function, strdup(name)); }

const char *kernel_name(const void *function) {
    int found = slots[slot_of(function)];
    return found ? kernels[found - 1].name : "";
}

void count_kernel(const void *function) {
    int found = slots[slot_of(function)];
    if (found) atomic_fetch_add(&kernels[found - 1].launches, 1);
}

void forget_kernel_counts(void) {
    for (int i = 0; i < kernel_count; i++) atomic_store(&kernels[i].launches, 0);
}

/* Write the number of launches and the mangled name of each kernel, one a line. */
int nullcuda_write_kernels(const char *path) {
    FILE *file = fopen(path, "w");
    if (!file) return -1;
    for (int i = 0; i < kernel_count; i++)
        if (atomic_load(&kernels[i].launches))
            fprintf(file, "%ld %s\n", atomic_load(&kernels[i].launches), kernels[i].name);
    return fclose(file);
}

/* ------------------------------------------------------------------------------------------------------ the device */

int device_count(void) {
    const char *wanted = getenv("NULLCUDA_DEVICES");
    return wanted ? atoi(wanted) : 1;
}

/* Of an H100 SXM, numbered as cudaDeviceAttr and CUdevice_attribute. */
int device_attribute(int attribute) {
    switch (attribute) {
    case 1: return 1024;       /* threads per block */
    case 2: case 3: return 1024;
    case 4: return 64;
    case 5: return 2147483647; /* blocks per grid */
    case 6: case 7: return 65535;
    case 8: return 49152;      /* shared memory per block */
    case 10: return 32;        /* warp */
    case 12: return 65536;     /* registers per block */
    case 13: return 1980000;   /* clock, kHz */
    case 16: return 132;       /* multiprocessors */
    case 36: return 2619000;   /* memory clock, kHz */
    case 37: return 5120;      /* memory bus, bits */
    case 38: return 52428800;  /* L2 cache, bytes */
    case 39: return 2048;      /* threads per multiprocessor */
    case 41: return 1;         /* unified addressing */
    case 75: return 9;         /* compute capability */
    case 76: return 0;
    case 81: return 233472;    /* shared memory per multiprocessor */
    case 82: return 65536;     /* registers per multiprocessor */
    case 97: return 232448;    /* shared memory per block, opt-in */
    case 106: return 32;       /* blocks per multiprocessor */
    default: return 0;
    }
}
