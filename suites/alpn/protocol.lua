-- After the handshake the selected protocol is spoken, and no other (RFC 7301 section 3.2, RFC 9113 sections 3.2 to 3.4).
suite { "protocol", title = "ALPN: the protocol that is spoken", rfc = 7301, section = "3.2",
  modes = { "alpn" }, start = "tcp" }

local VERSIONS = { "1.2", "1.3" }

local function http1_get(conn)
  conn:send_octets(("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n"):format(target.path, target.authority))
end

-- TLS in which http/1.1 was selected; without that the case is skipped.
local function start_http1(conn)
  local tls = conn:start_tls { alpn = { "http/1.1" } }
  if not tls or tls.alpn ~= "http/1.1" then skip "http/1.1 is not selected" end
end

case {
  id = "h2-means-http2",
  title = "after h2 was selected the first frame from the server is SETTINGS",
  req = "RFC9113-3.2-4",
  violate = { "RFC9113-3.2-4", "RFC9113-3.2-4=1.2", "RFC9113-3.2-4=1.3" },
  each = VERSIONS,
  run = function(conn, version)
    conn:start_alpn { min_version = version, max_version = version }
    conn:send_preface()
    local first = conn:recv()
    check(first, "SETTINGS as the first frame", "no frame")
    check(first.name == "SETTINGS" and not first.ack, "SETTINGS as the first frame", first.name .. " as the first frame")
    local stream = conn:request { path = target.path }
    conn:expect(response(stream))
  end,
}

case {
  id = "h2-no-http1",
  title = "after h2 was selected the preface is not answered in HTTP/1.x",
  req = "RFC7301-3.2-4",
  violate = "RFC7301-3.2-4=text",
  run = function(conn)
    conn:start_alpn()
    conn:send_octets(PREFACE)
    conn:send_settings()
    local first = conn:recv_octets(9)
    check(first == nil or not first:find "^HTTP/", "an HTTP/2 frame, or the end", "HTTP/1.x")
  end,
}

case {
  id = "http1-means-http1",
  title = "after http/1.1 was selected the HTTP/2 preface is not answered with HTTP/2",
  req = "RFC7301-3.2-5",
  run = function(conn)
    start_http1(conn)
    conn:send_octets(PREFACE)
    conn:send_settings()
    conn:expect(no_http2())
  end,
}

case {
  id = "http1-works",
  title = "after http/1.1 was selected a request is answered in HTTP/1.x",
  req = "RFC7301-3.2-5",
  violate = "RFC7301-3.2-5=http2",
  run = function(conn)
    start_http1(conn)
    http1_get(conn)
    conn:expect(no_http2())
    check(conn.response.status, "an HTTP/1.x response", "the end of the connection")
  end,
}

case {
  id = "without-alpn",
  title = "without ALPN the HTTP/2 preface is not answered with HTTP/2",
  req = "RFC9113-3.3-4",
  caught = "warn",
  run = function(conn)
    local tls = conn:start_tls { alpn = {} }
    if not tls then return conn:expect(tls_alert()) end
    conn:send_octets(PREFACE)
    conn:send_settings()
    conn:expect(any_of { no_http2(), soft(speaks_http2(), "HTTP/2 is taken up as by prior knowledge") })
  end,
}

case {
  id = "without-alpn-http1",
  title = "without ALPN an HTTP/1.1 request is not answered with HTTP/2",
  req = "RFC9113-3.3-4",
  violate = "RFC9113-3.3-4=eager",
  run = function(conn)
    local tls = conn:start_tls { alpn = {} }
    if not tls then return conn:expect(tls_alert()) end
    http1_get(conn)
    conn:expect(no_http2())
  end,
}

case {
  id = "http1-request-on-h2",
  title = "an HTTP/1.x request on a connection that negotiated h2",
  req = "RFC9113-3.4-12",
  each = { "GET / HTTP/1.1", "GET / HTTP/1.0", "POST / HTTP/1.1", "OPTIONS * HTTP/1.1" },
  run = function(conn, line)
    conn:start_alpn()
    conn:send_octets(line .. "\r\nHost: " .. target.authority .. "\r\nContent-Length: 0\r\n\r\n")
    conn:expect(invalid_preface())
  end,
}

case {
  id = "garbage-on-h2",
  title = "octets that are no preface on a connection that negotiated h2",
  req = "RFC9113-3.4-8",
  each = {
    { label = "zero octets", octets(24) }, { label = "what begins a TLS record", hex "16 0301 0060 01 00005c 0303" .. octets(13) },
    { label = "frames without the preface", octets(27, hex "000000 04 00 00000000") },
  },
  run = function(conn, row)
    conn:start_alpn()
    conn:send_octets(row[1])
    conn:send_settings()
    conn:expect(invalid_preface())
  end,
}

case {
  id = "upgrade-in-tls",
  title = "inside TLS an Upgrade to h2c is not made",
  req = "RFC7540-3.2-15",
  run = function(conn)
    start_http1(conn)
    conn:upgrade()
    conn:expect(no_upgrade())
  end,
}
