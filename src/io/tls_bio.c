/* tls_bio.c - a memory BIO over our own buffers: bounded, checked, and given back when empty. */
#include <limits.h>
#include <string.h>

#include <openssl/bio.h>

#include "io/tls_internal.h"

static int bio_read(BIO *bio, char *out, size_t n, size_t *got) {
    struct tls_conn *t = BIO_get_data(bio);
    size_t left = t->in.len - t->in_pos;
    BIO_clear_retry_flags(bio);
    *got = 0;
    if (left == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *got = n < left ? n : left;
    memcpy(out, t->in.data + t->in_pos, *got);
    t->in_pos += *got;
    if (t->in_pos == t->in.len) { /* an idle connection holds no buffer */
        buf_clear(&t->in);
        t->in_pos = 0;
    }
    return 1;
}

static int bio_write(BIO *bio, const char *octets, size_t n, size_t *written) {
    struct tls_conn *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *written = buf_append(&t->out, octets, n) == 0 ? n : 0;
    return *written == n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_method(void) {
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "octets");
    if (m && BIO_meth_set_read_ex(m, bio_read) && BIO_meth_set_write_ex(m, bio_write) &&
        BIO_meth_set_ctrl(m, bio_ctrl))
        return m;
    BIO_meth_free(m);
    return NULL;
}

BIO *tls_bio_new(struct tls_conn *t) {
    static BIO_METHOD *method; /* for the whole process */
    if (!method)
        method = make_method();
    BIO *bio = method ? BIO_new(method) : NULL;
    if (!bio)
        return NULL;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    return bio;
}
