-- TLS while HTTP/2 runs: renegotiation, client certificates, new keys (RFC 9113 sections 9.2.1 and 9.2.3, RFC 8740).
suite { "connection", title = "ALPN: TLS after the handshake", rfc = 9113, section = "9.2.3", modes = { "alpn" }, start = "tcp" }

-- HTTP/2 over this TLS, with a first request answered.
local function start_http2(conn, options)
  conn:start_alpn(options)
  conn:handshake()
  conn:expect(response(conn:request { path = target.path }))
end

case {
  id = "renegotiation-refused",
  title = "TLS 1.2: the client asks for a renegotiation after the preface",
  req = "RFC9113-9.2.1-2",
  run = function(conn)
    start_http2(conn, { max_version = "1.2" })
    if not conn:renegotiate() then skip "the server does not allow a renegotiation (RFC 5746)" end
    conn:barrier()
    if conn.tls.renegotiated > 0 then conn:expect(connection_error "PROTOCOL_ERROR") end
  end,
}

case {
  id = "renegotiation-unasked",
  title = "TLS 1.2: the server asks for no renegotiation after the preface",
  req = "RFC9113-9.2.1-3",
  run = function(conn)
    start_http2(conn, { max_version = "1.2" })
    conn:barrier()
    check(conn.tls.renegotiations == 0, "no HelloRequest", "HelloRequest")
  end,
}

case {
  id = "certificate-unasked",
  title = "TLS 1.3: the server asks for no certificate after the preface, although the client could send one",
  req = "RFC9113-9.2.3-1",
  run = function(conn)
    start_http2(conn, { min_version = "1.3", post_handshake_auth = true })
    conn:barrier()
    check(conn.tls.certificate_requests == 0, "no CertificateRequest after the handshake", "CertificateRequest")
  end,
}

case {
  id = "certificate-unasked-before-preface",
  title = "TLS 1.3: nor before the preface",
  req = "RFC8740-3-1",
  run = function(conn)
    conn:start_alpn { min_version = "1.3", post_handshake_auth = true }
    conn:send_preface()
    check(conn:recv "SETTINGS", "SETTINGS", "no SETTINGS")
    check(conn.tls.certificate_requests == 0, "no CertificateRequest after the handshake", "CertificateRequest")
  end,
}

case {
  id = "key-update",
  title = "TLS 1.3: KeyUpdate between requests",
  req = "RFC9113-9.2.3-3",
  each = { { label = "of our keys", request = false }, { label = "of both sides' keys", request = true } },
  run = function(conn, row)
    start_http2(conn, { min_version = "1.3" })
    conn:key_update(row.request)
    conn:expect(ignored())
  end,
}

case {
  id = "key-update-repeated",
  title = "TLS 1.3: four KeyUpdates in a row",
  req = "RFC8740-4-1",
  early = true,
  each = { { label = "of our keys", request = false }, { label = "of both sides' keys", request = true } },
  run = function(conn, row)
    start_http2(conn, { min_version = "1.3" })
    for _ = 1, 4 do conn:key_update(row.request) end
    conn:expect(ignored())
  end,
}

case {
  id = "key-update-before-preface",
  title = "TLS 1.3: KeyUpdate between Finished and the preface",
  req = "RFC8740-4-1",
  run = function(conn)
    conn:start_alpn { min_version = "1.3" }
    conn:key_update(true)
    conn:send_preface()
    conn:expect(response(conn:request { path = target.path }))
  end,
}

case {
  id = "key-update-in-field-block",
  title = "TLS 1.3: KeyUpdate between HEADERS and CONTINUATION",
  req = "RFC8740-4-1",
  run = function(conn)
    start_http2(conn, { min_version = "1.3" })
    local stream, block = conn:new_stream(), conn:encode(get(target.path))
    conn:send(HEADERS { stream = stream, end_stream = true, end_headers = false, fragment = block:sub(1, 3) })
    conn:key_update(false)
    conn:send(CONTINUATION { stream = stream, fragment = block:sub(4) })
    conn:expect(response(stream))
  end,
}

case {
  id = "key-update-in-content",
  title = "TLS 1.3: KeyUpdate within the content of a request",
  req = "RFC8740-4-1",
  needs = { "post" },
  run = function(conn)
    start_http2(conn, { min_version = "1.3" })
    local stream = conn:request { method = "POST", path = target.paths.post, body = "before", end_stream = false }
    conn:key_update(true)
    conn:send(DATA { stream = stream, end_stream = true, "after" })
    conn:expect(response(stream))
  end,
}
