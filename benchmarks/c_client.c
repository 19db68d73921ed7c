/* The limit: plain libremctl, called from C.
 *
 *     c_client HOST PORT PRINCIPAL SCENARIO [ARGUMENT]
 *
 * does what worker.py does with a Python binding, and speaks as it does: it prints a line when
 * it is ready; for each number on standard input it runs the scenario so many times and prints
 * the nanoseconds that each took, in one line of JSON. */
#include <pthread.h>
#include <remctl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static const char *host, *principal, *argument = "hello";
static unsigned short port;
static struct remctl *session; /* the open connection of those scenarios that need one */

static long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000 + time.tv_nsec;
}

static void fail(const char *text)
{
    fprintf(stderr, "c_client: %s\n", text);
    exit(1);
}

static struct remctl *open_one(void)
{
    struct remctl *r = remctl_new();
    if (r == NULL || !remctl_open(r, host, port, principal))
        fail(r == NULL ? "out of memory" : remctl_error(r));
    return r;
}

static void send_command(struct remctl *r, const char *name, const char *data, size_t length)
{
    const struct iovec words[] = {{(void *)"bench", 5},
                                  {(void *)name, strlen(name)},
                                  {(void *)data, length}};
    if (!remctl_commandv(r, words, data == NULL ? 2 : 3))
        fail(remctl_error(r));
}

static void read_answer(struct remctl *r)
{
    struct remctl_output *output;
    do {
        output = remctl_output(r);
        if (output == NULL)
            fail(remctl_error(r));
        if (output->type == REMCTL_OUT_ERROR)
            fail("the server refused the command");
    } while (output->type != REMCTL_OUT_DONE);
}

static void simple(const char *name, const char *number)
{
    const char *words[] = {"bench", name, number, NULL};
    struct remctl_result *result = remctl(host, port, principal, words);
    if (result == NULL || result->error != NULL)
        fail(result == NULL ? "out of memory" : result->error);
    remctl_result_free(result);
}

static void *sleeper(void *unused)
{
    (void)unused;
    simple("sleep", "0.2");
    return NULL;
}

/* The scenarios: one iteration each; they return the nanoseconds it took. */

static long oneshot(void)
{
    const long start = now();
    simple(argument, NULL);
    return now() - start;
}

static long kept(void)
{
    const long start = now();
    simple("bytes", argument);
    return now() - start;
}

static long open_close(void)
{
    const long start = now();
    struct remctl *r = open_one();
    const long taken = now() - start;
    remctl_close(r);
    return taken;
}

static long held(void)
{
    const long start = now();
    open_one(); /* until the process ends */
    return now() - start;
}

static long roundtrip(void)
{
    const long start = now();
    send_command(session, argument, NULL, 0);
    read_answer(session);
    return now() - start;
}

static long noop(void)
{
    const long start = now();
    if (!remctl_noop(session))
        fail(remctl_error(session));
    return now() - start;
}

static long bulk(void)
{
    const long start = now();
    send_command(session, "bytes", argument, strlen(argument));
    read_answer(session);
    return now() - start;
}

static long lines(void)
{
    send_command(session, "lines", argument, strlen(argument));
    usleep(20000 + 200 * (unsigned)atoi(argument)); /* until all of it has come */
    const long start = now();
    read_answer(session);
    return now() - start;
}

static long input(void)
{
    static char *data;
    static size_t size;
    if (data == NULL) {
        size = strtoul(argument, NULL, 10);
        data = malloc(size);
        if (data == NULL)
            fail("out of memory");
        memset(data, 'x', size);
    }
    const long start = now();
    send_command(session, "stdin", data, size);
    read_answer(session);
    return now() - start;
}

static long arguments(void)
{
    const size_t count = strtoul(argument, NULL, 10) + 2;
    struct iovec *words = calloc(count, sizeof *words);
    if (words == NULL)
        fail("out of memory");
    words[0] = (struct iovec){(void *)"bench", 5};
    words[1] = (struct iovec){(void *)"nothing", 7};
    for (size_t i = 2; i < count; i++)
        words[i] = (struct iovec){(void *)"x", 1};
    const long start = now();
    if (!remctl_commandv(session, words, count))
        fail(remctl_error(session));
    read_answer(session);
    const long taken = now() - start;
    free(words);
    return taken;
}

