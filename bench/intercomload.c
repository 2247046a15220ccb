/*
 * A load for servers that pass the lines of one connection on to all the others.  One
 * connection speaks, the others listen, and each gets all lines in order.  It checks every
 * line; README.rst explains the figures.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    STAMP = 27,    /* octets of "[Mon Dec 14 09:30:00 2015] " */
    NUMBER = 8,    /* hexadecimal digits at the start of a message */
    NAME = 32,     /* octets of "<127.0.0.1:12345> ", at most */
    SIZE = 4096,   /* octets of a message, at most */
    BATCH = 256,   /* connections opened at a time, well below every backlog */
    PATIENCE = 20, /* seconds */
    QUIET = 100,   /* milliseconds */
    READ = 1 << 18,
    EVENTS = 1024,
};

#define SECOND INT64_C(1000000000)

struct connection {
    int fd;
    unsigned number;                /* the speaker has 0 */
    unsigned heard;                 /* lines received */
    char part[STAMP + NAME + SIZE]; /* the beginning of a line */
    size_t partSize;
};

static struct {
    int listeners, burst, size;
    double warmUp, seconds;
    pid_t server;
    bool isPlain; /* lines have no stamp and name, and do not return to the speaker */
} options = {.listeners = 10, .burst = 64, .size = 64, .warmUp = 1, .seconds = 2};

static struct sockaddr_in target;
static clockid_t serverClock;
static int poller;
static struct connection *all;
static char *burst;              /* the messages that are sent together */
static char name[NAME];          /* the prefix of another's message */
static char expected[2][SIZE];   /* the line for the speaker, and for the others */
static time_t began;
static unsigned said;            /* lines sent */
static int complete;             /* connections that have got all of them */
static uint64_t bursts;

static _Noreturn void fail(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("intercomload: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(status);
}

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL)
        fail(2, "no memory");
    return memory;
}

static int64_t clockNs(clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time))
        fail(1, "cannot read a clock: %s", strerror(errno));
    return time.tv_sec * SECOND + time.tv_nsec;
}

static int64_t now(void)
{
    return clockNs(CLOCK_MONOTONIC);
}

/* The wall clock's second; time(2) is a tick behind it. */
static time_t second(void)
{
    return clockNs(CLOCK_REALTIME) / SECOND;
}

static void writeHex(char *to, unsigned number)
{
    for (int digit = NUMBER - 1; digit >= 0; digit--, number >>= 4)
        to[digit] = "0123456789abcdef"[number & 15];
}

/* Tell whether the second of a stamp lies between the start and now. */
static bool stampIsTrue(const char *stamp)
{
    static char known[STAMP];

    if (memcmp(stamp, known, STAMP)) {
        char text[STAMP + 1] = "";
        struct tm fields = {0};
        memcpy(text, stamp, STAMP);
        char *end = strptime(text, "[%a %b %d %H:%M:%S %Y]", &fields);
        if (end != text + STAMP - 1 || *end != ' ')
            return false;
        fields.tm_isdst = -1;
        time_t shown = mktime(&fields);
        if (shown < began || shown > second())
            return false;
        memcpy(known, stamp, STAMP);
    }
    return true;
}

static void checkLine(struct connection *c, const char *line, size_t size)
{
    bool isOwn = c->number == 0;
    size_t nameSize = isOwn || options.isPlain ? 0 : strlen(name);
    size_t stampSize = options.isPlain ? 0 : STAMP;
    char *message = expected[!isOwn && !options.isPlain];

    if (c->heard == said)
        fail(1, "connection %u: more than was said", c->number);
    writeHex(message, c->heard);
    if (size != stampSize + nameSize + (size_t)options.size
        || memcmp(line + stampSize, name, nameSize)
        || memcmp(line + stampSize + nameSize, message, (size_t)options.size))
        fail(1, "connection %u: line %u came as %.*s", c->number, c->heard, (int)size, line);
    if (stampSize && !stampIsTrue(line))
        fail(1, "connection %u: line %u has a wrong stamp: %.*s", c->number, c->heard, STAMP,
             line);
    c->heard++;
    complete += c->heard == said;
}

