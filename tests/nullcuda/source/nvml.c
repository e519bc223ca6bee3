/* libnvidia-ml.so.1: a GPU that computes at its power limit. A function that is missing here counts as not supported. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };

static unsigned device_count(void) {
    const char *wanted = getenv("NULLCUDA_DEVICES");
    return wanted ? atoi(wanted) : 1;
}

int nvmlInit_v2(void) { return SUCCESS; }
int nvmlInitWithFlags(unsigned flags) { return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int error) { return error == NOT_FOUND ? "Not Found" : "Unknown Error"; }
int nvmlSystemGetDriverVersion(char *text, unsigned length) {
    strncpy(text, "580.95.05", length);
    return SUCCESS;
}

/* A handle is the index of the device, from 1. */
int nvmlDeviceGetCount_v2(unsigned *number) {
    *number = device_count();
    return SUCCESS;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    *handle = (void *)(unsigned long)(index + 1);
    return index < device_count() ? SUCCESS : INVALID_ARGUMENT;
}
int nvmlDeviceGetUUID(void *handle, char *text, unsigned length) {
    unsigned char byte[16];
    for (int i = 0; i < 16; i++) byte[i] = i + 16 * ((unsigned long)handle - 1);
    if (length < 41) return INSUFFICIENT_SIZE;
    char *end = text + sprintf(text, "GPU");
    for (int i = 0; i < 16; i++) {
        if (i == 0 || i == 4 || i == 6 || i == 8 || i == 10) *end++ = '-';
        end += sprintf(end, "%02x", byte[i]);
    }
    return SUCCESS;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, void **handle) {
    for (unsigned index = 0; index < device_count(); index++) {
        char text[41];
        nvmlDeviceGetUUID((void *)(unsigned long)(index + 1), text, sizeof text);
        if (!strcmp(text, uuid)) return nvmlDeviceGetHandleByIndex_v2(index, handle);
    }
    return NOT_FOUND;
}
int nvmlDeviceGetName(void *handle, char *text, unsigned length) {
    strncpy(text, "NVIDIA H100 80GB HBM3", length);
    return SUCCESS;
}

int nvmlDeviceGetClockInfo(void *handle, int type, unsigned *megahertz) {
    *megahertz = 1980;
    return SUCCESS;
}
int nvmlDeviceGetPowerUsage(void *handle, unsigned *milliwatts) {
    *milliwatts = 650123;
    return SUCCESS;
}
int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *celsius) {
    *celsius = 61;
    return SUCCESS;
}
int nvmlDeviceGetTemperatureV(void *handle, void *temperature) {
    ((unsigned *)temperature)[2] = 61; /* version, sensor, value */
    return SUCCESS;
}
int nvmlDeviceGetCurrentClocksEventReasons(void *handle, unsigned long long *reasons) {
    *reasons = 4; /* software power cap */
    return SUCCESS;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void *handle, unsigned long long *reasons) {
    return nvmlDeviceGetCurrentClocksEventReasons(handle, reasons);
}

/* torch refuses to report a lack of memory without these. */
int nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, void **handle) {
    return nvmlDeviceGetHandleByIndex_v2(strtoul(bus_id + 5, NULL, 16) - 1, handle); /* "0000:01:00.0" */
}
int nvmlDeviceGetComputeRunningProcesses(void *handle, unsigned *number, void *processes) {
    *number = 0;
    return SUCCESS;
}
int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    *version = 13000;
    return SUCCESS;
}
int nvmlDeviceGetNvLinkRemoteDeviceType(void *handle, unsigned link, unsigned *type) { return NOT_SUPPORTED; }
int nvmlDeviceGetNvLinkRemotePciInfo_v2(void *handle, unsigned link, void *pci) { return NOT_SUPPORTED; }
int nvmlDeviceGetGpuFabricInfoV(void *handle, void *info) { return NOT_SUPPORTED; }
