/* A disk that stands still: while the file that QUORATE_E2E_STALL names is there, nothing of this process becomes durable.
   It knows nothing of what is written. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void stand_still(void) {
    const char *file = getenv("QUORATE_E2E_STALL");
    while (file && access(file, F_OK) == 0) usleep(2000);
}

static int then(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    stand_still();
    return real(fd);
}

int fdatasync(int fd) { return then("fdatasync", fd); }
int fsync(int fd) { return then("fsync", fd); }