static long threads(void)
{
    const int count = atoi(argument);
    pthread_t *all = calloc((size_t)count, sizeof *all);
    const long start = now();
    for (int i = 0; i < count; i++)
        if (all == NULL || pthread_create(&all[i], NULL, sleeper, NULL) != 0)
            fail("cannot start a thread");
    for (int i = 0; i < count; i++)
        pthread_join(all[i], NULL);
    const long taken = now() - start;
    free(all);
    return taken;
}

/* As many calls as ARGUMENT says, by 64 threads. */
static atomic_int next_number;
static void (*work)(int number);

static void *worker(void *unused)
{
    (void)unused;
    const int count = atoi(argument);
    for (int number = next_number++; number < count; number = next_number++)
        work(number);
    return NULL;
}

static long by_threads(void (*what)(int number))
{
    enum { at_once = 64 };
    pthread_t all[at_once];
    const long start = now();
    next_number = 0;
    work = what;
    for (int i = 0; i < at_once; i++)
        if (pthread_create(&all[i], NULL, worker, NULL) != 0)
            fail("cannot start a thread");
    for (int i = 0; i < at_once; i++)
        pthread_join(all[i], NULL);
    return now() - start;
}

/* One of the hosts of worker.py: they are all the same server. */
static void on_host(int number)
{
    const char *words[] = {"bench", "hello", NULL};
    char address[32];
    snprintf(address, sizeof address, "127.%d.%d.%d", number / 62500 + 1, number / 250 % 250,
             number % 250 + 1);
    struct remctl_result *result = remctl(address, port, principal, words);
    if (result == NULL || result->error != NULL)
        fail(result == NULL ? "out of memory" : result->error);
    remctl_result_free(result);
}

static long many(void)
{
    return by_threads(on_host);
}

static void shot(int number)
{
    (void)number;
    simple("nothing", NULL);
}

static long shots(void)
{
    return by_threads(shot);
}

/* Connections that are opened the first time, and run a command each the second. */
static struct remctl **held_open;

static void open_held(int number)
{
    held_open[number] = open_one();
}

static void run_held(int number)
{
    send_command(held_open[number], "sleep", "1", 1);
    read_answer(held_open[number]);
}

static long crowd(void)
{
    if (held_open != NULL)
        return by_threads(run_held);
    held_open = calloc((size_t)atoi(argument), sizeof *held_open);
    if (held_open == NULL)
        fail("out of memory");
    return by_threads(open_held);
}

static const struct {
    const char *name;
    long (*run)(void);
    int needs_session;
} scenarios[] = {
    {"oneshot", oneshot, 0}, {"kept", kept, 0},           {"open", open_close, 0},
    {"held", held, 0},       {"roundtrip", roundtrip, 1}, {"noop", noop, 1},
    {"bulk", bulk, 1},       {"lines", lines, 1},         {"input", input, 1},
    {"threads", threads, 0}, {"arguments", arguments, 1}, {"many", many, 0},
    {"shots", shots, 0},     {"crowd", crowd, 0},
};

int main(int argc, char **argv)
{
    if (argc < 5)
        fail("usage: c_client HOST PORT PRINCIPAL SCENARIO [ARGUMENT]");
    host = argv[1];
    port = (unsigned short)atoi(argv[2]);
    principal = argv[3];
    if (argc > 5)
        argument = argv[5];

    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    size_t chosen = 0;
    while (chosen < sizeof scenarios / sizeof *scenarios &&
           strcmp(scenarios[chosen].name, argv[4]) != 0)
        chosen++;
    if (chosen == sizeof scenarios / sizeof *scenarios)
        fail("no such scenario");
    remctl_close(open_one()); /* so that every first time is over */
    if (scenarios[chosen].needs_session)
        session = open_one();
    printf("[]\n");
    fflush(stdout);

    char line[32];
    while (fgets(line, sizeof line, stdin) != NULL) {
        const int count = atoi(line);
        long *taken = calloc((size_t)count, sizeof *taken);
        if (taken == NULL)
            fail("out of memory");
        for (int i = 0; i < count; i++)
            taken[i] = scenarios[chosen].run();
        printf("[");
        for (int i = 0; i < count; i++)
            printf("%s%ld", i == 0 ? "" : ", ", taken[i]);
        printf("]\n");
        fflush(stdout);
        free(taken);
    }
    if (session != NULL)
        remctl_close(session);
    return 0;
}
