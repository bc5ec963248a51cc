/* hpack_static_table.h - the static table of RFC 7541 appendix A, as rows of (index, name, value).
 */
/* clang-format off */
#ifndef H2_HPACK_STATIC_TABLE_H
#define H2_HPACK_STATIC_TABLE_H

#define HPACK_STATIC_ROWS(ROW) \
    ROW(1, ":authority", "") \
    ROW(2, ":method", "GET") \
    ROW(3, ":method", "POST") \
    ROW(4, ":path", "/") \
    ROW(5, ":path", "/index.html") \
    ROW(6, ":scheme", "http") \
    ROW(7, ":scheme", "https") \
    ROW(8, ":status", "200") \
    ROW(9, ":status", "204") \
    ROW(10, ":status", "206") \
    ROW(11, ":status", "304") \
    ROW(12, ":status", "400") \
    ROW(13, ":status", "404") \
    ROW(14, ":status", "500") \
    ROW(15, "accept-charset", "") \
    ROW(16, "accept-encoding", "gzip, deflate") \
    ROW(17, "accept-language", "") \
    ROW(18, "accept-ranges", "") \
    ROW(19, "accept", "") \
    ROW(20, "access-control-allow-origin", "") \
    ROW(21, "age", "") \
    ROW(22, "allow", "") \
    ROW(23, "authorization", "") \
    ROW(24, "cache-control", "") \
    ROW(25, "content-disposition", "") \
    ROW(26, "content-encoding", "") \
    ROW(27, "content-language", "") \
    ROW(28, "content-length", "") \
    ROW(29, "content-location", "") \
    ROW(30, "content-range", "") \
    ROW(31, "content-type", "") \
    ROW(32, "cookie", "") \
    ROW(33, "date", "") \
    ROW(34, "etag", "") \
    ROW(35, "expect", "") \
    ROW(36, "expires", "") \
    ROW(37, "from", "") \
    ROW(38, "host", "") \
    ROW(39, "if-match", "") \
    ROW(40, "if-modified-since", "") \
    ROW(41, "if-none-match", "") \
    ROW(42, "if-range", "") \
    ROW(43, "if-unmodified-since", "") \
    ROW(44, "last-modified", "") \
    ROW(45, "link", "") \
    ROW(46, "location", "") \
    ROW(47, "max-forwards", "") \
    ROW(48, "proxy-authenticate", "") \
    ROW(49, "proxy-authorization", "") \
    ROW(50, "range", "") \
    ROW(51, "referer", "") \
    ROW(52, "refresh", "") \
    ROW(53, "retry-after", "") \
    ROW(54, "server", "") \
    ROW(55, "set-cookie", "") \
    ROW(56, "strict-transport-security", "") \
    ROW(57, "transfer-encoding", "") \
    ROW(58, "user-agent", "") \
    ROW(59, "vary", "") \
    ROW(60, "via", "") \
    ROW(61, "www-authenticate", "")

#endif
