/* A layer under the extension that makes calls fail: preloaded into a process of its own.

   Only calls made from chosen libraries are counted and touched. Whose a call is, is told by the
   first address up the stack that is neither in here nor in the C and C++ libraries; so an
   allocation inside std::string is the extension's when the extension used the string.

   The driver (faulty.py) loads this file a second time with ctypes and calls shim_*. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* The order is that of FUNCTIONS in faulty.py. */
enum function {
    MALLOC, SOCKET, SOCKETPAIR, BIND, CONNECT, SEND, RECV, READ, WRITE, POLL, EPOLL_CREATE,
    EPOLL_CTL, EPOLL_WAIT, EVENTFD, TIMERFD_CREATE, TIMERFD_SETTIME, PTHREAD_CREATE, FCNTL, IOCTL,
    GETSOCKOPT, SETSOCKOPT, SHUTDOWN, GETADDRINFO, LOCAL_SEND, LOCAL_RECV, FUNCTIONS
};

struct range { uintptr_t begin, end; };
enum { MOST = 64 };

static struct range watched[MOST], skipped[MOST];
static int watched_count, skipped_count;
static const char *watched_names;

static atomic_int armed = -1; /* the function that is to fail, or FUNCTIONS for "count all" */
static atomic_long calls[FUNCTIONS];
static long first_failure;
static int failures_go_on, error_number, tracing;
static atomic_int interrupting; /* every second call of those that may wait is interrupted */
static atomic_long interrupted;
static atomic_int dripping; /* a byte at a time */

static __thread int inside __attribute__((tls_model("initial-exec")));
static __thread unsigned turn __attribute__((tls_model("initial-exec")));

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static void add(struct range *ranges, int *count, const struct dl_phdr_info *info) {
    for (int i = 0; i < info->dlpi_phnum && *count < MOST; ++i)
        if (info->dlpi_phdr[i].p_type == PT_LOAD) {
            ranges[*count].begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            ranges[*count].end = ranges[*count].begin + info->dlpi_phdr[i].p_memsz;
            ++*count;
        }
}

static int visit(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size, (void)data;
    const char *name = strrchr(info->dlpi_name, '/');
    name = name ? name + 1 : info->dlpi_name;
    static const char *const skip[] = {"libc.so", "libstdc++", "libgcc_s", "libpthread", "shim.so"};
    for (size_t i = 0; i < sizeof skip / sizeof *skip; ++i)
        if (strncmp(name, skip[i], strlen(skip[i])) == 0)
            add(skipped, &skipped_count, info);
    char names[256], *rest = NULL;
    snprintf(names, sizeof names, "%s", watched_names);
    for (char *one = strtok_r(names, " ", &rest); one; one = strtok_r(NULL, " ", &rest))
        if (*name && strncmp(name, one, strlen(one)) == 0)
            add(watched, &watched_count, info);
    return 0;
}

static int in(const struct range *ranges, int count, const void *address) {
    for (int i = 0; i < count; ++i)
        if ((uintptr_t)address >= ranges[i].begin && (uintptr_t)address < ranges[i].end)
            return 1;
    return 0;
}

/* Whether the call that returns to this address is one of those that are watched. */
static int ours(const void *address) {
    if (in(watched, watched_count, address))
        return 1;
    if (inside || !in(skipped, skipped_count, address))
        return 0;
    void *frames[32];
    inside = 1;
    const int count = backtrace(frames, 32);
    inside = 0;
    for (int i = 0; i < count; ++i)
        if (!in(skipped, skipped_count, frames[i]))
            return in(watched, watched_count, frames[i]);
    return 0;
}

/* Whether this call is to fail. */
static int fails(enum function function, const void *address) {
    const int which = atomic_load(&armed);
    if ((which != (int)function && which != FUNCTIONS) || !ours(address))
        return 0;
    const long number = atomic_fetch_add(&calls[function], 1) + 1;
    if (which == FUNCTIONS)
        return 0;
    if (first_failure == 0 || number < first_failure ||
        (number > first_failure && !failures_go_on))
        return 0;
    if (tracing) { /* where it was, for who looks into it */
        void *frames[32];
        inside = 1;
        backtrace_symbols_fd(frames, backtrace(frames, 32), 2);
        inside = 0;
    }
    errno = error_number;
    return 1;
}

