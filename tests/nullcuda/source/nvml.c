/* libnvidia-ml.so.1: GPUs that compute at their power limit, and a driver that refuses what a test wants it to refuse.
 * Environment variables, read at each call:
 *   NULLCUDA_DEVICES              number of GPUs (1)
 *   NULLCUDA_NVML_FAIL            FUNCTION:ERROR,... without "nvmlDeviceGet"; `*` means each question about a GPU
 *   NULLCUDA_NVML_ORDER=reversed  NVML counts the GPUs in another order than CUDA
 *   NULLCUDA_NVML_MIG=1           each GPU is divided into two partitions
 *   NULLCUDA_NVML_PROCESSES       PID:MEBIBYTES,... on each GPU; without MEBIBYTES the memory is not known
 *   NULLCUDA_NVML_GRAPHICS, NULLCUDA_NVML_MPS   the same of programs that draw, and of clients of MPS
 *   NULLCUDA_NVML_USE             PID:PERCENT,... of the multiprocessors
 *   NULLCUDA_NVML_SLOW            microseconds that each call takes
 *   NULLCUDA_NVML_REASONS         clock event reasons (4, the power cap)
 * With -DOLD_DRIVER the functions that came after R510 are missing. A function that is missing here counts as missing in
 * the driver. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };
enum { MILLIWATTS = 650123, LIMIT_MILLIWATTS = 700000, PARTITIONS = 2, PARTITION = 100 };
enum { CUDA_VERSION = 13000 };
enum { FIELD_MEMORY_TEMPERATURE = 82, FIELD_ENERGY = 83, UNSIGNED_INT = 1, UNSIGNED_LONG_LONG = 3 };

typedef struct { unsigned pid; unsigned long long bytes; unsigned instance, compute_instance; } Process;
typedef struct { unsigned pid; unsigned long long time; unsigned sm, memory, encoder, decoder; } Use;
typedef struct { unsigned gpu, memory; } Utilisation;
typedef struct {
    unsigned id, scope;
    long long time, latency;
    unsigned type, error;
    union { unsigned number; unsigned long long wide; } value;
} Field;

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}
static unsigned device_count(void) { return *variable("NULLCUDA_DEVICES") ? atoi(variable("NULLCUDA_DEVICES")) : 1; }
static int divided(void) { return *variable("NULLCUDA_NVML_MIG") == '1'; }

/* A handle is the index of the device in CUDA's order, from 1; of a partition, PARTITION times that and its number. */
static unsigned long number(void *handle) { return (unsigned long)handle; }
static int is_partition(void *handle) { return number(handle) >= PARTITION; }
static void *card_of(void *handle) { return is_partition(handle) ? (void *)(number(handle) / PARTITION) : handle; }

/* The error that a test wants of a function; waits as long as a slow driver. */
static int refused(const char *function) {
    if (*variable("NULLCUDA_NVML_SLOW")) usleep(atoi(variable("NULLCUDA_NVML_SLOW")));
    const char *name = function + strlen("nvml");
    for (int i = 0; i < 2; i++)
        if (!strncmp(name, i ? "Get" : "Device", i ? 3 : 6)) name += i ? 3 : 6;
    for (const char *entry = variable("NULLCUDA_NVML_FAIL"); *entry;) {
        const char *colon = strchr(entry, ':'), *comma = strchr(entry, ',');
        if (!colon) break;
        size_t length = colon - entry;
        int every = length == 1 && *entry == '*' && !strncmp(function, "nvmlDeviceGet", 13) && !strstr(function, "HandleBy");
        if (every || (length == strlen(name) && !strncmp(entry, name, length))) return atoi(colon + 1);
        entry = comma ? comma + 1 : "";
    }
    return SUCCESS;
}
#define ANSWER()                            \
    do {                                    \
        int error = refused(__func__);      \
        if (error) return error;            \
    } while (0)
/* Of the whole GPU only. */
#define ANSWER_FOR_CARD()                            \
    do {                                             \
        ANSWER();                                    \
        if (is_partition(handle)) return NOT_SUPPORTED; \
    } while (0)

