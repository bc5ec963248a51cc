/* tls_cert.c - the certificates of a server that was given none: self-signed, once per process. */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "io/tls_internal.h"

#define SAN "DNS:localhost,IP:127.0.0.1,IP:::1"

enum { NAME_MAX_LEN = 253 };

struct own_cert {
    X509 *cert;
    EVP_PKEY *key;
};
static struct own_cert own_ec, own_rsa;

static bool add_extension(X509 *cert, int nid, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool ok = extension && X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    return ok;
}

static bool set_serial(X509 *cert) {
    uint64_t serial;
    return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1);
}

/* Valid from yesterday (clocks differ) for a year. */
static bool fill(X509 *cert, EVP_PKEY *key, const char *common_name, const char *san) {
    X509_NAME *name = X509_get_subject_name(cert);
    return X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -86400L) &&
           X509_gmtime_adj(X509_getm_notAfter(cert), 365L * 86400) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name,
                                      -1, -1, 0) &&
           X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, key) &&
           add_extension(cert, NID_subject_alt_name, san) &&
           add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

/* key is owned from here on, also when this fails. */
static bool make_for(struct own_cert *own, EVP_PKEY *key, const char *name, const char *san) {
    X509 *cert = key ? X509_new() : NULL;
    if (!cert || !fill(cert, key, name, san)) {
        X509_free(cert);
        EVP_PKEY_free(key);
        return false;
    }
    own->cert = cert;
    own->key = key;
    return true;
}

static bool make(struct own_cert *own, EVP_PKEY *key) {
    return make_for(own, key, "localhost", SAN);
}

/* RFC 8422 section 5.1: the client must know the curve of the certificate, if it names any. */
static bool peer_knows_p256(SSL *ssl) {
    int groups[64];
    long n = SSL_get1_groups(ssl, NULL);
    if (n <= 0 || n > 64)
        return n <= 0;
    SSL_get1_groups(ssl, groups);
    for (long i = 0; i < n; i++)
        if (groups[i] == NID_X9_62_prime256v1)
            return true;
    return false;
}

/* signature 3 is ECDSA; in TLS 1.3 with hash 4 it is ecdsa_secp256r1_sha256 (RFC 8446 4.2.3). */
static bool peer_verifies_ecdsa(SSL *ssl, bool with_sha256) {
    unsigned char signature, hash;
    int n = SSL_get_sigalgs(ssl, 0, NULL, NULL, NULL, &signature, &hash);
    for (int i = 0; i < n; i++) {
        SSL_get_sigalgs(ssl, i, NULL, NULL, NULL, &signature, &hash);
        if (signature == 3 && (hash == 4 || !with_sha256))
            return true;
    }
    return n == 0 && !with_sha256; /* RFC 5246 section 7.4.1.4.1: nothing said is SHA-1 with all */
}

static bool ecdsa_cipher_shared(SSL *ssl) {
    STACK_OF(SSL_CIPHER) *theirs = SSL_get_client_ciphers(ssl);
    STACK_OF(SSL_CIPHER) *ours = SSL_get_ciphers(ssl);
    for (int i = 0; i < sk_SSL_CIPHER_num(ours); i++) {
        const SSL_CIPHER *c = sk_SSL_CIPHER_value(ours, i);
        if (SSL_CIPHER_get_auth_nid(c) == NID_auth_ecdsa && sk_SSL_CIPHER_find(theirs, c) >= 0)
            return true;
    }
    return false;
}

static bool ec_suffices(SSL *ssl) {
    if (SSL_version(ssl) >= TLS1_3_VERSION)
        return peer_verifies_ecdsa(ssl, true);
    return ecdsa_cipher_shared(ssl) && peer_verifies_ecdsa(ssl, false) && peer_knows_p256(ssl);
}

/* SSL_CTX_set_cert_cb. An RSA key takes a fifth of a second, so it is only made when a client comes
   that cannot do without. */
static int add_rsa(SSL *ssl, void *unused) {
    (void)unused;
    if (ec_suffices(ssl))
        return 1;
    if (!own_rsa.cert && !make(&own_rsa, EVP_RSA_gen(2048)))
        return 0;
    return SSL_use_certificate(ssl, own_rsa.cert) == 1 && SSL_use_PrivateKey(ssl, own_rsa.key) == 1;
}

static void forget(struct own_cert *own) {
    X509_free(own->cert);
    EVP_PKEY_free(own->key);
    *own = (struct own_cert){0};
}

static int use_named(SSL_CTX *context, const char *name) {
    struct own_cert own = {0};
    char san[NAME_MAX_LEN + sizeof "DNS:"];
    if (strlen(name) > NAME_MAX_LEN)
        return -1;
    snprintf(san, sizeof san, "DNS:%s", name);
    bool ok = make_for(&own, EVP_EC_gen("P-256"), name, san) &&
              SSL_CTX_use_certificate(context, own.cert) == 1 &&
              SSL_CTX_use_PrivateKey(context, own.key) == 1;
    forget(&own); /* the context holds them */
    return ok ? 0 : -1;
}

int tls_cert_use_own(SSL_CTX *context, const char *name) {
    if (name)
        return use_named(context, name);
    if (!own_ec.cert && !make(&own_ec, EVP_EC_gen("P-256")))
        return -1;
    if (SSL_CTX_use_certificate(context, own_ec.cert) != 1 ||
        SSL_CTX_use_PrivateKey(context, own_ec.key) != 1)
        return -1;
    SSL_CTX_set_cert_cb(context, add_rsa, NULL);
    return 0;
}

/* The certificate, or the key where there is one. */
static int append_pem(struct buf *pem, X509 *cert, EVP_PKEY *key) {
    char *octets;
    BIO *bio = BIO_new(BIO_s_mem());
    int status = -3;
    if (bio && (key ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                    : PEM_write_bio_X509(bio, cert)) == 1) {
        long n = BIO_get_mem_data(bio, &octets);
        status = buf_append(pem, octets, (size_t)n);
    }
    BIO_free(bio);
    return status;
}

int tls_own_certificates(struct buf *pem) {
    if ((!own_ec.cert && !make(&own_ec, EVP_EC_gen("P-256"))) ||
        (!own_rsa.cert && !make(&own_rsa, EVP_RSA_gen(2048)))) {
        ERR_clear_error();
        return -3;
    }
    int status = append_pem(pem, own_ec.cert, NULL);
    return status == 0 ? append_pem(pem, own_rsa.cert, NULL) : status;
}

int tls_own_identity(struct buf *pem, size_t *cert_len) {
    if (!own_ec.cert && !make(&own_ec, EVP_EC_gen("P-256"))) {
        ERR_clear_error();
        return -3;
    }
    int status = append_pem(pem, own_ec.cert, NULL);
    *cert_len = pem->len;
    return status == 0 ? append_pem(pem, NULL, own_ec.key) : status;
}

void tls_cert_cleanup(void) {
    forget(&own_ec);
    forget(&own_rsa);
}
