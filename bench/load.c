/*
 * A load for a timestamp echo.  It checks every reply.  README.rst explains the figures.
 * Messages are lines of one size, and stamps are in the format of ctime(3).
 */

#define _GNU_SOURCE

#include "channel.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

enum {
    STAMP = 27,      /* octets of "[Mon Dec 14 09:30:00 2015] " */
    NUMBERS = 16,    /* octets of a message's two numbers */
    BATCH = 256,     /* connections opened at a time, well below every backlog */
    PATIENCE = 10,   /* seconds */
    SOURCES = 200,   /* addresses to connect from: one has too few ports */
    SERVERS = 65,    /* the most processes of a server */
    READ = 1 << 18,
    EVENTS = 1024,
};

#define SECOND INT64_C(1000000000)

struct connection {
    struct channel channel;
    unsigned number;
    unsigned sent, answered; /* messages; their numbers wrap as these do */
    int64_t *sentAt;         /* times of the unanswered messages, as a ring */
    int64_t openedAt;
    char *out;               /* octets that the kernel has not accepted */
    size_t outStart, outEnd;
    char *part;              /* the beginning of a reply */
    size_t partSize;
    bool awaitsRoom, isEnding;
};

static struct {
    const char *host;
    int port;
    int connections, busy, outstanding, size;
    double warmUp, seconds;
    pid_t server[SERVERS];
    int servers;
    bool once, tls;
} options = {.connections = 1, .outstanding = 1, .size = 32, .warmUp = 0.5, .seconds = 2};

static struct sockaddr_in target;
static int poller;
static struct connection *all;
static char *template;
static char *expected;
static bool isSending; /* whether a reply is followed by the next message */
static uint64_t owed;  /* replies that are missing */
static int standing;   /* connections that are open */

static uint64_t messages; /* of this phase, like the histogram */
static int64_t longest;

/*
 * The histogram is exact below 256 ns.  Above, it has 128 buckets for each power of two,
 * so a percentile is at most 0.8 % too high.
 */
enum { FINE = 7, BUCKETS = (64 - FINE) << FINE };
static uint64_t histogram[BUCKETS];

static void record(int64_t ns)
{
    uint64_t value = ns > 0 ? (uint64_t)ns : 0;
    int shift = value >> FINE ? 63 - __builtin_clzll(value) - FINE : 0;
    histogram[((uint64_t)shift << FINE) + (value >> shift)]++;
    if (ns > longest)
        longest = ns;
    messages++;
}

static int64_t percentile(double part)
{
    uint64_t rank = (uint64_t)(part * (double)messages), seen = 0;
    for (uint64_t bucket = 0; bucket < BUCKETS; bucket++) {
        seen += histogram[bucket];
        if (seen > rank) {
            uint64_t shift = bucket >> (FINE + 1) ? (bucket >> FINE) - 1 : 0;
            int64_t top = (int64_t)((((bucket - (shift << FINE)) + 1) << shift) - 1);
            return top < longest ? top : longest;
        }
    }
    return longest;
}

static _Noreturn void fail(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
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
        fail(2, "cannot read a clock: %s", strerror(errno));
    return time.tv_sec * SECOND + time.tv_nsec;
}

static int64_t now(void)
{
    return clockNs(CLOCK_MONOTONIC);
}

/*
 * User and system time of all threads of the server's processes, including those that
 * have ended.
 */
static int64_t serverCpu(void)
{
    int64_t sum = 0;
    for (int i = 0; i < options.servers; i++) {
        clockid_t clock;
        if (clock_getcpuclockid(options.server[i], &clock))
            fail(1, "process %d is gone", (int)options.server[i]);
        sum += clockNs(clock);
    }
    return sum;
}

static int64_t serverMemory(void)
{
    int64_t sum = 0;
    for (int i = 0; i < options.servers; i++) {
        char path[64];
        long pages = 0;
        snprintf(path, sizeof path, "/proc/%d/statm", (int)options.server[i]);
        FILE *file = fopen(path, "r");
        if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
            fail(1, "%s cannot be read", path);
        fclose(file);
        sum += (int64_t)pages * sysconf(_SC_PAGESIZE);
    }
    return sum;
}

