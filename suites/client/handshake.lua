-- TLS handshakes that a client has to take, or must not, whatever HTTP/2 makes of them (RFC 9113 section 9.2.1, RFC 8446
-- section 5.1, RFC 7301 section 3.1).
suite { "handshake", title = "Clients: the server's half of the TLS handshake", rfc = 9113, section = "9.2.1",
  role = "server", modes = { "alpn" }, start = "tcp" }

-- A handshake with these options, and HTTP/2 over it. True, or nil and why the client refused the handshake; where the two have
-- nothing in common the row is skipped.
local function works(conn, options)
  options.alpn = { "h2" }
  local tls, why = conn:accept_tls(options)
  if not tls and conn.tls.alert_sent then skip("nothing in common: " .. why) end
  if not tls then return nil, why end
  if tls.alpn ~= "h2" then skip "h2 is not offered" end
  conn:start_h2()
  conn:send_preface()
  conn:expect_success()
  return true
end

-- Messages in pieces (RFC 8446 section 5.1) ---------------------------------------------------------------------------

case {
  id = "server-hello-in-pieces",
  title = "ServerHello in several records",
  req = "RFC8446-5.1-1",
  each = {
    { label = "TLS 1.2, 40 octets each", "1.2", 40 }, { label = "TLS 1.2, 16 octets each", "1.2", 16 },
    { label = "TLS 1.3, 40 octets each", "1.3", 40 }, { label = "TLS 1.3, 16 octets each", "1.3", 16 },
  },
  run = function(conn, row)
    local ok, why = works(conn, { min_version = row[1], max_version = row[1], fragment = row[2] })
    check(ok, "a handshake as usual", "the handshake failed: " .. tostring(why))
  end,
}

case {
  id = "server-hello-octet-by-octet",
  title = "ServerHello in records of one octet",
  req = "RFC8446-5.1-1",
  caught = "warn",
  run = function(conn)
    local tls, why = conn:accept_tls { alpn = { "h2" }, fragment = 1 }
    if not tls or not conn:expect_preface() then
      warn("the client gave up (many records for one message are a way to waste time): " .. tostring(why or conn:end_text()))
    end
    conn:send_preface()
    conn:expect_success()
  end,
}

-- The answer to ALPN (RFC 7301 section 3.1) -------------------------------------------------------------------------------

-- ServerHello is changed on its way, so that Finished tells a client that took it from one that did not.
local TAKEN <const> = { bad_record_mac = true, decrypt_error = true, decryption_failed = true }

case {
  id = "not-one-name",
  title = "TLS 1.2: an answer to ALPN that does not hold exactly one name",
  req = "RFC7301-3.1-6",
  violate = { "RFC7301-3.1-6", "RFC7301-3.1-6=other" },
  each = {
    { label = "h2 and http/1.1", "\0\12\2h2\8http/1.1" }, { label = "h2 twice", "\0\6\2h2\2h2" }, { label = "an empty list", "\0\0" },
  },
  run = function(conn, row)
    local asked
    local tls = conn:accept_tls { max_version = "1.2", extensions = { alpn = row[1] }, select = function(names)
      asked = true
      return names[1]
    end }
    if not asked then skip "the client does not speak TLS 1.2, or has no ALPN extension" end
    local sent, got = conn.tls.alert_sent, conn.tls.alert
    check(not tls and (got or not TAKEN[sent]), "a TLS alert, or the end of the connection",
      "the client goes on with the handshake")
    if not got then note("no TLS alert before the end: " .. tostring(conn:end_text())) end
  end,
}

-- Key exchange (RFC 9113 section 9.2.1) -------------------------------------------------------------------------------

case {
  id = "groups",
  title = "with each group for the key exchange that the client offers HTTP/2 works",
  req = "RFC9113-9.2.1-4",
  each = { -- in TLS 1.2 the groups bind the certificate too
    { label = "P-256", groups = "P-256", max_version = "1.2" }, { label = "P-384", groups = "P-384", min_version = "1.3" },
    { label = "P-521", groups = "P-521", min_version = "1.3" }, { label = "X25519", groups = "X25519", min_version = "1.3" },
    { label = "X448", groups = "X448", min_version = "1.3" },
    { label = "DHE", ciphers = "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384", max_version = "1.2" },
  },
  run = function(conn, row)
    local ok, why = works(conn, { groups = row.groups, ciphers = row.ciphers, min_version = row.min_version,
      max_version = row.max_version })
    check(ok, "a handshake, since the client offers it", "the handshake failed: " .. tostring(why))
  end,
}
