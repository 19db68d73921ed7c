/* The commands of the benchmarks' server, as light as they can be:
 *
 *     hello      a line
 *     nothing    nothing
 *     sleep N    N seconds
 *     bytes N    N bytes
 *     lines N    N lines, each when the server has taken the one before: a token each
 *     stdin      reads all of it, and prints how much it was */
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static void put(const char *data, size_t length)
{
    while (length > 0) {
        const ssize_t written = write(STDOUT_FILENO, data, length);
        if (written <= 0)
            exit(1);
        data += written;
        length -= (size_t)written;
    }
}

static void pause_for(double seconds)
{
    struct timespec time;
    time.tv_sec = (time_t)seconds;
    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    nanosleep(&time, NULL);
}

/* True when the reader has taken all that was written, to a socket or a pipe. */
static int taken(void)
{
    int unread = 0;
    if (ioctl(STDOUT_FILENO, SIOCOUTQ, &unread) != 0 &&
        ioctl(STDOUT_FILENO, FIONREAD, &unread) != 0)
        exit(2);
    return unread == 0;
}

static char block[65536];

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    const double number = argc > 2 ? atof(argv[2]) : 0;

    if (strcmp(name, "hello") == 0) {
        put("hello\n", 6);
    } else if (strcmp(name, "nothing") == 0) {
        return 0;
    } else if (strcmp(name, "sleep") == 0) {
        pause_for(number);
    } else if (strcmp(name, "bytes") == 0) {
        size_t left = (size_t)number;
        while (left > 0) {
            const size_t length = left < sizeof block ? left : sizeof block;
            put(block, length);
            left -= length;
        }
    } else if (strcmp(name, "lines") == 0) {
        for (int i = 1; i <= (int)number; i++) {
            char line[32];
            put(line, (size_t)snprintf(line, sizeof line, "line %06d\n", i));
            while (!taken())
                pause_for(10e-6);
        }
    } else if (strcmp(name, "stdin") == 0) {
        unsigned long total = 0;
        ssize_t got;
        while ((got = read(STDIN_FILENO, block, sizeof block)) > 0)
            total += (unsigned long)got;
        printf("%lu\n", total);
    } else {
        return 3;
    }
    return 0;
}
