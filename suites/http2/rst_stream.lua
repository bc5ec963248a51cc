-- RST_STREAM at a server (RFC 9113 sections 5.4.2, 6.4 and 7).
suite { "rst-stream", title = "RST_STREAM", rfc = 9113, section = "6.4" }

local function open_request(conn)
  conn:settings { INITIAL_WINDOW_SIZE = 0 }
  return conn:request { method = "POST", path = target.paths.content, end_stream = false }
end

case {
  id = "on-stream-0",
  title = "RST_STREAM on stream 0",
  req = "RFC9113-6.4-3",
  h2spec = "http2/6.4/1",
  run = function(conn)
    conn:send(RST_STREAM { stream = 0, error = "CANCEL" })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}

for _, length in ipairs { 0, 3, 5 } do
  case {
    id = ("length-%d"):format(length),
    title = ("RST_STREAM of %d octets on an open stream"):format(length),
    req = "RFC9113-6.4-6",
    h2spec = length == 3 and "http2/6.4/3" or nil,
    violate = { "RFC9113-6.4-6", "RFC9113-6.4-6=stream" },
    needs = { "content" },
    run = function(conn)
      local stream = open_request(conn)
      conn:send(RST_STREAM { stream = stream, payload = octets(length) })
      conn:expect(connection_error "FRAME_SIZE_ERROR")
    end,
  }
end

case {
  id = "accepted",
  title = "after RST_STREAM on an open stream the next request works",
  req = "RFC9113-6.4-7",
  h2spec = "generic/3.4/1",
  needs = { "content" },
  each = { "NO_ERROR", "CANCEL", "INTERNAL_ERROR" },
  run = function(conn, code)
    conn:send(RST_STREAM { stream = open_request(conn), error = code })
    conn:expect(ignored())
  end,
}

case {
  id = "unknown-error",
  title = "an unknown error code in RST_STREAM is nothing special",
  req = "RFC9113-7-2",
  h2spec = "http2/7/2",
  needs = { "content" },
  each = { 0x0e, 0xff, 0xffffffff },
  run = function(conn, code)
    conn:send(RST_STREAM { stream = open_request(conn), error = code })
    conn:expect(ignored())
  end,
}

case {
  id = "stops-the-response",
  title = "after RST_STREAM no more content comes than the window allowed before it",
  req = "RFC9113-6.4-1",
  needs = { "large" },
  auto = { window = false },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 1000 }
    local stream = conn:request { path = target.paths.large }
    eventually(function() return conn:data_octets(stream) == 1000 end, "1,000 octets of DATA")
    -- The increment comes behind the RST_STREAM: nothing can be sent for it.
    conn:send(RST_STREAM { stream = stream, error = "CANCEL" }, SETTINGS { INITIAL_WINDOW_SIZE = 65535 })
    conn:recv { name = "SETTINGS", ack = true }
    check(conn:barrier(), "the acknowledgement of a PING", "none")
    local got = conn:data_octets(stream)
    check(got <= 1000, "no DATA beyond the 1,000 octets", ("%d octets more"):format(got - 1000))
  end,
}

case {
  id = "frees-others",
  title = "RST_STREAM on one stream does not disturb another",
  req = "RFC9113-5.4.2-6",
  violate = "RFC9113-6.4-7",
  needs = { "content" },
  run = function(conn)
    local doomed = open_request(conn)
    local stream = conn:request { path = target.paths.content }
    conn:send(RST_STREAM { stream = doomed, error = "CANCEL" })
    conn:settings {}
    conn:send(WINDOW_UPDATE { stream = stream, increment = 65535 })
    conn:expect(response(stream, "2xx"))
  end,
}