int nvmlInit_v2(void) { ANSWER(); return SUCCESS; }
int nvmlInitWithFlags(unsigned flags) { ANSWER(); return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int error) { return error == NOT_FOUND ? "Not Found" : "Unknown Error"; }
int nvmlSystemGetDriverVersion(char *text, unsigned length) {
    ANSWER();
    strncpy(text, "580.95.05", length);
    return SUCCESS;
}
int nvmlSystemGetProcessName(unsigned pid, char *text, unsigned length) {
    ANSWER();
    char path[64], name[64] = "";
    snprintf(path, sizeof path, "/proc/%u/comm", pid);
    FILE *file = fopen(path, "r");
    if (!file) return NOT_FOUND;
    if (!fgets(name, sizeof name, file)) name[0] = 0;
    fclose(file);
    name[strcspn(name, "\n")] = 0;
    snprintf(text, length, "/usr/bin/%s", name);
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    ANSWER();
    *count = device_count();
    return SUCCESS;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    ANSWER();
    if (index >= device_count()) return INVALID_ARGUMENT;
    int reversed = !strcmp(variable("NULLCUDA_NVML_ORDER"), "reversed");
    *handle = (void *)(unsigned long)(reversed ? device_count() - index : index + 1);
    return SUCCESS;
}
int nvmlDeviceGetUUID(void *handle, char *text, unsigned length) {
    unsigned char byte[16];
    ANSWER();
    for (int i = 0; i < 16; i++) byte[i] = i + 16 * (number(card_of(handle)) - 1);
    if (is_partition(handle)) byte[15] = 0xa0 + number(handle) % PARTITION;
    if (length < 41) return INSUFFICIENT_SIZE;
    char *end = text + sprintf(text, is_partition(handle) ? "MIG" : "GPU");
    for (int i = 0; i < 16; i++) {
        if (i == 0 || i == 4 || i == 6 || i == 8 || i == 10) *end++ = '-';
        end += sprintf(end, "%02x", byte[i]);
    }
    return SUCCESS;
}
int nvmlDeviceGetMaxMigDeviceCount(void *handle, unsigned *count) {
    ANSWER();
    *count = divided() ? 7 : 0;
    return SUCCESS;
}
int nvmlDeviceGetMigDeviceHandleByIndex(void *handle, unsigned index, void **partition) {
    ANSWER();
    if (!divided() || index >= PARTITIONS) return NOT_FOUND;
    *partition = (void *)(PARTITION * number(handle) + index);
    return SUCCESS;
}
static int is_uuid_of(void *handle, const char *uuid) {
    char text[41] = "";
    nvmlDeviceGetUUID(handle, text, sizeof text);
    return !strcmp(text, uuid);
}
int nvmlDeviceGetHandleByUUID(const char *uuid, void **handle) {
    ANSWER();
    for (unsigned long card = 1; card <= device_count(); card++) {
        if (is_uuid_of(*handle = (void *)card, uuid)) return SUCCESS;
        for (unsigned index = 0; divided() && index < PARTITIONS; index++)
            if (is_uuid_of(*handle = (void *)(PARTITION * card + index), uuid)) return SUCCESS;
    }
    return NOT_FOUND;
}
int nvmlDeviceGetHandleByPciBusId_v2(const char *address, void **handle) {
    unsigned domain, bus, slot;
    ANSWER();
    if (sscanf(address, "%x:%x:%x", &domain, &bus, &slot) != 3 || bus < 1 || bus > device_count()) return NOT_FOUND;
    *handle = (void *)(unsigned long)bus;
    return SUCCESS;
}
int nvmlDeviceGetName(void *handle, char *text, unsigned length) {
    ANSWER();
    strncpy(text, "NVIDIA H100 80GB HBM3", length);
    return SUCCESS;
}
int nvmlDeviceIsMigDeviceHandle(void *handle, unsigned *answer) {
    ANSWER();
    *answer = is_partition(handle);
    return SUCCESS;
}
int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void *handle, void **card) {
    ANSWER();
    *card = card_of(handle);
    return is_partition(handle) ? SUCCESS : INVALID_ARGUMENT;
}
int nvmlDeviceGetMigMode(void *handle, unsigned *current, unsigned *pending) {
    ANSWER_FOR_CARD();
    *current = *pending = divided();
    return SUCCESS;
}

int nvmlDeviceGetClockInfo(void *handle, int type, unsigned *megahertz) {
    ANSWER_FOR_CARD();
    *megahertz = type == 2 ? 2619 : 1755;
    return SUCCESS;
}
int nvmlDeviceGetMaxClockInfo(void *handle, int type, unsigned *megahertz) {
    ANSWER_FOR_CARD();
    *megahertz = type == 2 ? 2619 : 1980;
    return SUCCESS;
}
int nvmlDeviceGetPowerUsage(void *handle, unsigned *milliwatts) {
    ANSWER_FOR_CARD();
    *milliwatts = MILLIWATTS;
    return SUCCESS;
}
int nvmlDeviceGetEnforcedPowerLimit(void *handle, unsigned *milliwatts) {
    ANSWER_FOR_CARD();
    *milliwatts = LIMIT_MILLIWATTS;
    return SUCCESS;
}
__attribute__((unused)) static unsigned long long millijoules(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec + now.tv_nsec / 1e9) * MILLIWATTS;
}
int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *celsius) {
    ANSWER_FOR_CARD();
    *celsius = 61;
    return SUCCESS;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void *handle, unsigned long long *reasons) {
    ANSWER_FOR_CARD();
    *reasons = *variable("NULLCUDA_NVML_REASONS") ? strtoull(variable("NULLCUDA_NVML_REASONS"), NULL, 0) : 4;
    return SUCCESS;
}
int nvmlDeviceGetUtilizationRates(void *handle, Utilisation *rates) {
    ANSWER_FOR_CARD();
    if (divided()) return NOT_SUPPORTED;
    *rates = (Utilisation){99, 61};
    return SUCCESS;
}
int nvmlDeviceGetPersistenceMode(void *handle, unsigned *mode) { ANSWER_FOR_CARD(); *mode = 1; return SUCCESS; }
int nvmlDeviceGetComputeMode(void *handle, unsigned *mode) { ANSWER_FOR_CARD(); *mode = 3; return SUCCESS; }
int nvmlDeviceGetTotalEccErrors(void *handle, int type, int counter, unsigned long long *count) {
    ANSWER_FOR_CARD();
    *count = 0;
    return SUCCESS;
}

