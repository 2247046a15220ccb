/*
 * What a connection of a load sends and receives by: a socket, or TLS over it.  The
 * results are those of send(2) and recv(2).  TLS needs OpenSSL: see WITH_TLS.
 */

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

struct channel {
    int fd;             /* non-blocking */
    struct ssl_st *tls; /* NULL for the bare socket */
};

#ifdef WITH_TLS

#include <openssl/ssl.h>

static ssize_t resultOf(SSL *tls, int result)
{
    if (result > 0)
        return result;
    switch (SSL_get_error(tls, result)) {
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_SYSCALL: return -1;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
    default: errno = EPROTO; return -1;
    }
}

/* Begin TLS; sending and receiving continue the handshake.  Tell whether it can be. */
static bool beginTls(struct channel *channel)
{
    static SSL_CTX *context;

    if (context == NULL) {
        context = SSL_CTX_new(TLS_client_method());
        if (context == NULL)
            return false;
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE
                                      | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        /* Some servers close without close_notify when they have seen our FIN. */
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF /* since OpenSSL 3, which else reports an error */
        SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
#endif
        /* Otherwise a record needs two reads of the socket. */
        SSL_CTX_set_read_ahead(context, 1);
    }
    channel->tls = SSL_new(context);
    if (channel->tls == NULL || !SSL_set_fd(channel->tls, channel->fd))
        return false;
    SSL_set_connect_state(channel->tls);
    return true;
}

static ssize_t sendTo(struct channel *channel, const char *data, size_t size)
{
    if (channel->tls == NULL)
        return send(channel->fd, data, size, MSG_NOSIGNAL);
    return resultOf(channel->tls, SSL_write(channel->tls, data, (int)size));
}

static ssize_t receiveFrom(struct channel *channel, char *data, size_t size)
{
    if (channel->tls == NULL)
        return recv(channel->fd, data, size, 0);
    return resultOf(channel->tls, SSL_read(channel->tls, data, (int)size));
}

/* Tell whether data can be sent only when data has come: in a handshake. */
static bool awaitsPeer(const struct channel *channel)
{
    return channel->tls != NULL && SSL_want_read(channel->tls);
}

/* Tell whether there is more to receive that the socket does not show. */
static bool holdsMore(const struct channel *channel)
{
    return channel->tls != NULL && SSL_has_pending(channel->tls);
}

/* End our side. */
static int endOutput(struct channel *channel)
{
    if (channel->tls != NULL && SSL_shutdown(channel->tls) < 0)
        return -1;
    return shutdown(channel->fd, SHUT_WR);
}

static void closeChannel(struct channel *channel)
{
    SSL_free(channel->tls);
    channel->tls = NULL;
    close(channel->fd);
}

#else

static bool beginTls(struct channel *channel)
{
    (void)channel;
    return false;
}

static ssize_t sendTo(struct channel *channel, const char *data, size_t size)
{
    return send(channel->fd, data, size, MSG_NOSIGNAL);
}

static ssize_t receiveFrom(struct channel *channel, char *data, size_t size)
{
    return recv(channel->fd, data, size, 0);
}

static bool awaitsPeer(const struct channel *channel)
{
    (void)channel;
    return false;
}

static bool holdsMore(const struct channel *channel)
{
    (void)channel;
    return false;
}

static int endOutput(struct channel *channel)
{
    return shutdown(channel->fd, SHUT_WR);
}

static void closeChannel(struct channel *channel)
{
    close(channel->fd);
}

#endif
