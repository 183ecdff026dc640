/* vfork, not fork: the engine's page tables are large, and copying them would stop
 * every worker. Between vfork and exec the child only makes system calls. */
#include "snapshot_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

/* boxreplay lies beside the engine. */
static int program_path(char *out)
{
    ssize_t length = readlink("/proc/self/exe", out, PATH_BYTES - 16);
    if (length < 0)
        return -errno;
    out[length] = '\0';
    char *slash = strrchr(out, '/');
    snprintf(slash ? slash + 1 : out, 16, "boxreplay");
    return access(out, X_OK) == 0 ? 0 : -errno;
}

/* In the child, which shares our memory and stack until it execs: system calls only. */
static void become(const char *path, const char *const *arguments, pid_t parent, int null_fd)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before the call above */
        _exit(71);
    dup2(null_fd, STDIN_FILENO);
    dup2(null_fd, STDOUT_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    execv(path, (char *const *)(uintptr_t)arguments);
    _exit(71);
}

int snapshot_child_start(struct snapshot_child *child, const char *config_path,
                         const char *data_dir)
{
    char path[PATH_BYTES];
    const char *arguments[8] = {path, "snapshot", "--data-dir", data_dir};
    if (child->pid != 0)
        return -EBUSY;
    int result = program_path(path);
    if (result < 0)
        return result;
    if (config_path) {
        arguments[4] = "--config";
        arguments[5] = config_path;
    }
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0)
        return -errno;
    pid_t parent = getpid();
    pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): see the top */
    if (pid == 0)        /* NOLINTNEXTLINE(clang-analyzer-unix.Vfork): it only makes system calls */
        become(path, arguments, parent, null_fd);
    result = pid < 0 ? -errno : 0;
    close(null_fd);
    child->pid = pid > 0 ? pid : 0;
    return result;
}

static int code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool snapshot_child_ended(struct snapshot_child *child, int *code)
{
    int status;
    if (child->pid == 0 || waitpid(child->pid, &status, WNOHANG) != child->pid)
        return false;
    *code = code_of(status);
    child->pid = 0;
    child->taken += *code == 0;
    child->failed += *code != 0;
    return true;
}

void snapshot_child_stop(struct snapshot_child *child)
{
    if (child->pid == 0)
        return;
    kill(child->pid, SIGKILL);
    waitpid(child->pid, NULL, 0);
    child->pid = 0;
}
