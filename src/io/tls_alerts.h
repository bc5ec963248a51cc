/* tls_alerts.h - the alerts of TLS: RFC 8446 section 6, older ones of RFC 5246 and RFC 2246, and
   those of extensions. X(number, name) */
#ifndef IO_TLS_ALERTS_H
#define IO_TLS_ALERTS_H

#define TLS_ALERTS(X)                                                                              \
    X(0, close_notify)        /* RFC 8446 6.1 */                                                   \
    X(10, unexpected_message) /* RFC 8446 6.2, as all without a remark */                          \
    X(20, bad_record_mac)                                                                          \
    X(21, decryption_failed) /* RFC 5246 7.2.2, reserved */                                        \
    X(22, record_overflow)                                                                         \
    X(30, decompression_failure) /* RFC 5246 7.2.2 */                                              \
    X(40, handshake_failure)                                                                       \
    X(41, no_certificate) /* RFC 6101 5.4.2 */                                                     \
    X(42, bad_certificate)                                                                         \
    X(43, unsupported_certificate)                                                                 \
    X(44, certificate_revoked)                                                                     \
    X(45, certificate_expired)                                                                     \
    X(46, certificate_unknown)                                                                     \
    X(47, illegal_parameter)                                                                       \
    X(48, unknown_ca)                                                                              \
    X(49, access_denied)                                                                           \
    X(50, decode_error)                                                                            \
    X(51, decrypt_error)                                                                           \
    X(52, too_many_cids_requested) /* RFC 9147 10 */                                               \
    X(60, export_restriction)      /* RFC 2246 7.2.2 */                                            \
    X(70, protocol_version)                                                                        \
    X(71, insufficient_security)                                                                   \
    X(80, internal_error)                                                                          \
    X(86, inappropriate_fallback) /* RFC 7507 */                                                   \
    X(90, user_canceled)                                                                           \
    X(100, no_renegotiation) /* RFC 5246 7.2.2 */                                                  \
    X(109, missing_extension)                                                                      \
    X(110, unsupported_extension)                                                                  \
    X(111, certificate_unobtainable)        /* RFC 6066 9 */                                       \
    X(112, unrecognized_name)               /* RFC 6066 3 */                                       \
    X(113, bad_certificate_status_response) /* RFC 6066 8 */                                       \
    X(114, bad_certificate_hash_value)      /* RFC 6066 5 */                                       \
    X(115, unknown_psk_identity)                                                                   \
    X(116, certificate_required)                                                                   \
    X(120, no_application_protocol) /* RFC 7301 3.2 */                                             \
    X(121, ech_required)            /* RFC 9849 11.2 */

#endif
