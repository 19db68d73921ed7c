// soak note NONCE SIZE STATUS: put the nonce on record, then answer it and SIZE bytes made of it.
//
// In C, and linked statically, because a soak is as fast as a server starts commands. The parent
// is the remctld that serves this connection.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 5)
        return 98;
    char line[256];
    int length = snprintf(line, sizeof line, "%s %ld\n", argv[2], (long)getppid());
    const int record = open(RECORD, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (record < 0 || write(record, line, (size_t)length) != length)
        return 99;
    length = snprintf(line, sizeof line, "%s\n", argv[2]);
    fputs(line, stdout);
    for (long left = atol(argv[3]); left > 0; left -= length)
        fwrite(line, 1, (size_t)(left < length ? left : length), stdout);
    return atoi(argv[4]);
}
