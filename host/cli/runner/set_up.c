/* Preparing the process for the supervisor. */
#include "supervisor.h"
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

int supervisor_set_up_process(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return -1;
    close(fd);
    /* Kernels before 5.11 refuse this; the runner's own descriptors are close-on-exec anyway. */
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    /* Some daemons start their children with SIGCHLD ignored, which would hide the worker's end. */
    if (signal(SIGCHLD, SIG_DFL) == SIG_ERR)
        return -1;
    return signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR ? -1 : 0;
}