static void writeHex(char *to, unsigned number)
{
    for (int digit = 7; digit >= 0; digit--, number >>= 4)
        to[digit] = "0123456789abcdef"[number & 15];
}

static void writeMessage(char *to, const struct connection *c, unsigned sequence)
{
    memcpy(to, template, (size_t)options.size);
    writeHex(to, c->number);
    writeHex(to + NUMBERS / 2, sequence);
}

/* Tell whether the second of a stamp lies between sending and receiving. */
static bool stampIsTrue(const char *stamp, int64_t sentAt, int64_t receivedAt)
{
    static char known[STAMP];
    static time_t shown;
    static int64_t wall;

    if (memcmp(stamp, known, STAMP)) {
        char text[STAMP + 1] = "";
        struct tm fields = {0};
        memcpy(text, stamp, STAMP);
        char *end = strptime(text, "[%a %b %d %H:%M:%S %Y]", &fields);
        if (end != text + STAMP - 1 || *end != ' ')
            return false;
        fields.tm_isdst = -1;
        shown = mktime(&fields);
        memcpy(known, stamp, STAMP);
        wall = clockNs(CLOCK_REALTIME) - now();
    }
    /* The two clocks are not read at the same moment. */
    return shown >= (sentAt + wall - SECOND / 1000) / SECOND
        && shown <= (receivedAt + wall + SECOND / 1000) / SECOND;
}

static void watch(struct connection *c, int operation)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (c->awaitsRoom)
        event.events |= EPOLLOUT;
    if (epoll_ctl(poller, operation, c->channel.fd, &event))
        fail(2, "epoll_ctl: %s", strerror(errno));
}

static void flush(struct connection *c)
{
    ssize_t taken = sendTo(&c->channel, c->out + c->outStart, c->outEnd - c->outStart);
    if (taken < 0) {
        if (errno != EAGAIN && errno != EINTR)
            fail(1, "connection %u: cannot send: %s", c->number, strerror(errno));
        taken = 0;
    }
    c->outStart += (size_t)taken;
    bool isFull = c->outStart < c->outEnd && !awaitsPeer(&c->channel);
    if (c->outStart == c->outEnd)
        c->outStart = c->outEnd = 0;
    if (isFull != c->awaitsRoom) {
        c->awaitsRoom = isFull;
        watch(c, EPOLL_CTL_MOD);
    }
}

/* Send until so many messages are unanswered. */
static void fill(struct connection *c, unsigned outstanding)
{
    if (c->outStart > 0) {
        memmove(c->out, c->out + c->outStart, c->outEnd - c->outStart);
        c->outEnd -= c->outStart;
        c->outStart = 0;
    }
    int64_t moment = now();
    for (; c->sent - c->answered < outstanding; c->sent++, owed++) {
        writeMessage(c->out + c->outEnd, c, c->sent);
        c->outEnd += (size_t)options.size;
        c->sentAt[c->sent % (unsigned)options.outstanding] = moment;
    }
    if (!c->awaitsRoom)
        flush(c);
}

