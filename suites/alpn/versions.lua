-- Versions of TLS, and compression (RFC 9113 sections 9.2 and 9.2.1).
suite { "versions", title = "ALPN: versions of TLS", rfc = 9113, section = "9.2", modes = { "alpn" }, start = "tcp" }

-- A server that no longer has these versions ends the handshake.
for _, version in ipairs { "1.1", "1.0" } do
  case {
    id = "tls-" .. version,
    title = "TLS " .. version .. " does not carry HTTP/2",
    req = "RFC9113-9.2-1",
    each = { { label = "h2, http/1.1", "h2", "http/1.1" }, { label = "h2", "h2" } },
    run = function(conn, offer)
      conn:start_tls { alpn = offer, max_version = version }
      conn:expect(any_of { tls_alert(), selects "http/1.1", no_alpn() })
    end,
  }

  case {
    id = "tls-" .. version .. "-preface",
    title = "in TLS " .. version .. " the HTTP/2 preface is not answered with HTTP/2",
    req = "RFC9113-9.2-1",
    violate = "RFC9113-9.2-1=preface",
    run = function(conn)
      local tls = conn:start_tls { alpn = { "h2", "http/1.1" }, max_version = version }
      if not tls then return conn:expect(tls_alert()) end
      conn:send_octets(PREFACE)
      conn:send_settings()
      conn:expect(no_http2())
    end,
  }
end

case {
  id = "highest-version",
  title = "where all versions are offered h2 comes with TLS 1.2 or 1.3",
  req = "RFC9113-9.2-1",
  violate = "RFC9113-9.2-1=prefer",
  run = function(conn)
    local tls = conn:start_alpn { min_version = "1.0" }
    check(tls.version == "TLSv1.2" or tls.version == "TLSv1.3", "TLS 1.2 or 1.3 with h2", tls.version .. " with h2")
  end,
}

-- The ClientHello is changed on its way, so that the handshake cannot be completed: ServerHello tells what was chosen.
case {
  id = "no-compression",
  title = "TLS 1.2: of DEFLATE and null compression the server takes null",
  req = "RFC9113-9.2.1-1",
  each = { { label = "DEFLATE first", hex "01 00" }, { label = "DEFLATE last", hex "00 01" } },
  run = function(conn, row)
    conn:start_tls { alpn = { "h2" }, max_version = "1.2", compression = row[1] }
    local method = conn.tls.compression
    if not method then return conn:expect(tls_alert "illegal_parameter") end
    check(method == 0, "null compression in ServerHello", "the compression method " .. method)
  end,
}

case {
  id = "no-compression-1.3",
  title = "TLS 1.3: a ClientHello that offers compression is refused",
  req = "RFC8446-4.1.2-1",
  each = { { label = "DEFLATE first", hex "01 00" }, { label = "DEFLATE last", hex "00 01" } },
  run = function(conn, row)
    conn:start_tls { alpn = { "h2" }, min_version = "1.3", compression = row[1] }
    conn:expect(tls_alert("illegal_parameter", "protocol_version"))
  end,
}
