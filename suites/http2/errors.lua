-- How a server reports errors (RFC 9113 section 5.4).
suite { "errors", title = "Error handling", rfc = 9113, section = "5.4" }

local function held_request(conn)
  return conn:request { path = target.paths.content }
end

-- A stream error that servers commonly report as such: the window above 2^31-1. The connection's window keeps the
-- response from coming to its end before.
local function large_request(conn)
  return conn:request { path = target.paths.large }
end

local function overflow(stream)
  return WINDOW_UPDATE { stream = stream, increment = 0x7fffffff }, WINDOW_UPDATE { stream = stream, increment = 0x7fffffff }
end

case {
  id = "stream-error-named",
  title = "a stream error is reported on the stream that it is about",
  req = "RFC9113-5.4.2-1",
  needs = { "content", "large" },
  auto = { window = false },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    held_request(conn)
    local stream = large_request(conn)
    held_request(conn)
    conn:send(overflow(stream))
    conn:expect(stream_error(stream, "FLOW_CONTROL_ERROR"))
  end,
}

case {
  id = "stream-error-alone",
  title = "a stream error does not disturb other streams",
  req = "RFC9113-5.4.2-6",
  needs = { "content", "large" },
  auto = { window = false },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local other, stream = held_request(conn), large_request(conn)
    conn:send(overflow(stream))
    conn:expect(stream_error(stream, "FLOW_CONTROL_ERROR"))
    if not conn:barrier() or conn:count { name = "GOAWAY" } > 0 then
      note "the stream error was treated as a connection error (5.4.1)"
      return
    end
    conn:send(WINDOW_UPDATE { stream = 0, increment = 65535 }, WINDOW_UPDATE { stream = other, increment = 65535 })
    conn:expect(any_of { response(other, "2xx"), connection_error "FLOW_CONTROL_ERROR" })
  end,
}

case {
  id = "stream-error-once",
  title = "a stream error is reported by one RST_STREAM",
  req = "RFC9113-5.4.2-4",
  needs = { "content", "large" },
  auto = { window = false },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local stream = large_request(conn)
    conn:send(overflow(stream))
    conn:expect(stream_error(stream, "FLOW_CONTROL_ERROR"))
    if not conn:barrier() or conn:count { name = "GOAWAY" } > 0 then return end
    local resets = conn:count { name = "RST_STREAM", stream = stream }
    if resets > 1 then warn(("%d RST_STREAM frames for one stream error"):format(resets)) end
  end,
}

case {
  id = "connection-error-reported",
  title = "a request that is malformed and cannot be decoded is a connection error, not only a stream error",
  req = "RFC9113-5.4-2",
  violate = "RFC9113-5.4-2=stream",
  run = function(conn)
    local stream = conn:new_stream()
    local block = conn:encode(unindexed(with(get "/", { "x-Test", "upper case" }))) .. hex "ff ff"
    conn:send(HEADERS { stream = stream, end_stream = true, fragment = block })
    conn:expect(connection_error { "COMPRESSION_ERROR", about = "block-end" })
  end,
}

case {
  id = "closed-after-error",
  title = "after GOAWAY for PING on a stream the TCP connection is closed",
  req = "RFC9113-5.4.1-3",
  h2spec = "http2/5.4.1/1",
  timeout = 3,
  early = true,
  run = function(conn)
    conn:send(PING { stream = conn:new_stream(), "h2probe!" })
    conn:expect(closed())
  end,
}

case {
  id = "closed-after-other-errors",
  title = "after GOAWAY for other connection errors the TCP connection is closed",
  req = "RFC9113-5.4.1-3",
  timeout = 3,
  early = true,
  each = {
    { label = "DATA on stream 0", make = function() return DATA { stream = 0, "x" } end },
    { label = "SETTINGS of 5 octets", make = function() return SETTINGS { payload = octets(5) } end },
    { label = "a field block that cannot be decoded", make = function(conn)
      return HEADERS { stream = conn:new_stream(), end_stream = true, fragment = hex "80" }
    end },
  },
  run = function(conn, row)
    conn:send(row.make(conn))
    conn:expect(closed())
  end,
}

case {
  id = "goaway-before-close",
  title = "a connection error is announced by GOAWAY",
  req = { "RFC9113-5.4.1-1", "RFC9113-5.4.1-5", "RFC9113-6.8-2" },
  h2spec = "http2/5.4.1/2",
  run = function(conn)
    conn:send(PING { stream = conn:new_stream(), "h2probe!" })
    conn:expect(connection_error "PROTOCOL_ERROR")
    if conn:ended_by_reset() then inconclusive "a TCP reset may have destroyed the GOAWAY" end
    if conn:count({ name = "GOAWAY" }) == 0 then warn "the connection ended without GOAWAY" end
  end,
}

case {
  id = "one-goaway-with-error",
  title = "two faulty frames in one write are reported by one GOAWAY with an error",
  req = "RFC9113-5.4-1",
  early = true,
  run = function(conn)
    conn:send(PING { payload = octets(7) }, PING { payload = octets(7) })
    conn:expect(connection_error "FRAME_SIZE_ERROR")
    conn:barrier()
    local errors = 0
    for _, event in ipairs(conn.events) do
      if event.name == "GOAWAY" and event.error ~= "NO_ERROR" then errors = errors + 1 end
    end
    if errors > 1 then warn(("%d GOAWAY frames with an error"):format(errors)) end
  end,
}