static void openConnection(struct connection *c)
{
    static unsigned opened;
    const int yes = 1;

    c->openedAt = now();
    c->channel.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->channel.fd < 0)
        fail(2, "socket: %s", strerror(errno));
    setsockopt(c->channel.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (ntohl(target.sin_addr.s_addr) >> 24 == 127) {
        struct sockaddr_in source = {.sin_family = AF_INET};
        source.sin_addr.s_addr = htonl(0x7f010001 + opened++ % SOURCES);
        setsockopt(c->channel.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
        if (bind(c->channel.fd, (struct sockaddr *)&source, sizeof source))
            fail(2, "bind: %s", strerror(errno));
    }
    if (connect(c->channel.fd, (struct sockaddr *)&target, sizeof target) && errno != EINPROGRESS)
        fail(1, "cannot connect: %s", strerror(errno));
    c->awaitsRoom = c->isEnding = false;
    c->partSize = 0;
    if (options.tls && !beginTls(&c->channel))
        fail(2, "no TLS: this was compiled without OpenSSL, or OpenSSL fails");
    standing++;
    watch(c, EPOLL_CTL_ADD);
    fill(c, 1);
}

/* End our side; the server then closes. */
static void endConnection(struct connection *c)
{
    c->isEnding = true;
    if (endOutput(&c->channel))
        fail(1, "connection %u: %s", c->number, strerror(errno));
}

static void connectionEnded(struct connection *c)
{
    if (!c->isEnding)
        fail(1, "connection %u ended with %u replies owed", c->number, c->sent - c->answered);
    closeChannel(&c->channel);
    standing--;
    if (options.once) {
        record(now() - c->openedAt);
        if (isSending)
            openConnection(c);
    }
}

static void checkReply(struct connection *c, const char *reply, int64_t receivedAt)
{
    if (c->sent == c->answered)
        fail(1, "connection %u: a reply to nothing", c->number);
    int64_t sentAt = c->sentAt[c->answered % (unsigned)options.outstanding];
    if (!stampIsTrue(reply, sentAt, receivedAt))
        fail(1, "connection %u: message %u has a wrong stamp: %.*s", c->number, c->answered,
             STAMP, reply);
    writeMessage(expected, c, c->answered);
    if (memcmp(reply + STAMP, expected, (size_t)options.size))
        fail(1, "connection %u: message %u came back as another: %.*s", c->number,
             c->answered, NUMBERS, reply + STAMP);
    c->answered++;
    owed--;
    if (!options.once)
        record(receivedAt - sentAt);
}

static void receive(struct connection *c)
{
    static char *buffer;
    const size_t size = STAMP + (size_t)options.size;

    if (buffer == NULL)
        buffer = allocate(READ + size);
    memcpy(buffer, c->part, c->partSize);
    ssize_t count = receiveFrom(&c->channel, buffer + c->partSize, READ);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        /* The handshake may be complete now. */
        if (c->outEnd && !c->awaitsRoom)
            flush(c);
        return;
    }
    if (count < 0)
        fail(1, "connection %u: %s", c->number, strerror(errno));
    if (count == 0) {
        connectionEnded(c);
        return;
    }
    int64_t receivedAt = now();
    size_t done = 0, there = c->partSize + (size_t)count;
    for (; there - done >= size; done += size)
        checkReply(c, buffer + done, receivedAt);
    c->partSize = there - done;
    if (c->partSize && c->sent == c->answered)
        fail(1, "connection %u: more than the replies", c->number);
    memcpy(c->part, buffer + done, c->partSize);
    if (options.once && c->sent == c->answered)
        endConnection(c);
    else if (isSending && done && c->number < (unsigned)options.busy)
        fill(c, (unsigned)options.outstanding);
}

/* Wait for events, at most until a moment, and process them. */
static void turn(int64_t until)
{
    static struct epoll_event events[EVENTS];
    static int64_t heard;
    int64_t moment = now();
    int64_t rest = until - moment < SECOND ? until - moment : SECOND;

    if (!heard)
        heard = moment;
    int count = epoll_wait(poller, events, EVENTS, (int)((rest + 999999) / 1000000));
    if (count < 0 && errno != EINTR)
        fail(2, "epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        struct connection *c = events[i].data.ptr;
        if (events[i].events & EPOLLOUT)
            flush(c);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            do
                receive(c);
            while (holdsMore(&c->channel));
    }
    if (count > 0)
        heard = now();
    else if (now() - heard > PATIENCE * SECOND)
        fail(1, "nothing came for %d s, %" PRIu64 " replies are owed", PATIENCE, owed);
}

static void runFor(double seconds)
{
    int64_t until = now() + (int64_t)(seconds * (double)SECOND);
    while (now() < until)
        turn(until);
}