/* Whether this call is to be interrupted: every second one of a thread, so that it gets on. */
static int interrupts(const void *address) {
    if (!atomic_load(&interrupting) || !ours(address) || ++turn % 2 == 0)
        return 0;
    atomic_fetch_add(&interrupted, 1);
    errno = EINTR;
    return 1;
}

static size_t drop_of(size_t length, const void *address) {
    return atomic_load(&dripping) && length > 1 && ours(address) ? 1 : length;
}

static int is_socket(int number) {
    struct stat status;
    const int before = errno;
    const int result = fstat(number, &status) == 0 && S_ISSOCK(status.st_mode);
    errno = before;
    return result;
}

/* Whether it is a socket of this machine alone, which no network can fail. */
static int is_local(int number) {
    const int before = errno;
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    const int result =
        getsockname(number, (struct sockaddr *)&address, &length) == 0 && address.ss_family == AF_UNIX;
    errno = before;
    return result;
}

/* Libraries by the beginnings of their names, separated by spaces. */
void shim_watch(const char *names) {
    watched_count = skipped_count = 0;
    watched_names = names;
    tracing = getenv("SHIM_TRACE") != NULL;
    dl_iterate_phdr(visit, NULL);
    void *frames[4];
    backtrace(frames, 4); /* loads what it needs */
}

/* The number of ranges of addresses that are watched. */
int shim_watched(void) { return watched_count; }

/* The first'th call of a function fails, and with go_on all that follow. First 0 only counts; and
   with the function FUNCTIONS it counts all. */
void shim_arm(int function, long first, int go_on, int error) {
    for (int i = 0; i < FUNCTIONS; ++i)
        atomic_store(&calls[i], 0);
    first_failure = first;
    failures_go_on = go_on;
    error_number = error;
    atomic_store(&armed, function);
}

void shim_disarm(void) { atomic_store(&armed, -1); }
long shim_calls(int function) { return atomic_load(&calls[function]); }
void shim_interrupt(int on) { atomic_store(&interrupting, on); }
long shim_interrupted(void) { return atomic_load(&interrupted); }
void shim_drip(int on) { atomic_store(&dripping, on); }

#define CALLER __builtin_return_address(0)
#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (!real)                                                                                     \
        real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

