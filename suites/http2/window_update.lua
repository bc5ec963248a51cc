-- WINDOW_UPDATE at a server (RFC 9113 section 6.9). In each state of a stream: streams.lua; its effect: flow.lua.
suite { "window-update", title = "WINDOW_UPDATE", rfc = 9113, section = "6.9" }

local function open_request(conn)
  conn:settings { INITIAL_WINDOW_SIZE = 0 }
  return conn:request { method = "POST", path = target.paths.content, end_stream = false }
end

case {
  id = "connection",
  title = "an increment of 1 on stream 0",
  req = "RFC9113-6.9-9",
  h2spec = "generic/3.9/1",
  run = function(conn)
    conn:send(WINDOW_UPDATE { stream = 0, increment = 1 })
    conn:expect(ignored())
  end,
}

case {
  id = "stream",
  title = "an increment of 1 on a stream, before its request has ended",
  req = "RFC9113-6.9-9",
  h2spec = "generic/3.9/2",
  needs = { "content" },
  run = function(conn)
    conn:send(WINDOW_UPDATE { stream = open_request(conn), increment = 1 })
    conn:expect(ignored())
  end,
}

case {
  id = "connection-zero",
  title = "an increment of 0 on stream 0",
  req = "RFC9113-6.9-4",
  h2spec = "http2/6.9/1",
  run = function(conn)
    conn:send(WINDOW_UPDATE { stream = 0, increment = 0 })
    conn:expect(connection_error { "PROTOCOL_ERROR", about = "window-update-zero" })
  end,
}

case {
  id = "stream-zero",
  title = "an increment of 0 on an open stream",
  req = "RFC9113-6.9-3",
  h2spec = "http2/6.9/2",
  violate = { "RFC9113-6.9-3", "RFC9113-6.9-3=other" },
  needs = { "content" },
  run = function(conn)
    local stream = open_request(conn)
    conn:send(WINDOW_UPDATE { stream = stream, increment = 0 })
    conn:expect(stream_error(stream, { "PROTOCOL_ERROR", about = "window-update-zero" }))
  end,
}

case {
  id = "stream-zero-half-closed",
  title = "an increment of 0 on a stream that the client has ended, while the response is held back",
  req = "RFC9113-6.9-3",
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local stream = conn:request { path = target.paths.content }
    conn:send(WINDOW_UPDATE { stream = stream, increment = 0 })
    conn:expect(stream_error(stream, { "PROTOCOL_ERROR", about = "window-update-zero" }))
  end,
}

for _, length in ipairs { 0, 3, 5, 8 } do
  case {
    id = ("length-%d"):format(length),
    title = ("WINDOW_UPDATE of %d octets on stream 0"):format(length),
    req = "RFC9113-6.9-7",
    h2spec = length == 3 and "http2/6.9/3" or nil,
    run = function(conn)
      conn:send(WINDOW_UPDATE { stream = 0, payload = octets(length, "\1") })
      conn:expect(connection_error "FRAME_SIZE_ERROR")
    end,
  }
end

for _, length in ipairs { 3, 5 } do
  case {
    id = ("length-%d-on-stream"):format(length),
    title = ("WINDOW_UPDATE of %d octets on an open stream"):format(length),
    req = "RFC9113-6.9-7",
    violate = { "RFC9113-6.9-7", "RFC9113-6.9-7=stream" },
    needs = { "content" },
    run = function(conn)
      conn:send(WINDOW_UPDATE { stream = open_request(conn), payload = octets(length, "\1") })
      conn:expect(connection_error "FRAME_SIZE_ERROR")
    end,
  }
end
