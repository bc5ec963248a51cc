/* names.h - host names that were resolved, kept for the life of the process: all connections to a
   name and port go to the same address, and only the first one waits for a resolver. */
#ifndef IO_NAMES_H
#define IO_NAMES_H

#include <netdb.h>
#include <sys/socket.h>

enum { IO_ADDRESSES_MAX = 16 };

struct io_name {
    struct io_name *next;
    char *host;
    int port;
    int count;
    struct sockaddr_storage addresses[IO_ADDRESSES_MAX]; /* with the port, in the order of trying */
};

/* What is known of it; NULL: nothing. `localhost` and what ends in `.localhost` is the loopback
   address, whatever a resolver says (RFC 6761 section 6.3). */
struct io_name *io_name_find(const char *host, int port);
/* Keep what a resolver said of the name, whatever port its addresses have; families alternate, so
   that one that does not work costs one attempt (RFC 8305 section 4). NULL: out of memory. */
struct io_name *io_name_keep(const char *host, int port, const struct addrinfo *list);
/* A connection to this one of its addresses came to be: it is tried first from here on. */
void io_name_prefer(struct io_name *name, const struct sockaddr_storage *address);
void io_names_forget(void);

#endif
