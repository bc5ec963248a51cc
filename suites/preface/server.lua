-- The connection preface as a server has to send and take it (RFC 9113 section 3.4).
suite { "server", title = "Connection preface", rfc = 9113, section = "3.4", start = "preface" }

case {
  id = "settings-first",
  title = "the first frame from the server is SETTINGS without ACK on stream 0",
  req = "RFC9113-3.4-4",
  h2spec = { "http2/3.5/1", "generic/1/1" },
  violate = { "RFC9113-3.4-4", "RFC9113-3.4-4=ping" },
  run = function(conn)
    conn:send_preface()
    local first = conn:recv()
    check(first, "SETTINGS as the first frame", "no frame")
    check(first.name == "SETTINGS" and not first.ack and first.stream == 0, "SETTINGS as the first frame",
      first.name .. (first.ack and " with ACK" or "") .. " as the first frame")
  end,
}

case {
  id = "settings-acknowledged",
  title = "the SETTINGS of the client preface are acknowledged",
  req = "RFC9113-3.4-5",
  run = function(conn)
    conn:send_preface()
    check(conn:recv { name = "SETTINGS", ack = false }, "the server's SETTINGS", "no SETTINGS")
    check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "no SETTINGS ACK")
  end,
}

case {
  id = "request-at-once",
  title = "a request in the same write as the preface, before the server's SETTINGS were seen",
  req = "RFC9113-3.4-6",
  run = function(conn)
    conn:send_preface()
    local stream = conn:request { path = target.path }
    conn:expect(response(stream))
  end,
}

case {
  id = "split",
  title = "the preface in two pieces",
  req = "RFC9113-3.3-5",
  modes = { "prior" },
  each = { 1, 3, 14, 18, 23 },
  run = function(conn, offset)
    conn:send_octets(PREFACE:sub(1, offset))
    conn:flush()
    local other = connect { start = "open" } -- accepted later: what it is answered comes after the first piece was read
    for _ = 1, 20 do other:ping() end
    conn:send_octets(PREFACE:sub(offset + 1))
    conn:send_settings()
    check(conn:recv { name = "SETTINGS", ack = false }, "the server's SETTINGS", "no SETTINGS")
  end,
}

case {
  id = "empty-settings",
  title = "the preface with an empty SETTINGS frame",
  req = "RFC9113-3.4-5",
  run = function(conn)
    conn:send_octets(PREFACE)
    conn:send(SETTINGS {})
    check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "no SETTINGS ACK")
    conn:expect(ignored())
  end,
}

case {
  id = "wrong-octet",
  title = "one wrong octet in the 24 of the client preface",
  req = "RFC9113-3.4-9",
  each = { { label = "the last", 24 }, { label = "in SM", 19 }, { label = "in the version", 13 } },
  run = function(conn, row)
    local at = row[1]
    local octet = string.char(PREFACE:byte(at) ~ 1)
    conn:send_octets(PREFACE:sub(1, at - 1) .. octet .. PREFACE:sub(at + 1))
    conn:send_settings()
    conn:expect(invalid_preface())
  end,
}

case {
  id = "garbage",
  title = "octets that are neither the preface nor HTTP/1.x",
  req = "RFC9113-3.4-8",
  h2spec = "http2/3.5/2",
  run = function(conn)
    conn:send_octets(octets(28, "INVALID CONNECTION PREFACE ") .. "\r\n\r\n")
    conn:expect(invalid_preface())
  end,
}

case {
  id = "settings-missing",
  title = "the 24 octets, and then another frame than SETTINGS",
  req = "RFC9113-3.4-10",
  each = {
    { label = "PING", frame = function() return PING "h2probe!" end },
    { label = "HEADERS",
      frame = function(s) return HEADERS { stream = s, end_stream = true, fields = get(target.path) } end },
    { label = "WINDOW_UPDATE", frame = function() return WINDOW_UPDATE { stream = 0, increment = 1 } end },
  },
  run = function(conn, row)
    conn:send_octets(PREFACE)
    conn:send(row.frame(conn:new_stream()))
    conn:expect(connection_error { "PROTOCOL_ERROR", goaway = "optional" })
  end,
}