/* The entries PID:VALUE,... of a variable, at most `room` of them. Returns how many there are. */
static unsigned entries(const char *name, unsigned room, unsigned *pids, long *values) {
    unsigned count = 0;
    for (const char *entry = variable(name); *entry; count++) {
        const char *comma = strchr(entry, ','), *colon = strchr(entry, ':');
        if (count < room) {
            pids[count] = atoi(entry);
            values[count] = colon && (!comma || colon < comma) ? atol(colon + 1) : -1;
        }
        entry = comma ? comma + 1 : "";
    }
    return count;
}
static int list(const char *name, unsigned *count, Process *processes) {
    unsigned pids[16], room = *count;
    long mebibytes[16];
    *count = entries(name, 16, pids, mebibytes);
    if (*count > room || (*count && !processes)) return INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < *count; i++)
        processes[i] = (Process){pids[i], mebibytes[i] < 0 ? ~0ull : (unsigned long long)mebibytes[i] << 20, 0, 0};
    return SUCCESS;
}
int nvmlDeviceGetComputeRunningProcesses_v2(void *handle, unsigned *count, Process *processes) {
    ANSWER();
    return list("NULLCUDA_NVML_PROCESSES", count, processes);
}
int nvmlDeviceGetGraphicsRunningProcesses_v2(void *handle, unsigned *count, Process *processes) {
    ANSWER();
    return list("NULLCUDA_NVML_GRAPHICS", count, processes);
}
int nvmlDeviceGetProcessUtilization(void *handle, Use *uses, unsigned *count, unsigned long long since) {
    unsigned pids[16], room = *count;
    long percents[16];
    ANSWER_FOR_CARD();
    *count = entries("NULLCUDA_NVML_USE", 16, pids, percents);
    if (!*count) return NOT_FOUND;
    if (!uses || *count > room) return INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < *count; i++) uses[i] = (Use){pids[i], since, percents[i], 0, 0, 0};
    return SUCCESS;
}

/* torch refuses to report a lack of memory, or to use NCCL, without these. */
int nvmlDeviceGetComputeRunningProcesses(void *handle, unsigned *count, void *processes) {
    *count = 0;
    return SUCCESS;
}
int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    *version = CUDA_VERSION;
    return SUCCESS;
}
int nvmlDeviceGetNvLinkRemoteDeviceType(void *handle, unsigned link, unsigned *type) { return NOT_SUPPORTED; }
int nvmlDeviceGetNvLinkRemotePciInfo_v2(void *handle, unsigned link, void *pci) { return NOT_SUPPORTED; }
int nvmlDeviceGetGpuFabricInfoV(void *handle, void *info) { return NOT_SUPPORTED; }

#ifndef OLD_DRIVER
int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *count, Process *processes) {
    ANSWER();
    return list("NULLCUDA_NVML_PROCESSES", count, processes);
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *handle, unsigned *count, Process *processes) {
    ANSWER();
    return list("NULLCUDA_NVML_GRAPHICS", count, processes);
}
int nvmlDeviceGetMPSComputeRunningProcesses_v3(void *handle, unsigned *count, Process *processes) {
    ANSWER();
    return list("NULLCUDA_NVML_MPS", count, processes);
}
int nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *energy) {
    ANSWER_FOR_CARD();
    *energy = millijoules();
    return SUCCESS;
}
int nvmlDeviceGetTemperatureV(void *handle, void *temperature) {
    ANSWER_FOR_CARD();
    ((unsigned *)temperature)[2] = 61; /* version, sensor, value */
    return SUCCESS;
}
int nvmlDeviceGetCurrentClocksEventReasons(void *handle, unsigned long long *reasons) {
    ANSWER_FOR_CARD();
    return nvmlDeviceGetCurrentClocksThrottleReasons(handle, reasons);
}
int nvmlDeviceGetFieldValues(void *handle, int count, Field *fields) {
    ANSWER_FOR_CARD();
    for (int i = 0; i < count; i++) {
        fields[i].error = SUCCESS;
        fields[i].type = fields[i].id == FIELD_ENERGY ? UNSIGNED_LONG_LONG : UNSIGNED_INT;
        if (fields[i].id == FIELD_ENERGY) fields[i].value.wide = millijoules();
        else if (fields[i].id == FIELD_MEMORY_TEMPERATURE) fields[i].value.number = 70;
        else fields[i].error = NOT_SUPPORTED;
    }
    return SUCCESS;
}
#endif