static void receive(struct connection *c)
{
    static char buffer[sizeof c->part + READ];

    memcpy(buffer, c->part, c->partSize);
    ssize_t count = recv(c->fd, buffer + c->partSize, READ, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count < 0)
        fail(1, "connection %u: %s", c->number, strerror(errno));
    if (count == 0)
        fail(1, "connection %u ended at line %u", c->number, c->heard);
    char *line = buffer, *end = buffer + c->partSize + count, *newline;
    while ((newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        checkLine(c, line, (size_t)(newline + 1 - line));
        line = newline + 1;
    }
    c->partSize = (size_t)(end - line);
    if (c->partSize > sizeof c->part)
        fail(1, "connection %u: line %u has no end", c->number, c->heard);
    memcpy(c->part, line, c->partSize);
}

/* Send so many lines at once. */
static void say(void)
{
    size_t size = (size_t)options.size, there = (size_t)options.burst * size;

    for (int i = 0; i < options.burst; i++)
        writeHex(burst + (size_t)i * size, said++);
    complete = 0;
    bursts++;
    for (size_t gone = 0; gone < there;) {
        ssize_t taken = send(all->fd, burst + gone, there - gone, MSG_NOSIGNAL);
        if (taken < 0 && errno != EINTR)
            fail(1, "cannot speak: %s", strerror(errno));
        gone += taken > 0 ? (size_t)taken : 0;
    }
}

/* Wait for input, and process it. */
static void turn(void)
{
    static struct epoll_event events[EVENTS];

    int count = epoll_wait(poller, events, EVENTS, PATIENCE * 1000);
    if (count < 0 && errno != EINTR)
        fail(2, "epoll_wait: %s", strerror(errno));
    if (count == 0)
        fail(1, "nothing came for %d s; %d connections have heard all %u lines", PATIENCE,
             complete, said);
    for (int i = 0; i < count; i++)
        receive(events[i].data.ptr);
}

/* Send the next lines when the last ones have returned.  Where they do not return, send
 * when the first listener has got them.  At the end wait until all have got everything. */
static void runFor(double seconds)
{
    const struct connection *pace = all + options.isPlain;
    int64_t until = now() + (int64_t)(seconds * (double)SECOND);

    while (now() < until) {
        say();
        while (pace->heard < said)
            turn();
    }
    while (complete < options.listeners + !options.isPlain)
        turn();
}

/* A server that was idle for a while has accepted all connections. */
static void awaitQuiet(void)
{
    int64_t before;
    do {
        before = clockNs(serverClock);
        usleep(QUIET * 1000);
    } while (clockNs(serverClock) != before);
}

static void openConnection(struct connection *c)
{
    const int yes = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0)
        fail(2, "socket: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(c->fd, (struct sockaddr *)&target, sizeof target))
        fail(1, "connection %u: cannot connect: %s", c->number, strerror(errno));
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event))
        fail(2, "epoll_ctl: %s", strerror(errno));
}

static void readOptions(int count, char **words)
{
    int option;
    while ((option = getopt(count, words, "l:k:m:w:s:p:r")) != -1)
        switch (option) {
        case 'l': options.listeners = atoi(optarg); break;
        case 'k': options.burst = atoi(optarg); break;
        case 'm': options.size = atoi(optarg); break;
        case 'w': options.warmUp = atof(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'p': options.server = (pid_t)atoi(optarg); break;
        case 'r': options.isPlain = true; break;
        default: exit(2);
        }
    if (count - optind != 2 || options.listeners < 1 || options.burst < 1
        || options.size <= NUMBER || options.size > SIZE || options.seconds <= 0
        || clock_getcpuclockid(options.server, &serverClock))
        fail(2, "[-l LISTENERS] [-k LINES AT ONCE] [-m OCTETS] [-w WARM-UP] [-s SECONDS] "
                "[-r (lines are not changed)] -p SERVER'S PID HOST PORT");
    target.sin_family = AF_INET;
    target.sin_port = htons((uint16_t)atoi(words[optind + 1]));
    if (!inet_aton(words[optind], &target.sin_addr))
        fail(2, "%s is no IPv4 address", words[optind]);
}

/* A message has any ASCII but a newline.  The others get tabs, and "?" for controls. */
static void prepare(void)
{
    size_t size = (size_t)options.size;

    for (size_t i = 0; i < size; i++) {
        char octet = (char)(i % 128 == '\n' ? 0 : i % 128);
        bool isControl = (octet < 32 && octet != '\t') || octet == 127;
        expected[0][i] = octet;
        expected[1][i] = isControl ? '?' : octet;
    }
    expected[0][size - 1] = expected[1][size - 1] = '\n';
    burst = allocate((size_t)options.burst * size);
    for (int i = 0; i < options.burst; i++)
        memcpy(burst + (size_t)i * size, expected[0], size);
    all = allocate((size_t)(options.listeners + 1) * sizeof *all);
    poller = epoll_create1(0);
    began = second();
}

int main(int count, char **words)
{
    struct sockaddr_in own;
    socklen_t ownSize = sizeof own;

    readOptions(count, words);
    prepare();
    for (int i = 0; i <= options.listeners; i++) {
        if (i % BATCH == 0)
            awaitQuiet();
        all[i].number = (unsigned)i;
        openConnection(&all[i]);
    }
    awaitQuiet();
    if (getsockname(all->fd, (struct sockaddr *)&own, &ownSize))
        fail(2, "getsockname: %s", strerror(errno));
    if (!options.isPlain)
        snprintf(name, sizeof name, "<%s:%d> ", inet_ntoa(own.sin_addr), ntohs(own.sin_port));
    runFor(options.warmUp);

    unsigned before = said;
    bursts = 0;
    int64_t cpu = clockNs(serverClock), start = now();
    runFor(options.seconds);
    cpu = clockNs(serverClock) - cpu;
    double seconds = (double)(now() - start) / (double)SECOND;
    double deliveries = (double)(said - before) * options.listeners;

    printf("{\"lines\": %u, \"seconds\": %.6f, \"deliveriesPerSecond\": %.1f, "
           "\"cpuPerDelivery\": %.2f, \"cpuPerBurst\": %.1f}\n",
           said - before, seconds, deliveries / seconds, (double)cpu / deliveries,
           (double)cpu / (double)bursts);
    return 0;
}
