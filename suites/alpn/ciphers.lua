-- Cipher suites and groups of TLS 1.2 and 1.3 (RFC 9113 section 9.2.2 and appendix A). Names are those of OpenSSL.
suite { "ciphers", title = "ALPN: cipher suites", rfc = 9113, section = "9.2.2", modes = { "alpn" }, start = "tcp" }

-- The server may refuse the handshake, select something else than h2, or end the connection. Going on is against a SHOULD NOT.
local function prohibited(id, title, ciphers)
  case {
    id = id, title = "TLS 1.2 with prohibited cipher suites only: " .. title, req = "RFC9113-9.2.2-1",
    run = function(conn)
      local tls = conn:start_tls { alpn = { "h2", "http/1.1" }, max_version = "1.2", ciphers = ciphers }
      if not tls then return conn:expect(tls_alert("handshake_failure", "insufficient_security", "protocol_version")) end
      if tls.alpn ~= "h2" then return end
      conn:send_preface()
      local answer = conn:response(conn:request { path = target.path })
      if answer and answer.status then warn(("HTTP/2 with %s: response %d"):format(tls.cipher, answer.status)) end
      conn:expect(connection_error { "INADEQUATE_SECURITY", about = "tls" })
    end,
  }
end

prohibited("ecdhe-cbc", "ECDHE with CBC",
  "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA")
prohibited("ecdhe-cbc-sha2", "ECDHE with CBC and SHA-2",
  "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384")
prohibited("ecdhe-camellia", "ECDHE with Camellia",
  "ECDHE-ECDSA-CAMELLIA128-SHA256:ECDHE-RSA-CAMELLIA128-SHA256:ECDHE-RSA-CAMELLIA256-SHA384")
prohibited("dhe-cbc", "DHE with CBC", "DHE-RSA-AES128-SHA:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA256")
prohibited("rsa-gcm", "RSA key exchange with GCM", "AES128-GCM-SHA256:AES256-GCM-SHA384")
prohibited("rsa-ccm", "RSA key exchange with CCM", "AES128-CCM:AES256-CCM:AES128-CCM8:AES256-CCM8")
prohibited("rsa-cbc", "RSA key exchange with CBC", "AES128-SHA:AES256-SHA:AES128-SHA256:AES256-SHA256")
prohibited("null", "no encryption", "ECDHE-ECDSA-NULL-SHA:ECDHE-RSA-NULL-SHA:NULL-SHA256:NULL-SHA")

-- HTTP/2 with these options of TLS; where the server has no such TLS the case is skipped.
local function works(conn, options)
  conn:start_alpn(options)
  conn:send_preface()
  conn:expect(response(conn:request { path = target.path }))
end

case {
  id = "allowed",
  title = "TLS 1.2 with a suite that is not prohibited carries HTTP/2",
  req = "RFC9113-9.2.2-3",
  each = {
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305",
    "DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-CHACHA20-POLY1305",
  },
  run = function(conn, cipher) works(conn, { max_version = "1.2", ciphers = cipher }) end,
}

case {
  id = "allowed-1.3",
  title = "TLS 1.3 with each of its suites carries HTTP/2",
  req = "RFC9113-9.2.2-3",
  violate = "RFC9113-9.2.2-3=1.3",
  each = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256" },
  run = function(conn, suite) works(conn, { min_version = "1.3", ciphersuites = suite }) end,
}

case {
  id = "mandatory",
  title = "TLS 1.2 with TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 and P-256",
  req = "RFC9113-9.2.2-4",
  run = function(conn)
    local tls = conn:start_tls { alpn = { "h2" }, max_version = "1.2", ciphers = "ECDHE-RSA-AES128-GCM-SHA256", groups = "P-256" }
    if tls then return conn:expect(selects "h2") end
    local any_rsa = connect {}
    if not any_rsa:start_tls { alpn = { "h2" }, max_version = "1.2", ciphers = "aRSA" } then
      skip "the server has no TLS 1.2 or no RSA certificate"
    end
    fail "a handshake with another suite for the RSA certificate, and none with this one"
  end,
}

case {
  id = "groups",
  title = "with each group that the server has for the key exchange HTTP/2 works",
  req = "RFC9113-9.2.1-4",
  each = { -- in TLS 1.2 the groups bind the certificate too, and most of those that are no RSA are P-256
    { label = "P-256", groups = "P-256", max_version = "1.2" }, { label = "P-384", groups = "P-384", min_version = "1.3" },
    { label = "P-521", groups = "P-521", min_version = "1.3" }, { label = "X25519", groups = "X25519", min_version = "1.3" },
    { label = "X448", groups = "X448", min_version = "1.3" },
    { label = "DHE", ciphers = "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384", max_version = "1.2" },
  },
  run = works,
}
