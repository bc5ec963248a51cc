-- What a TLS server selects in ALPN (RFC 7301 section 3.2, RFC 9113 sections 3.2 and 3.3).
suite { "selection", title = "ALPN: the selected protocol", rfc = 7301, section = "3.2",
  modes = { "alpn" }, start = "tcp" }

local function named(offer)
  local out = {}
  for i, name in ipairs(offer) do out[i] = name end
  return table.concat(out, ", ")
end

local function offers(...)
  local rows = {}
  for _, offer in ipairs { ... } do
    offer.label = named(offer)
    rows[#rows + 1] = offer
  end
  return rows
end

case {
  id = "offered-name",
  title = "the selected name is one of those that were offered",
  req = "RFC7301-3.2-3",
  each = offers({ "h2" }, { "h2", "http/1.1" }, { "http/1.1", "h2" }, { "http/1.1" }, { "http/1.1", "x-h2probe" }),
  run = function(conn, offer)
    local tls = conn:start_tls { alpn = offer }
    if not tls then
      -- The server may refuse the offer; that the tester's TLS refuses the answer means a name that was not offered.
      check(not conn.tls.alert_sent, "a name that was offered, or none", 
        "an answer that TLS refuses with the alert " .. tostring(conn.tls.alert_sent))
      return
    end
    if not tls.alpn then return end
    for _, name in ipairs(offer) do
      if name == tls.alpn then return end
    end
    fail(tls.alpn .. " was selected, which was not offered")
  end,
}

case {
  id = "h2c-never",
  title = "h2c is never selected",
  req = "RFC9113-3.2-3",
  each = offers({ "h2c" }, { "h2c", "h2" }, { "h2c", "http/1.1" }),
  run = function(conn, offer)
    local tls = conn:start_tls { alpn = offer }
    check(not tls or tls.alpn ~= "h2c", "h2 or http/1.1 if offered, or no name", "h2c was selected")
  end,
}

case {
  id = "unknown-names-ignored",
  title = "unknown names beside h2 are ignored",
  req = "RFC7301-3.1-4",
  each = offers({ "x-h2probe", "h2" }, { "\x0a\x0a", "\xda\xda", "h2" }, { "h2-14", "H2", "h2" }),
  run = function(conn, offer)
    local tls = conn:start_tls { alpn = offer }
    check(tls, "the selection of h2", "the handshake failed: " .. tostring(conn.tls.alert or "the connection ended"))
    check(tls.alpn == "h2", "the selection of h2", tls.alpn and tls.alpn .. " was selected" or "no name was selected")
  end,
}

case {
  id = "no-overlap",
  title = "only unknown names are offered",
  req = "RFC7301-3.2-2",
  violate = "RFC7301-3.2-2=select",
  run = function(conn)
    local tls = conn:start_tls { alpn = { "x-h2probe" } }
    if not tls then return conn:expect(tls_alert "no_application_protocol") end
    check(not tls.alpn, "the alert no_application_protocol", tostring(tls.alpn) .. " was selected")
    warn "the handshake was completed without ALPN instead of the alert no_application_protocol"
  end,
}

case {
  id = "h2-means-http2",
  title = "after h2 was selected the first octets from the server are SETTINGS",
  req = "RFC9113-3.2-4",
  run = function(conn)
    local tls = conn:start_tls { alpn = { "h2" } }
    check(tls and tls.alpn == "h2", "the selection of h2", "h2 was not selected")
    conn:send_preface()
    local first = conn:recv()
    check(first, "SETTINGS as the first frame", "no frame")
    check(first.name == "SETTINGS" and not first.ack, "SETTINGS as the first frame", first.name .. " as the first frame")
  end,
}

case {
  id = "http1-means-http1",
  title = "after http/1.1 was selected the HTTP/2 preface is not answered with HTTP/2",
  req = "RFC7301-3.2-5",
  run = function(conn)
    local tls = conn:start_tls { alpn = { "http/1.1" } }
    if not tls or tls.alpn ~= "http/1.1" then skip "http/1.1 was not selected" end
    conn:send_octets(PREFACE)
    conn:send_settings()
    conn:expect(no_http2())
  end,
}

case {
  id = "without-alpn",
  title = "without ALPN the HTTP/2 preface is not answered with HTTP/2",
  req = "RFC9113-3.3-4",
  caught = "warn",
  run = function(conn)
    local tls = conn:start_tls { alpn = {} }
    if not tls then return note "the handshake needs ALPN" end
    conn:send_octets(PREFACE)
    conn:send_settings()
    conn:expect(any_of { no_http2(), soft(speaks_http2(), "HTTP/2 is taken up as by prior knowledge") })
  end,
}

case {
  id = "http1-request-on-h2",
  title = "an HTTP/1.1 request on a connection that negotiated h2",
  req = "RFC9113-3.4-12",
  run = function(conn)
    local tls = conn:start_tls { alpn = { "h2" } }
    check(tls and tls.alpn == "h2", "the selection of h2", "h2 was not selected")
    conn:send_octets("GET / HTTP/1.1\r\nHost: " .. target.authority .. "\r\n\r\n")
    conn:expect(invalid_preface())
  end,
}

case {
  id = "tls-1.1",
  title = "TLS 1.1 and 1.0 never carry HTTP/2",
  req = "RFC9113-9.2-1",
  each = { { label = "TLS 1.1", "1.1" }, { label = "TLS 1.0", "1.0" } },
  run = function(conn, row)
    local tls = conn:start_tls { alpn = { "h2", "http/1.1" }, min_version = "1.0", max_version = row[1] }
    check(not tls or tls.alpn ~= "h2", "a failed handshake, http/1.1 or no name", "h2 was selected")
  end,
}
