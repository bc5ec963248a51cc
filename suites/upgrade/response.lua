-- What a server says when it upgrades: 101, and the HTTP/2 that follows (RFC 7540 section 3.2).
suite { "response", title = "Upgrade: 101 and what follows", rfc = 7540, section = "3.2",
  modes = { "upgrade" }, start = "tcp", needs = { "upgrade" } }

case {
  id = "names-h2c",
  title = "the 101 carries Upgrade: h2c",
  req = "RFC9110-7.8-3",
  violate = { "RFC9110-7.8-3", "RFC9110-7.8-3=websocket" },
  run = function(conn)
    local head = conn:upgrade {}
    local value = field(head.fields, "upgrade")
    check(value, "Upgrade: h2c in the 101", "no Upgrade field in the 101")
    check(value:lower() == "h2c", "Upgrade: h2c in the 101", "Upgrade: " .. value)
  end,
}

case {
  id = "connection-upgrade",
  title = "the 101 lists upgrade in Connection",
  req = "RFC9110-7.6.1-1",
  run = function(conn)
    local value = field(conn:upgrade {}.fields, "connection") or ""
    check(value:lower():find("upgrade", 1, true), "Connection: Upgrade in the 101", "Connection: " .. value)
  end,
}

case {
  id = "no-http2-settings",
  title = "the 101 has no HTTP2-Settings field",
  req = "RFC7540-3.2.1-3",
  run = function(conn)
    check(not field(conn:upgrade {}.fields, "http2-settings"), "no HTTP2-Settings in the 101", "an HTTP2-Settings field")
  end,
}

case {
  id = "settings-first",
  title = "the first frame after the 101 is SETTINGS",
  req = "RFC7540-3.2-8",
  run = function(conn)
    conn:upgrade {}
    conn:send_preface()
    local first = conn:recv()
    check(first, "SETTINGS as the first frame", "no frame")
    check(first.name == "SETTINGS" and not first.ack, "SETTINGS as the first frame", first.name .. " as the first frame")
  end,
}

case {
  id = "response-on-stream-1",
  title = "the upgraded request is answered on stream 1",
  req = "RFC7540-3.2-7",
  run = function(conn)
    conn:upgrade { path = target.path }
    conn:send_preface()
    conn:expect(response(1))
  end,
}

case {
  id = "head",
  title = "HEAD with Upgrade gets no content on stream 1",
  req = "RFC9113-8.1-18",
  run = function(conn)
    conn:upgrade { method = "HEAD", path = target.path }
    if conn.response.status ~= 101 then skip "HEAD is not upgraded" end
    conn:send_preface()
    conn:expect(response(1))
    local got = conn:data_octets(1)
    check(got == 0, "no content in the response to HEAD", got .. " octets of content")
  end,
}

case {
  id = "settings-acknowledged",
  title = "the SETTINGS of the client preface are acknowledged, and only they",
  req = "RFC7540-3.5-3",
  violate = { "RFC7540-3.5-3", "RFC7540-3.2.1-10" },
  run = function(conn)
    conn:upgrade { settings = { INITIAL_WINDOW_SIZE = 1000 } }
    conn:send_preface()
    check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "no SETTINGS ACK")
    conn:barrier()
    local acks = conn:count { name = "SETTINGS", ack = true }
    check(acks == 1, "one SETTINGS ACK", acks .. " SETTINGS ACKs")
  end,
}

case {
  id = "settings-applied",
  title = "INITIAL_WINDOW_SIZE 1 in HTTP2-Settings holds for stream 1",
  req = "RFC7540-3.2.1-5",
  needs = { "upgrade", "content" },
  auto = { window = false },
  run = function(conn)
    conn:upgrade { settings = { INITIAL_WINDOW_SIZE = 1 }, path = target.paths.content }
    conn:send_preface {}
    conn:barrier()
    local got = conn:data_octets(1)
    check(got <= 1, "at most 1 octet of DATA on stream 1", got .. " octets of DATA")
  end,
}

case {
  id = "next-stream",
  title = "the next request goes on stream 3",
  req = "RFC7540-3.2-11",
  run = function(conn)
    conn:upgrade {}
    conn:send_preface()
    conn:send(HEADERS { stream = 3, end_stream = true, fields = get(target.path) })
    conn:expect(response(3))
  end,
}

case {
  id = "stream-1-half-closed",
  title = "DATA and HEADERS on stream 1, which the client has ended by upgrading",
  req = "RFC7540-3.2-10",
  needs = { "upgrade", "content" },
  each = {
    { label = "DATA", frame = function() return DATA { stream = 1, end_stream = true, "too late" } end },
    { label = "HEADERS", frame = function() return HEADERS { stream = 1, end_stream = true, fields = get "/" } end },
  },
  run = function(conn, row)
    conn:upgrade { settings = { INITIAL_WINDOW_SIZE = 0 }, path = target.paths.content }
    conn:send_preface { INITIAL_WINDOW_SIZE = 0 }
    conn:send(row.frame())
    conn:expect(stream_error(1, "STREAM_CLOSED", "PROTOCOL_ERROR"))
  end,
}

case {
  id = "window-update-on-stream-1",
  title = "WINDOW_UPDATE on stream 1 lets its response go on",
  req = "RFC7540-3.2-14",
  needs = { "upgrade", "content" },
  run = function(conn)
    conn:upgrade { settings = { INITIAL_WINDOW_SIZE = 0 }, path = target.paths.content }
    conn:send_preface { INITIAL_WINDOW_SIZE = 0 }
    conn:barrier()
    conn:send(WINDOW_UPDATE { stream = 1, increment = 0x1000000 })
    conn:expect(response(1))
  end,
}

case {
  id = "wrong-preface",
  title = "24 wrong octets after the 101",
  req = "RFC7540-3.5-2",
  run = function(conn)
    conn:upgrade {}
    conn:send_octets(octets(24, "h2probe: not the preface"))
    conn:expect(connection_error { "PROTOCOL_ERROR", goaway = "optional" })
  end,
}
