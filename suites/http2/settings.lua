-- SETTINGS at a server (RFC 9113 section 6.5).
suite { "settings", title = "SETTINGS", rfc = 9113, section = "6.5" }

case {
  id = "acknowledged",
  title = "SETTINGS in the middle of a connection is acknowledged once",
  req = { "RFC9113-6.5.3-5", "RFC9113-6.5-2" },
  violate = { "RFC9113-6.5.3-5=late", "RFC9113-6.5-2" },
  h2spec = { "http2/6.5.3/2", "generic/3.5/1" },
  run = function(conn)
    conn:send(SETTINGS { MAX_FRAME_SIZE = 16384 })
    conn:recv { name = "SETTINGS", ack = true }
    conn:expect(ignored())
    check(conn:unacknowledged "ours" == 0, "a SETTINGS ACK", "no SETTINGS ACK")
  end,
}

case {
  id = "one-ack-each",
  title = "20 SETTINGS frames in a row are acknowledged one by one",
  req = "RFC9113-6.5.3-2",
  violate = { "RFC9113-6.5.3-2=late", "RFC9113-6.5.3-8" },
  run = function(conn)
    local before = conn:count({ name = "SETTINGS", ack = true })
    for _ = 1, 20 do conn:send(SETTINGS {}) end
    conn:barrier()
    conn:expect(ignored())
    local acks = conn:count({ name = "SETTINGS", ack = true }) - before
    -- How many chance leaves over is no part of the report.
    if acks > 0 and acks < 20 then
      warn "fewer SETTINGS ACKs than SETTINGS frames: several are merged into one"
    end
    check(acks == 20, "20 SETTINGS ACKs", acks .. " SETTINGS ACKs")
  end,
}

case {
  id = "empty",
  title = "SETTINGS without a setting is acknowledged",
  req = "RFC9113-6.5.3-5",
  violate = "RFC9113-6.5.3-5=late",
  run = function(conn)
    conn:send(SETTINGS {})
    check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "no SETTINGS ACK")
    conn:expect(ignored())
  end,
}

case {
  id = "while-content-waits",
  title = "SETTINGS is acknowledged while a response waits for the window",
  req = { "RFC9113-6.5.3-1", "RFC9113-6.5.3-5", "RFC9113-5.2.1-2" },
  needs = { "content" },
  auto = { window = false },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 1 }
    local stream = conn:request { path = target.paths.content }
    eventually(function() return conn:data_octets(stream) == 1 end, "the first octet of the response")
    conn:send(SETTINGS { MAX_FRAME_SIZE = 16384 })
    check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "no SETTINGS ACK")
  end,
}

case {
  id = "during-an-upload",
  title = "SETTINGS is acknowledged before the request has ended",
  req = { "RFC9113-6.5.3-5", "RFC9113-6.5-2" },
  violate = { "RFC9113-6.5.3-5=late", "RFC9113-6.5-2" },
  needs = { "post" },
  run = function(conn)
    local stream = conn:request { method = "POST", path = target.paths.post, end_stream = false }
    conn:send(DATA { stream = stream, "first half, " }, SETTINGS { MAX_FRAME_SIZE = 16384 })
    check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "no SETTINGS ACK")
    conn:send(DATA { stream = stream, end_stream = true, "second half" })
    conn:expect(response(stream, "2xx"))
  end,
}

case {
  id = "not-acknowledged-by-the-client",
  title = "a request while the client has not acknowledged the server's SETTINGS",
  req = "RFC9113-6.5.3-7",
  start = "preface",
  auto = { settings = false },
  run = function(conn)
    conn:send_preface()
    check(conn:recv { name = "SETTINGS", ack = false }, "the server's SETTINGS", "no SETTINGS")
    conn:expect(response(conn:request { path = target.path }))
  end,
}

for _, length in ipairs { 1, 3, 5, 7, 11 } do
  case {
    id = ("length-%d"):format(length),
    title = ("SETTINGS of %d octets, no multiple of 6"):format(length),
    req = "RFC9113-6.5-10",
    h2spec = length == 3 and "http2/6.5/3" or nil,
    run = function(conn)
      conn:send(SETTINGS { payload = octets(length) })
      conn:expect(connection_error "FRAME_SIZE_ERROR")
    end,
  }
end

for _, length in ipairs { 1, 6, 12 } do
  case {
    id = ("ack-of-%d-octets"):format(length),
    title = ("SETTINGS with ACK and %d octets"):format(length),
    req = "RFC9113-6.5-6",
    h2spec = length == 1 and "http2/6.5/1" or nil,
    run = function(conn)
      conn:send(SETTINGS { ack = true, payload = octets(length, hex "0003 00000064") })
      conn:expect(connection_error "FRAME_SIZE_ERROR")
    end,
  }
end

local places = {
  { "on-idle-stream", "SETTINGS on an idle stream", function(conn) return SETTINGS { stream = conn:new_stream() } end,
    h2spec = "http2/6.5/2" },
  { "on-open-stream", "SETTINGS on an open stream", function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    return SETTINGS { stream = conn:request { method = "POST", path = target.paths.content, end_stream = false } }
  end, needs = { "content" } },
  { "ack-on-stream", "SETTINGS with ACK on a stream", function(conn)
    return SETTINGS { stream = conn:new_stream(), ack = true }
  end },
}

