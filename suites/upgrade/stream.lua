-- Streams after an Upgrade: stream 1 is half-closed from the client's side, the next one is 3 (RFC 7540 section 3.2, RFC 9113
-- section 5.1). Stream 1 is held by a window of 0: otherwise its response may have closed it.
suite { "stream", title = "Upgrade: stream 1 and those after it", rfc = 7540, section = "3.2",
  modes = { "upgrade" }, start = "tcp", needs = { "upgrade" } }

-- Upgrades with a response on stream 1 that cannot come to its end.
local function held(conn)
  conn:upgrade { settings = { INITIAL_WINDOW_SIZE = 0 }, path = target.paths.content }
  conn:send_preface { INITIAL_WINDOW_SIZE = 0 }
end

local function on_stream_1(given)
  given.needs = { "upgrade", "content" }
  case(given)
end

on_stream_1 {
  id = "data",
  title = "DATA on stream 1, which the client has ended by upgrading",
  req = { "RFC7540-3.2-10", "RFC9113-5.1-19" },
  each = { { label = "with END_STREAM", end_stream = true }, { label = "without END_STREAM" } },
  run = function(conn, row)
    held(conn)
    conn:send(DATA { stream = 1, end_stream = row.end_stream, "too late" })
    conn:expect(stream_error(1, "STREAM_CLOSED"))
  end,
}

on_stream_1 {
  id = "headers",
  title = "HEADERS on stream 1, which the client has ended by upgrading",
  req = { "RFC7540-3.2-10", "RFC9113-5.1-20" },
  each = {
    { label = "a second request", fields = function() return get(target.path) end },
    { label = "trailers", fields = function() return { { "x-trailer", "too late" } } end },
  },
  run = function(conn, row)
    held(conn)
    conn:send(HEADERS { stream = 1, end_stream = true, fields = row.fields() })
    conn:expect(stream_error(1, "STREAM_CLOSED", "PROTOCOL_ERROR"))
  end,
}

on_stream_1 {
  id = "continuation",
  title = "CONTINUATION on stream 1 without a field block to go on with",
  req = "RFC9113-5.1-21",
  run = function(conn)
    held(conn)
    conn:send(CONTINUATION { stream = 1, fragment = "" })
    conn:expect(any_of {
      connection_error("PROTOCOL_ERROR", "STREAM_CLOSED"),
      soft(stream_error(1, "STREAM_CLOSED"), "section 5.1 says stream error, section 6.10 connection error"),
    })
  end,
}

on_stream_1 {
  id = "window-update",
  title = "WINDOW_UPDATE on stream 1 lets its response go on",
  req = "RFC7540-3.2-14",
  run = function(conn)
    held(conn)
    conn:barrier()
    conn:send(WINDOW_UPDATE { stream = 1, increment = 0x1000000 })
    conn:expect(response(1))
  end,
}

on_stream_1 {
  id = "priority",
  title = "PRIORITY on stream 1 is no error",
  req = { "RFC7540-3.2-14", "RFC9113-5.1-23" },
  run = function(conn)
    held(conn)
    conn:send(PRIORITY { stream = 1, dependency = 0, weight = 200 })
    conn:expect(ignored())
  end,
}

on_stream_1 {
  id = "rst-stream",
  title = "RST_STREAM on stream 1 ends its response, and is no error",
  req = { "RFC7540-3.2-14", "RFC9113-5.1-24" },
  violate = { "RFC7540-3.2-14", "RFC9113-6.4-1" },
  run = function(conn)
    held(conn)
    conn:barrier()
    conn:send(RST_STREAM { stream = 1, error = "CANCEL" }, SETTINGS { INITIAL_WINDOW_SIZE = 65535 })
    conn:expect(ignored())
    local got = conn:data_octets(1)
    check(got == 0, "no DATA on stream 1 after RST_STREAM", got .. " octets of DATA")
  end,
}

case {
  id = "again",
  title = "HEADERS on stream 1 after its response: it cannot be opened again",
  req = { "RFC9113-5.1.1-5", "RFC7540-3.2-10" },
  violate = "RFC7540-3.2-10=serve",
  run = function(conn)
    conn:upgrade {}
    conn:send_preface()
    conn:expect(response(1))
    conn:send(HEADERS { stream = 1, end_stream = true, fields = get(target.path) })
    conn:expect(any_of { stream_error(1, "STREAM_CLOSED", "PROTOCOL_ERROR"), ignored { no_response = 1 } })
  end,
}

-- The streams after it ------------------------------------------------------------------------------------------------

-- Requests on these streams, in one write with the preface.
local function next_streams(id, title, req, streams)
  case {
    id = id, title = title, req = req,
    run = function(conn)
      conn:upgrade {}
      conn:send_preface()
      for _, stream in ipairs(streams) do
        conn:send(HEADERS { stream = stream, end_stream = true, fields = get(target.path) })
      end
      conn:expect(response(1))
      for _, stream in ipairs(streams) do conn:expect(response(stream)) end
    end,
  }
end

next_streams("next", "the next request goes on stream 3, beside stream 1", "RFC7540-3.2-11", { 3 })
next_streams("several", "requests on streams 3, 5 and 7 beside stream 1", "RFC7540-3.2-11", { 3, 5, 7 })
next_streams("skipped", "stream identifiers may be skipped after an upgrade", "RFC9113-5.1.1-6", { 25, 101 })

case {
  id = "next-after-response",
  title = "a request on stream 3 after stream 1 was answered",
  req = "RFC7540-3.2-11",
  run = function(conn)
    conn:upgrade {}
    conn:send_preface()
    conn:expect(response(1))
    conn:send(HEADERS { stream = 3, end_stream = true, fields = get(target.path) })
    conn:expect(response(3))
  end,
}

on_stream_1 {
  id = "held-is-no-obstacle",
  title = "stream 3 is answered while stream 1 waits for its window",
  req = "RFC7540-3.2-11",
  run = function(conn)
    held(conn)
    conn:send(HEADERS { stream = 3, end_stream = true, fields = get(target.path) },
      WINDOW_UPDATE { stream = 3, increment = 0x1000000 })
    conn:expect(response(3))
  end,
}

case {
  id = "upgrade-again",
  title = "the fields of an Upgrade in an HTTP/2 request after the upgrade",
  req = { "RFC9113-8.2.2-6", "RFC9113-8.2.2-2" },
  violate = { "RFC9113-8.2.2-6", "RFC9113-8.2.2-2" },
  each = {
    { label = "Upgrade", { "upgrade", "h2c" } }, { label = "Connection", { "connection", "Upgrade, HTTP2-Settings" } },
  },
  run = function(conn, row)
    conn:upgrade {}
    conn:send_preface()
    conn:send(HEADERS { stream = 3, end_stream = true, fields = with(get(target.path), row[1]) })
    conn:expect(malformed(3))
  end,
}