static void readOptions(int count, char **words)
{
    int option;
    while ((option = getopt(count, words, "c:b:k:m:w:s:p:ot")) != -1)
        switch (option) {
        case 'c': options.connections = atoi(optarg); break;
        case 'b': options.busy = atoi(optarg); break;
        case 'k': options.outstanding = atoi(optarg); break;
        case 'm': options.size = atoi(optarg); break;
        case 'w': options.warmUp = atof(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'p':
            if (options.servers == SERVERS)
                fail(2, "more than %d processes", SERVERS);
            options.server[options.servers++] = (pid_t)atoi(optarg);
            break;
        case 'o': options.once = true; break;
        case 't': options.tls = true; break;
        default: exit(2);
        }
    if (!options.busy)
        options.busy = options.connections;
    if (count - optind != 2 || options.connections < 1 || options.outstanding < 1
        || options.size <= NUMBERS || options.seconds <= 0)
        fail(2, "[-c CONNECTIONS] [-b BUSY] [-k OUTSTANDING] [-m OCTETS] [-w WARM-UP] "
                "[-s SECONDS] [-p SERVER'S PID]... [-o (one message a connection)] "
                "[-t (TLS)] HOST PORT");
    target.sin_family = AF_INET;
    target.sin_port = htons((uint16_t)atoi(words[optind + 1]));
    if (!inet_aton(words[optind], &target.sin_addr))
        fail(2, "%s is no IPv4 address", words[optind]);
}

static void prepare(void)
{
    size_t outstanding = (size_t)options.outstanding, size = (size_t)options.size;

    /* A message has any octet but a newline; it returns unchanged. */
    template = allocate(size);
    for (size_t i = 0; i < size; i++)
        template[i] = (char)(i % 256 == '\n' ? 0 : i % 256);
    template[size - 1] = '\n';
    expected = allocate(size);
    all = allocate((size_t)options.connections * sizeof *all);
    for (int i = 0; i < options.connections; i++) {
        all[i].number = (unsigned)i;
        all[i].sentAt = allocate(outstanding * sizeof *all[i].sentAt);
        all[i].out = allocate(outstanding * size);
        all[i].part = allocate(STAMP + size);
    }
    poller = epoll_create1(0);
}

int main(int count, char **words)
{
    int64_t memoryBefore = 0;
    int opened = 0;

    readOptions(count, words);
    prepare();
    /* OpenSSL writes to a socket without MSG_NOSIGNAL. */
    signal(SIGPIPE, SIG_IGN);
    /* A connection has been accepted once its first reply arrives. */
    for (; opened < options.connections; opened++) {
        if (opened % BATCH == 0)
            while (owed && !options.once)
                turn(INT64_MAX);
        if (opened == BATCH)
            memoryBefore = serverMemory();
        openConnection(&all[opened]);
    }
    while (owed && !options.once)
        turn(INT64_MAX);
    int64_t memory = serverMemory() - memoryBefore;

    isSending = true;
    for (int i = 0; i < options.busy && !options.once; i++)
        fill(&all[i], (unsigned)options.outstanding);
    runFor(options.warmUp);

    memset(histogram, 0, sizeof histogram);
    longest = 0;
    messages = 0;
    int64_t cpu = serverCpu(), own = clockNs(CLOCK_PROCESS_CPUTIME_ID), began = now();
    runFor(options.seconds);
    own = clockNs(CLOCK_PROCESS_CPUTIME_ID) - own;
    cpu = serverCpu() - cpu;
    double seconds = (double)(now() - began) / (double)SECOND;
    int64_t p50 = percentile(0.5), p99 = percentile(0.99), p999 = percentile(0.999);
    int64_t max = longest;
    uint64_t measured = messages;

    isSending = false;
    while (owed)
        turn(INT64_MAX);
    for (int i = 0; i < options.connections && !options.once; i++)
        endConnection(&all[i]);
    while (standing)
        turn(INT64_MAX);

    if (!measured)
        fail(1, "no message was answered in %g s", seconds);
    printf("{\"messages\": %" PRIu64 ", \"seconds\": %.6f, \"messagesPerSecond\": %.1f, "
           "\"p50\": %" PRId64 ", \"p99\": %" PRId64 ", \"p99.9\": %" PRId64
           ", \"max\": %" PRId64 ", \"errors\": 0",
           measured, seconds, (double)measured / seconds, p50, p99, p999, max);
    printf(", \"ownCpuPerMessage\": %.1f", (double)own / (double)measured);
    if (options.servers)
        printf(", \"cpuPerMessage\": %.1f", (double)cpu / (double)measured);
    if (options.servers && opened > BATCH)
        printf(", \"memoryPerConnection\": %.1f", (double)memory / (opened - BATCH));
    puts("}");
    return 0;
}