void *malloc(size_t size) { return fails(MALLOC, CALLER) ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) {
    return fails(MALLOC, CALLER) ? NULL : __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
    return fails(MALLOC, CALLER) ? NULL : __libc_realloc(old, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
    REAL(aligned_alloc);
    return fails(MALLOC, CALLER) ? NULL : real(alignment, size);
}

int socket(int domain, int type, int protocol) {
    REAL(socket);
    return fails(SOCKET, CALLER) ? -1 : real(domain, type, protocol);
}
int socketpair(int domain, int type, int protocol, int ends[2]) {
    REAL(socketpair);
    return fails(SOCKETPAIR, CALLER) ? -1 : real(domain, type, protocol, ends);
}
int bind(int number, const struct sockaddr *address, socklen_t length) {
    REAL(bind);
    return fails(BIND, CALLER) ? -1 : real(number, address, length);
}
/* A failing connect leaves a socket that was never connected. */
int connect(int number, const struct sockaddr *address, socklen_t length) {
    REAL(connect);
    return fails(CONNECT, CALLER) ? -1 : real(number, address, length);
}
ssize_t send(int number, const void *data, size_t length, int flags) {
    REAL(send);
    if (fails(is_local(number) ? LOCAL_SEND : SEND, CALLER) || interrupts(CALLER))
        return -1;
    return real(number, data, drop_of(length, CALLER), flags);
}
ssize_t recv(int number, void *data, size_t length, int flags) {
    REAL(recv);
    if (fails(is_local(number) ? LOCAL_RECV : RECV, CALLER) || interrupts(CALLER))
        return -1;
    return real(number, data, drop_of(length, CALLER), flags);
}
ssize_t read(int number, void *data, size_t length) {
    REAL(read);
    if (fails(READ, CALLER) || (is_socket(number) && interrupts(CALLER)))
        return -1;
    return real(number, data, is_socket(number) ? drop_of(length, CALLER) : length);
}
ssize_t write(int number, const void *data, size_t length) {
    REAL(write);
    if (fails(WRITE, CALLER) || (is_socket(number) && interrupts(CALLER)))
        return -1;
    return real(number, data, is_socket(number) ? drop_of(length, CALLER) : length);
}
int poll(struct pollfd *polled, nfds_t count, int timeout) {
    REAL(poll);
    return fails(POLL, CALLER) || interrupts(CALLER) ? -1 : real(polled, count, timeout);
}
int ppoll(struct pollfd *polled, nfds_t count, const struct timespec *timeout,
          const sigset_t *mask) {
    REAL(ppoll);
    return fails(POLL, CALLER) || interrupts(CALLER) ? -1 : real(polled, count, timeout, mask);
}
int epoll_create1(int flags) {
    REAL(epoll_create1);
    return fails(EPOLL_CREATE, CALLER) ? -1 : real(flags);
}
int epoll_ctl(int epoll, int operation, int number, struct epoll_event *event) {
    REAL(epoll_ctl);
    /* Taking one out never fails. */
    if (operation != EPOLL_CTL_DEL && fails(EPOLL_CTL, CALLER))
        return -1;
    return real(epoll, operation, number, event);
}
int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) {
    REAL(epoll_wait);
    return fails(EPOLL_WAIT, CALLER) || interrupts(CALLER) ? -1
                                                           : real(epoll, events, most, timeout);
}
int eventfd(unsigned int initial, int flags) {
    REAL(eventfd);
    return fails(EVENTFD, CALLER) ? -1 : real(initial, flags);
}
int timerfd_create(int clock, int flags) {
    REAL(timerfd_create);
    return fails(TIMERFD_CREATE, CALLER) ? -1 : real(clock, flags);
}
int timerfd_settime(int number, int flags, const struct itimerspec *now, struct itimerspec *old) {
    REAL(timerfd_settime);
    return fails(TIMERFD_SETTIME, CALLER) ? -1 : real(number, flags, now, old);
}
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) {
    REAL(pthread_create);
    return fails(PTHREAD_CREATE, CALLER) ? error_number
                                         : real(thread, attributes, start, argument);
}
static int any_fcntl(int number, int command, void *argument, const void *caller) {
    static int (*real)(int, int, ...);
    if (!real)
        real = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl64");
    return fails(FCNTL, caller) ? -1 : real(number, command, argument);
}
int fcntl(int number, int command, ...) {
    va_list list;
    va_start(list, command);
    void *argument = va_arg(list, void *);
    va_end(list);
    return any_fcntl(number, command, argument, CALLER);
}
int fcntl64(int number, int command, ...) {
    va_list list;
    va_start(list, command);
    void *argument = va_arg(list, void *);
    va_end(list);
    return any_fcntl(number, command, argument, CALLER);
}
int ioctl(int number, unsigned long request, ...) {
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    REAL(ioctl);
    return fails(IOCTL, CALLER) ? -1 : real(number, request, argument);
}
int getsockopt(int number, int level, int name, void *value, socklen_t *length) {
    REAL(getsockopt);
    return fails(GETSOCKOPT, CALLER) ? -1 : real(number, level, name, value, length);
}
int setsockopt(int number, int level, int name, const void *value, socklen_t length) {
    REAL(setsockopt);
    return fails(SETSOCKOPT, CALLER) ? -1 : real(number, level, name, value, length);
}
int shutdown(int number, int how) {
    REAL(shutdown);
    return fails(SHUTDOWN, CALLER) ? -1 : real(number, how);
}
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
    REAL(getaddrinfo);
    return fails(GETADDRINFO, CALLER) ? EAI_MEMORY : real(node, service, hints, result);
}
