/* Signals come through a descriptor, so that nothing runs in a handler and the
 * terminal is restored on every way out of the loop. */
#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void put(const char *text)
{
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, text, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return; /* the terminal is gone */
        }
        text += written;
        length -= (size_t)written;
    }
}

/* Alternate screen, no cursor; keys at once and unseen, Ctrl-C still a signal. */
static void enter(struct terminal *terminal)
{
    if (terminal->keys >= 0 && tcgetattr(terminal->keys, &terminal->before) == 0) {
        struct termios raw = terminal->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        tcsetattr(terminal->keys, TCSAFLUSH, &raw);
    }
    put("\033[?1049h\033[?25l\033[2J");
    terminal->entered = true;
}

static void leave(struct terminal *terminal)
{
    if (!terminal->entered) {
        return;
    }
    put("\033[0m\033[?25h\033[?1049l");
    if (terminal->keys >= 0) {
        tcsetattr(terminal->keys, TCSAFLUSH, &terminal->before);
    }
    terminal->entered = false;
}

static void watched_signals(sigset_t *set)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGPIPE};
    sigemptyset(set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaddset(set, numbers[i]);
    }
}

bool terminal_open(struct terminal *terminal)
{
    sigset_t set;
    *terminal = (struct terminal){.keys = isatty(STDIN_FILENO) ? STDIN_FILENO : -1};
    watched_signals(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    terminal->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (terminal->signals < 0) {
        return false;
    }
    enter(terminal);
    return true;
}

void terminal_close(struct terminal *terminal)
{
    sigset_t set;
    leave(terminal);
    close(terminal->signals);
    watched_signals(&set);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void terminal_size(int *columns, int *rows)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    *columns = known ? size.ws_col : 80;
    *rows = known ? size.ws_row : 24;
}

static enum terminal_event take_signal(struct terminal *terminal, int *number)
{
    struct signalfd_siginfo info;
    if (read(terminal->signals, &info, sizeof info) != (ssize_t)sizeof info) {
        return TERMINAL_TIMEOUT;
    }
    *number = (int)info.ssi_signo;
    if (*number == SIGWINCH) {
        return TERMINAL_RESIZED;
    }
    if (*number == SIGTSTP) {
        leave(terminal);
        kill(getpid(), SIGSTOP);
        enter(terminal);
        return TERMINAL_RESIZED;
    }
    return TERMINAL_ENDED;
}

enum terminal_event terminal_wait(struct terminal *terminal, int timeout_ms, int *value)
{
    struct pollfd fds[2] = {{.fd = terminal->signals, .events = POLLIN},
                            {.fd = terminal->keys, .events = POLLIN}};
    *value = 0;
    if (poll(fds, 2, timeout_ms) <= 0) {
        return TERMINAL_TIMEOUT;
    }
    if (fds[0].revents != 0) {
        return take_signal(terminal, value);
    }
    unsigned char key;
    if (read(terminal->keys, &key, 1) != 1) {
        return TERMINAL_ENDED;
    }
    *value = key;
    return TERMINAL_KEY;
}
