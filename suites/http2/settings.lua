-- SETTINGS at a server (RFC 9113 section 6.5).
suite { "settings", title = "SETTINGS", rfc = 9113, section = "6.5" }

case {
  id = "acknowledged",
  title = "SETTINGS in the middle of a connection is acknowledged once",
  req = { "RFC9113-6.5.3-5", "RFC9113-6.5-2" },
  violate = { "RFC9113-6.5.3-5=late", "RFC9113-6.5-2" },
  h2spec = "http2/6.5.3/2",
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
  id = "length-multiple-of-6",
  title = "a SETTINGS frame whose length is not a multiple of 6 octets",
  req = "RFC9113-6.5-10",
  h2spec = "http2/6.5/3",
  each = { 1, 3, 5, 7 },
  run = function(conn, length)
    conn:send(SETTINGS { payload = octets(length) })
    conn:expect(connection_error "FRAME_SIZE_ERROR")
  end,
}

case {
  id = "ack-with-payload",
  title = "a SETTINGS frame with ACK and a setting in it",
  req = "RFC9113-6.5-6",
  h2spec = "http2/6.5/1",
  run = function(conn)
    conn:send(SETTINGS { ack = true, payload = hex "0003 00000064" })
    conn:expect(connection_error "FRAME_SIZE_ERROR")
  end,
}

case {
  id = "on-a-stream",
  title = "SETTINGS on a stream other than 0",
  req = "RFC9113-6.5-8",
  h2spec = "http2/6.5/2",
  each = { { label = "idle stream", open = false }, { label = "open stream", open = true } },
  run = function(conn, row)
    local stream = conn:new_stream()
    if row.open then conn:send(HEADERS { stream = stream, fields = post "/" }) end
    conn:send(SETTINGS { stream = stream })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}

case {
  id = "unknown-setting",
  title = "settings with unknown identifiers are ignored",
  req = "RFC9113-6.5.2-17",
  h2spec = "http2/6.5.2/5",
  run = function(conn)
    conn:send(SETTINGS { { 0x00, 0 }, { 0xff, 0xffffffff }, { 0xf0f0, 1 } })
    conn:expect(ignored())
  end,
}

case {
  id = "enable-push-value",
  title = "ENABLE_PUSH with a value other than 0 and 1",
  req = "RFC9113-6.5.2-3",
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
  h2spec = "http2/6.5.2/2",
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
  req = "RFC9113-6.5-4",
  h2spec = "http2/6.5.3/1",
  needs = { "content" },
  auto = { window = false },
  run = function(conn)
    conn:send(SETTINGS { { "INITIAL_WINDOW_SIZE", 100 }, { "INITIAL_WINDOW_SIZE", 1 } })
    local stream = conn:request { path = target.paths.content }
    conn:barrier()
    local got = conn:data_octets(stream)
    check(got <= 1, "at most 1 octet of DATA", got .. " octets of DATA")
  end,
}

case {
  id = "acknowledged-value-holds",
  title = "after INITIAL_WINDOW_SIZE 1 was acknowledged a new stream gets no more than 1 octet",
  req = { "RFC9113-6.5.3-6", "RFC9113-6.9.1-1" },
  h2spec = "http2/6.9.2/1",
  needs = { "content" },
  auto = { window = false },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 1 }
    local stream = conn:request { path = target.paths.content }
    conn:barrier()
    local got = conn:data_octets(stream)
    check(got <= 1, "at most 1 octet of DATA", got .. " octets of DATA")
  end,
}