for _, place in ipairs(places) do
  case {
    id = place[1], title = place[2], req = "RFC9113-6.5-8", h2spec = place.h2spec, needs = place.needs,
    run = function(conn)
      conn:send(place[3](conn))
      conn:expect(connection_error "PROTOCOL_ERROR")
    end,
  }
end

case {
  id = "unknown-setting",
  title = "settings with unknown identifiers are ignored",
  req = { "RFC9113-6.5.2-17", "RFC9113-6.5.3-4" },
  h2spec = "http2/6.5.2/5",
  run = function(conn)
    conn:send(SETTINGS { { 0x00, 0 }, { 0xff, 0xffffffff }, { 0xf0f0, 1 } })
    conn:expect(ignored())
  end,
}

case {
  id = "enable-push-value",
  title = "ENABLE_PUSH with a value other than 0 and 1",
  req = { "RFC9113-6.5.2-3", "RFC9113-6.5-9" },
  h2spec = "http2/6.5.2/1",
  each = { 2, 0xffffffff },
  run = function(conn, value)
    conn:send(SETTINGS { ENABLE_PUSH = value })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}

case {
  id = "initial-window-size-too-large",
  title = "INITIAL_WINDOW_SIZE above 2^31-1",
  req = "RFC9113-6.5.2-9",
  h2spec = { "http2/6.5.2/2", "http2/6.9.2/3" },
  each = { 0x80000000, 0xffffffff },
  run = function(conn, value)
    conn:send(SETTINGS { INITIAL_WINDOW_SIZE = value })
    conn:expect(connection_error "FLOW_CONTROL_ERROR")
  end,
}

case {
  id = "initial-window-size-limits",
  title = "INITIAL_WINDOW_SIZE 0 and 2^31-1 are valid",
  req = "RFC9113-6.5.2-10",
  each = { 0, 0x7fffffff },
  run = function(conn, value)
    conn:send(SETTINGS { INITIAL_WINDOW_SIZE = value })
    conn:barrier()
    conn:send(SETTINGS { INITIAL_WINDOW_SIZE = 65535 })
    conn:expect(ignored())
  end,
}

case {
  id = "max-frame-size-too-small",
  title = "MAX_FRAME_SIZE below 2^14",
  req = "RFC9113-6.5.2-12",
  h2spec = "http2/6.5.2/3",
  each = { 0, 16383 },
  run = function(conn, value)
    conn:send(SETTINGS { MAX_FRAME_SIZE = value })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}

case {
  id = "max-frame-size-too-large",
  title = "MAX_FRAME_SIZE above 2^24-1",
  req = "RFC9113-6.5.2-13",
  h2spec = "http2/6.5.2/4",
  each = { 0x1000000, 0xffffffff },
  run = function(conn, value)
    conn:send(SETTINGS { MAX_FRAME_SIZE = value })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}

case {
  id = "max-frame-size-limits",
  title = "MAX_FRAME_SIZE 2^14 and 2^24-1 are valid",
  req = "RFC9113-6.5.2-14",
  each = { 0x4000, 0xffffff },
  run = function(conn, value)
    conn:send(SETTINGS { MAX_FRAME_SIZE = value })
    conn:expect(ignored())
  end,
}

case {
  id = "header-table-size-limits",
  title = "HEADER_TABLE_SIZE takes any value, 0 and 2^32-1 included",
  req = "RFC9113-6.5.2-15",
  each = { 0, 1, 0xffffffff },
  run = function(conn, value)
    conn:send(SETTINGS { HEADER_TABLE_SIZE = value })
    conn:expect(ignored())
  end,
}

case {
  id = "max-concurrent-streams-zero",
  title = "MAX_CONCURRENT_STREAMS 0 is nothing special",
  req = "RFC9113-6.5.2-7",
  run = function(conn)
    conn:send(SETTINGS { MAX_CONCURRENT_STREAMS = 0 })
    conn:expect(ignored())
  end,
}

case {
  id = "last-value-wins",
  title = "INITIAL_WINDOW_SIZE 100 and then 1 in one frame: DATA keeps to 1 octet",
  req = { "RFC9113-6.5-4", "RFC9113-6.5.3-3" },
  violate = { "RFC9113-6.5-4", "RFC9113-6.5.3-3" },
  h2spec = "http2/6.5.3/1",
  needs = { "content" },
  auto = { window = false },
  run = function(conn)
    conn:send(SETTINGS { { "INITIAL_WINDOW_SIZE", 100 }, { "INITIAL_WINDOW_SIZE", 1 } })
    local stream = conn:request { path = target.paths.content }
    conn:expect(ignored())
    local got = conn:data_octets(stream)
    check(got <= 1, "at most 1 octet of DATA", got .. " octets of DATA")
  end,
}

case {
  id = "acknowledged-value-holds",
  title = "after INITIAL_WINDOW_SIZE 1 was acknowledged a new stream gets no more than 1 octet",
  req = { "RFC9113-6.5.3-6", "RFC9113-6.9.1-1" },
  needs = { "content" },
  auto = { window = false },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 1 }
    local stream = conn:request { path = target.paths.content }
    check(conn:barrier(), "the acknowledgement of a PING", "none")
    local got = conn:data_octets(stream)
    check(got <= 1, "at most 1 octet of DATA", got .. " octets of DATA")
  end,
}
