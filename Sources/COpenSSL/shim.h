// SPDX-License-Identifier: Apache-2.0
// OpenSSL as Swift sees it; macros that Swift cannot call get a wrapper here.
#pragma once
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// MARK: Errors and memory

static inline int openssl_reason(unsigned long code) { return ERR_GET_REASON(code); }

/// Whether an error is of TLS itself, and not of what is below it.
static inline int openssl_is_tls(unsigned long code) { return ERR_GET_LIB(code) == ERR_LIB_SSL; }

static inline void *openssl_allocate(size_t count) { return OPENSSL_malloc(count); }

static inline void openssl_free(void *memory) { OPENSSL_free(memory); }

// MARK: Contexts

/// TLS 1.2 and later.
static inline int openssl_require_tls12(SSL_CTX *context) {
    return (int)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

/// The server's order of suites counts, except that a client without AES instructions may put
/// ChaCha20 first; nothing is renegotiated or compressed, nobody is told to trust a short close.
static inline void openssl_set_server_options(SSL_CTX *context) {
    SSL_CTX_set_options(
        context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA
                     | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}

/// Buffers are given back while nothing is in them; a write may take a part, and go on from a copy
/// of its bytes; one read takes what the kernel has, also beyond the record it is after.
static inline void openssl_set_buffering(SSL_CTX *context) {
    SSL_CTX_set_mode(
        context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
                     | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
}

/// Sessions live in tickets alone.
static inline void openssl_keep_no_sessions(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

/// The longest chain that a client may show, in bytes.
static inline void openssl_limit_certificates(SSL_CTX *context, long count) {
    SSL_CTX_set_max_cert_list(context, count);
}

static inline int openssl_set_groups(SSL_CTX *context, const char *names) {
    return (int)SSL_CTX_set1_groups_list(context, names);
}

/// Sends the chain that was given and looks for no other: that would be done in each handshake, among the
/// authorities of clients.
static inline void openssl_find_no_chain(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
}

static inline int openssl_add_to_chain(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline void openssl_on_server_name(SSL_CTX *context, int (*choose)(SSL *, int *, void *)) {
    SSL_CTX_set_tlsext_servername_callback(context, choose);
}

static inline void openssl_on_status_request(SSL_CTX *context, int (*answer)(SSL *, void *)) {
    SSL_CTX_set_tlsext_status_cb(context, answer);
}

/// Takes over `response`, which `OPENSSL_malloc` made.
static inline void openssl_set_status_response(SSL *session, unsigned char *response, int count) {
    SSL_set_tlsext_status_ocsp_resp(session, response, count);
}

// MARK: Clients

static inline int openssl_set_server_name(SSL *session, const char *name) {
    return (int)SSL_set_tlsext_host_name(session, name);
}

// MARK: Tickets

/// Prepares cipher and authentication of one ticket: AES-256-CBC and HMAC-SHA-256.
static inline int openssl_prepare_ticket(
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, const unsigned char *cipher_key,
    const unsigned char *mac_key, const unsigned char *vector, int is_sealing) {
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)mac_key, 32),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, parameters)
        && EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, cipher_key, vector, is_sealing);
}

// MARK: OCSP

/// Reads a response in DER; null where it is none.
static inline OCSP_RESPONSE *openssl_read_response(const unsigned char *bytes, long count) {
    return d2i_OCSP_RESPONSE(NULL, &bytes, count);
}

// MARK: Keys

/// Reads a SubjectPublicKeyInfo in DER; null where it is none.
static inline EVP_PKEY *openssl_read_public_key(const unsigned char *bytes, long count) {
    return d2i_PUBKEY(NULL, &bytes, count);
}

/// Reads a private key of any kind in DER; null where it is none.
static inline EVP_PKEY *openssl_read_private_key(const unsigned char *bytes, long count) {
    return d2i_AutoPrivateKey(NULL, &bytes, count);
}

/// A new key on P-256, or null.
static inline EVP_PKEY *openssl_make_curve_key(void) { return EVP_EC_gen("P-256"); }

// MARK: Lists

static inline int openssl_certificate_count(const STACK_OF(X509) *list) { return sk_X509_num(list); }

static inline X509 *openssl_certificate(const STACK_OF(X509) *list, int index) {
    return sk_X509_value(list, index);
}

/// The subject's alternative names, or null; to be freed with `GENERAL_NAMES_free`.
static inline GENERAL_NAMES *openssl_alternative_names(const X509 *certificate) {
    return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

static inline int openssl_name_count(const GENERAL_NAMES *names) {
    return sk_GENERAL_NAME_num(names);
}

/// The bytes of one name where it is a DNS name (`GEN_DNS`) or URI (`GEN_URI`), else null.
static inline const unsigned char *openssl_name(
    const GENERAL_NAMES *names, int index, int wanted, int *count) {
    int kind = 0;
    const ASN1_IA5STRING *text =
        (const ASN1_IA5STRING *)GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, index), &kind);
    if (kind != wanted || text == NULL) return NULL;
    *count = ASN1_STRING_length(text);
    return ASN1_STRING_get0_data(text);
}

/// An empty list of names of authorities.
static inline STACK_OF(X509_NAME) *openssl_make_authorities(void) { return sk_X509_NAME_new_null(); }

/// Adds a copy of the name; 0 where there is no memory for it.
static inline int openssl_add_authority(STACK_OF(X509_NAME) *list, const X509_NAME *name) {
    X509_NAME *copy = X509_NAME_dup(name);
    if (copy != NULL && sk_X509_NAME_push(list, copy) > 0) return 1;
    X509_NAME_free(copy);
    return 0;
}

static inline void openssl_free_authorities(STACK_OF(X509_NAME) *list) {
    sk_X509_NAME_pop_free(list, X509_NAME_free);
}
