/*
 * A load of STAMP's test packets over UDP.
 *
 *   udpload window PORT OUTSTANDING MILLISECONDS
 *     keeps so many packets of 44 octets in flight, checks every reply, and prints the
 *     number of replies and the nanoseconds that they took;
 *   udpload flood PORT OCTETS TLVS MILLISECONDS
 *     sends packets of so many octets and so many TLVs as fast as it can, and prints
 *     their number.
 *
 * The reflector is on this machine.  Status 1: a reply was wrong, or there was none for a
 * second while all packets were in flight.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BASE = 44, LARGEST = 65507 };

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *why)
{
    fprintf(stderr, "udpload: %s\n", why);
    exit(1);
}

static void make(unsigned char *packet, uint32_t number)
{
    uint32_t wire = htonl(number);
    memset(packet, 0, BASE);
    memcpy(packet, &wire, 4);
    /* T1: an NTP time whose low octets are the packet's number. */
    packet[4] = 0xee;
    memcpy(packet + 8, &wire, 4);
    packet[12] = 0x3f;
    packet[13] = 0xff;
}

static int window(int peer, int outstanding, int64_t length)
{
    unsigned char packet[BASE], reply[LARGEST], expected[BASE];
    uint32_t next = 0, received = 0;
    struct timeval patience = {1, 0};
    setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (; next < (uint32_t)outstanding; next++) {
        make(packet, next);
        if (send(peer, packet, BASE, 0) != BASE)
            die("not sent");
    }
    int64_t began = now(), end = began + length;
    while (now() < end) {
        ssize_t got = recv(peer, reply, sizeof reply, 0);
        if (got != BASE)
            die(got < 0 ? "no reply" : "a reply of another length");
        make(expected, received);
        if (memcmp(reply, expected, 4) || memcmp(reply + 24, expected, 14))
            die("a reply to something else");
        if (!memcmp(reply + 4, expected + 16, 8) || !memcmp(reply + 16, expected + 16, 8))
            die("a reply without times");
        received++;
        make(packet, next++);
        if (send(peer, packet, BASE, 0) != BASE)
            die("not sent");
    }
    printf("%u %lld\n", received, (long long)(now() - began));
    return 0;
}

static int flood(int peer, int octets, int tlvs, int64_t length)
{
    static unsigned char packet[LARGEST];
    uint32_t sent = 0;
    make(packet, 0);
    if (tlvs && octets >= BASE + 4 * tlvs) {
        /* Extra Padding TLVs: the last one has all the padding. */
        int rest = octets - BASE - 4 * tlvs, at = BASE;
        for (int i = 0; i < tlvs; i++, at += 4) {
            int value = i == tlvs - 1 ? rest : 0;
            packet[at] = 0x80;
            packet[at + 1] = 1;
            packet[at + 2] = value >> 8;
            packet[at + 3] = value & 0xff;
        }
    }
    int64_t end = now() + length;
    while (now() < end) {
        for (int i = 0; i < 32; i++)
            if (send(peer, packet, octets, MSG_DONTWAIT) == octets)
                sent++;
        char nowhere[LARGEST];
        while (recv(peer, nowhere, sizeof nowhere, MSG_DONTWAIT) >= 0)
            ;
    }
    printf("%u\n", sent);
    return 0;
}

int main(int count, char **words)
{
    if (count < 5)
        die("window PORT OUTSTANDING MILLISECONDS, or flood PORT OCTETS TLVS MILLISECONDS");
    int peer = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(words[2]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(peer, (struct sockaddr *)&address, sizeof address))
        die("no socket");
    if (!strcmp(words[1], "window"))
        return window(peer, atoi(words[3]), atoll(words[4]) * 1000000);
    if (count > 5 && !strcmp(words[1], "flood"))
        return flood(peer, atoi(words[3]), atoi(words[4]), atoll(words[5]) * 1000000);
    die("neither window nor flood");
}
