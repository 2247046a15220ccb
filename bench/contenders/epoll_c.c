/*
 * A loop around epoll in C, with the rules of echostamp/line/stamper.py: the least CPU
 * time that the machine needs.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { STAMP = 27, READ = 65536, LONGEST = 65536, BACKLOG = 1024, EVENTS = 1024 };

struct connection {
    int fd;
    char *held;   /* the message that has not ended */
    size_t heldSize;
    bool passing; /* whether it is too long to be kept */
    char *rest;   /* of a reply: the kernel has not accepted it */
    size_t restStart, restEnd;
};

static int poller;
/* Long enough for the replies to a read of newlines only. */
static char reply[LONGEST + STAMP + READ * (STAMP + 1)];
static size_t replySize;

static void *checked(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

static void watch(struct connection *c, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, operation, c->fd, &event))
        abort();
}

static const char *stampNow(void)
{
    static char stamp[64];
    static time_t shown = -1;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != shown) {
        struct tm fields;
        shown = now.tv_sec;
        strftime(stamp, sizeof stamp, "[%a %b %e %H:%M:%S %Y] ", localtime_r(&shown, &fields));
    }
    return stamp;
}

static void put(const char *data, size_t size)
{
    memcpy(reply + replySize, data, size);
    replySize += size;
}

static void putHeld(struct connection *c, const char *stamp)
{
    put(stamp, STAMP);
    put(c->held, c->heldSize);
    free(c->held);
    c->held = NULL;
    c->heldSize = 0;
}

static void feed(struct connection *c, const char *data, size_t size)
{
    const char *stamp = stampNow(), *end = data + size, *newline;

    for (; (newline = memchr(data, '\n', (size_t)(end - data))); data = newline + 1) {
        if (!c->passing)
            putHeld(c, stamp);
        put(data, (size_t)(newline + 1 - data));
        c->passing = false;
    }
    size = (size_t)(end - data);
    if (c->passing) {
        put(data, size);
    } else if (size) {
        c->held = checked(realloc(c->held, c->heldSize + size));
        memcpy(c->held + c->heldSize, data, size);
        c->heldSize += size;
        if ((c->passing = c->heldSize > LONGEST))
            putHeld(c, stamp);
    }
}

static void drop(struct connection *c)
{
    close(c->fd);
    free(c->held);
    free(c->rest);
    free(c);
}

static void receive(struct connection *c)
{
    static char data[READ];
    ssize_t count = recv(c->fd, data, READ, 0);

    if (count <= 0) {
        drop(c);
        return;
    }
    replySize = 0;
    feed(c, data, (size_t)count);
    ssize_t sent = send(c->fd, reply, replySize, MSG_NOSIGNAL);
    c->restStart = sent < 0 ? 0 : (size_t)sent;
    if (c->restStart < replySize) {
        c->restEnd = replySize;
        c->rest = memcpy(checked(malloc(replySize)), reply, replySize);
        watch(c, EPOLL_CTL_MOD, EPOLLOUT);
    }
}

static void sendRest(struct connection *c)
{
    ssize_t sent = send(c->fd, c->rest + c->restStart, c->restEnd - c->restStart, MSG_NOSIGNAL);

    if (sent < 0) {
        drop(c);
        return;
    }
    c->restStart += (size_t)sent;
    if (c->restStart == c->restEnd) {
        free(c->rest);
        c->rest = NULL;
        watch(c, EPOLL_CTL_MOD, EPOLLIN);
    }
}

static void acceptAll(int listener)
{
    const int yes = 1;
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct connection *c = checked(calloc(1, sizeof *c));
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(int count, char **words)
{
    static struct epoll_event events[EVENTS];
    const int yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct connection listener = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)(count > 1 ? atoi(words[1]) : 0));
    setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    poller = epoll_create1(0);
    if (bind(listener.fd, (struct sockaddr *)&address, sizeof address)
        || listen(listener.fd, BACKLOG)) {
        perror(words[0]);
        return 1;
    }
    watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == &listener)
                acceptAll(c->fd);
            else if (c->rest)
                sendRest(c);
            else
                receive(c);
        }
    }
}
