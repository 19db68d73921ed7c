/* How long a thread takes to wake another: microseconds of a byte that goes to another thread and
   comes back, where the kernel puts the two where it likes, and where both have one processor. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { rounds = 20000 };

static void *answer(void *end)
{
    const int fd = *(int *)end;
    char byte;
    while (read(fd, &byte, 1) == 1)
        if (write(fd, &byte, 1) != 1)
            break;
    return NULL;
}

static double there_and_back(void)
{
    int pair[2];
    pthread_t other;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 ||
        pthread_create(&other, NULL, answer, &pair[1]) != 0)
        exit(1);
    struct timespec start, end;
    char byte = 'x';
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < rounds; i++)
        if (write(pair[0], &byte, 1) != 1 || read(pair[0], &byte, 1) != 1)
            exit(1);
    clock_gettime(CLOCK_MONOTONIC, &end);
    shutdown(pair[0], SHUT_RDWR);
    pthread_join(other, NULL);
    close(pair[0]);
    close(pair[1]);
    const double seconds =
        (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    return seconds / rounds * 1e6;
}

int main(void)
{
    printf("%.1f\n", there_and_back());
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0)
        return 1;
    printf("%.1f\n", there_and_back());
    return 0;
}
