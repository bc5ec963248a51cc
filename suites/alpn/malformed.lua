-- A ClientHello whose ALPN extension is wrong (RFC 7301 section 3.1, RFC 8446 section 6): the handshake ends with a fatal
-- alert. That it cannot be completed is certain, since the tester's TLS sent another ClientHello than it knows of; what is
-- judged is whether the server goes on with a ServerHello.
suite { "malformed", title = "ALPN: malformed offers", rfc = 7301, section = "3.1",
  modes = { "alpn" }, start = "tcp" }

-- The contents of the ALPN extension: the length of the list in two octets, then names, each after its length in one.
local function malformed(id, title, req, alpn)
  case {
    id = id, title = title, req = req, each = { "1.2", "1.3" },
    run = function(conn, version)
      conn:start_tls { alpn = { "h2" }, max_version = version, extensions = { alpn = alpn } }
      conn:expect(tls_alert("decode_error", "illegal_parameter"))
    end,
  }
end

malformed("no-content", "an ALPN extension without content", "RFC8446-6-1", "")
malformed("half-length", "an ALPN extension of one octet", "RFC8446-6-1", hex "00")
malformed("empty-list", "a list without names", "RFC8446-6-1", hex "0000")
malformed("no-list-length", "a name without the length of the list before it", "RFC8446-6-1", "\2h2")
malformed("list-too-long", "a list length that is one too large", "RFC8446-6-1", hex "0004" .. "\2h2")
malformed("list-far-too-long", "a list length of 65535", "RFC8446-6-1", hex "ffff" .. "\2h2")
malformed("list-too-short", "a list length that is one too small", "RFC8446-6-1", hex "0002" .. "\2h2")
malformed("octet-behind", "an octet behind the list", "RFC8446-6-1", hex "0003" .. "\2h2" .. hex "00")
malformed("name-too-long", "a name that is longer than the list", "RFC8446-6-1", hex "0003" .. "\5h2")
malformed("last-name-cut", "a second name that is cut off", "RFC8446-6-1", hex "0007" .. "\2h2" .. "\8htt")
malformed("empty-name", "a name without octets", "RFC7301-3.1-10", hex "0001 00")
malformed("empty-name-first", "a name without octets before h2", "RFC7301-3.1-10", hex "0004 00" .. "\2h2")
malformed("empty-name-last", "a name without octets behind h2", "RFC7301-3.1-10", hex "0004" .. "\2h2" .. hex "00")
malformed("twice", "two ALPN extensions that say the same", "RFC8446-6-2", { hex "0003" .. "\2h2", hex "0003" .. "\2h2" })
malformed("twice-differing", "two ALPN extensions that differ", "RFC8446-6-2",
  { hex "0003" .. "\2h2", hex "0009" .. "\8http/1.1" })
