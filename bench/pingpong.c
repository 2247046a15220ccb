/*
 * Measure the shortest round trip over TCP in C, and how late a timer in C is.
 *
 *   pingpong echo PORT           echo one connection after the other
 *   pingpong ping PORT NS SECONDS SIZE
 *                                send a line of SIZE octets each NS nanoseconds, or, with
 *                                0, as fast as replies arrive; print each RTT
 *   pingpong timer NS SECONDS    wake up each NS nanoseconds; print the delay
 *
 * All calls block, all sockets are on 127.0.0.1, each figure is a line, in nanoseconds.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static char buffer[1 << 18];

static void need(int isRight, const char *what)
{
    if (!isRight) {
        perror(what);
        exit(1);
    }
}

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static void sleepUntil(int64_t when)
{
    struct timespec time = {when / SECOND, when % SECOND};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
        continue;
}

static struct sockaddr_in address(const char *port)
{
    struct sockaddr_in found = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    found.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return found;
}

static void writeAll(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t wrote = write(fd, data, size);
        need(wrote > 0, "write");
        data += wrote;
        size -= wrote;
    }
}

static void noDelay(int fd)
{
    need(!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), "nodelay");
}

static _Noreturn void echo(const char *port)
{
    struct sockaddr_in here = address(port);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    need(!bind(listener, (struct sockaddr *)&here, sizeof here), "bind");
    need(!listen(listener, 16), "listen");
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        need(fd >= 0, "accept");
        noDelay(fd);
        for (ssize_t size; (size = read(fd, buffer, sizeof buffer)) > 0;)
            if (write(fd, buffer, size) != size)
                break;
        close(fd);
    }
}

static int ping(const char *port, int64_t interval, double seconds, size_t size)
{
    struct sockaddr_in there = address(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    need(!connect(fd, (struct sockaddr *)&there, sizeof there), "connect");
    noDelay(fd);
    char *message = malloc(size);
    need(message && size > 0, "size");
    memset(message, 'x', size);
    message[size - 1] = '\n';

    size_t room = 1 << 16, count = 0;
    int64_t *rtts = malloc(room * sizeof *rtts);
    int64_t due = now(), end = due + (int64_t)(seconds * SECOND);
    for (; due < end; due = interval ? due + interval : now()) {
        if (interval)
            sleepUntil(due);
        int64_t sent = now();
        writeAll(fd, message, size);
        ssize_t got;
        do {
            got = read(fd, buffer, sizeof buffer);
            need(got > 0, "read");
        } while (buffer[got - 1] != '\n');
        if (count == room)
            rtts = realloc(rtts, (room *= 2) * sizeof *rtts);
        need(rtts != NULL, "memory");
        rtts[count++] = now() - sent;
    }
    for (size_t at = 0; at < count; at++)
        printf("%" PRId64 "\n", rtts[at]);
    return 0;
}

static int timer(int64_t interval, double seconds)
{
    need(interval > 0, "interval");
    size_t count = seconds * SECOND / interval;
    int64_t *late = malloc(count * sizeof *late), due = now();
    need(late != NULL, "memory");
    for (size_t at = 0; at < count; at++) {
        sleepUntil(due += interval);
        late[at] = now() - due;
    }
    for (size_t at = 0; at < count; at++)
        printf("%" PRId64 "\n", late[at]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "echo"))
        echo(argv[2]);
    if (argc == 6 && !strcmp(argv[1], "ping"))
        return ping(argv[2], atoll(argv[3]), atof(argv[4]), atol(argv[5]));
    if (argc == 4 && !strcmp(argv[1], "timer"))
        return timer(atoll(argv[2]), atof(argv[3]));
    fputs("usage: pingpong echo PORT | ping PORT NS SECONDS SIZE | timer NS SECONDS\n",
          stderr);
    return 2;
}
