-- Server push, as far as a client can ask about it (RFC 9113 sections 5.1, 6.6 and 8.4). What a server pushes is looked at
-- by the watchman; PUSH_PROMISE from a client is in streams.lua, for each state of the stream.
--
-- MAX_CONCURRENT_STREAMS 0 keeps the promised stream reserved.
suite { "push", title = "Server push", rfc = 9113, section = "8.4", needs = { "push" },
  settings = { ENABLE_PUSH = 1, MAX_CONCURRENT_STREAMS = 0 } }

local function promised(conn)
  conn:request { path = target.path }
  local promise = conn:recv "PUSH_PROMISE"
  if not promise then skip "the server does not push while MAX_CONCURRENT_STREAMS is 0" end
  return promise.promised_stream
end

local function forbidden(id, title, make, ...)
  local codes = { ... }
  case {
    id = "reserved-" .. id, title = title .. " on a promised stream before its response", req = "RFC9113-5.1-12",
    violate = id == "continuation" and "RFC9113-6.10-6" or nil,
    run = function(conn)
      conn:send(make(promised(conn)))
      conn:expect(connection_error(table.unpack(codes)))
    end,
  }
end

forbidden("data", "DATA", function(stream) return DATA { stream = stream, "x" } end, "PROTOCOL_ERROR", "STREAM_CLOSED")
forbidden("headers", "HEADERS", function(stream)
  return HEADERS { stream = stream, end_stream = true, fields = unindexed(get(target.path)) }
end, "PROTOCOL_ERROR")
forbidden("continuation", "CONTINUATION", function(stream)
  return CONTINUATION { stream = stream, fields = unindexed { { "x-late", "1" } } }
end, "PROTOCOL_ERROR")

local function permitted(id, title, make)
  case {
    id = "reserved-" .. id, title = title .. " on a promised stream before its response", req = "RFC9113-5.1-13",
    run = function(conn)
      conn:send(make(promised(conn)))
      conn:expect(ignored())
    end,
  }
end

permitted("window-update", "WINDOW_UPDATE", function(stream) return WINDOW_UPDATE { stream = stream, increment = 1 } end)
permitted("priority", "PRIORITY", function(stream) return PRIORITY { stream = stream, weight = 15 } end)

case {
  id = "begins-within-the-limit",
  title = "the promised response comes once MAX_CONCURRENT_STREAMS allows it, and not before",
  req = "RFC9113-5.1.2-2",
  violate = "RFC9113-5.1.2-2=early",
  run = function(conn)
    local stream = promised(conn)
    check(conn:barrier(), "the acknowledgement of a PING", "none")
    check(conn:count { name = "HEADERS", stream = stream } == 0, "no HEADERS on the promised stream", "HEADERS")
    conn:settings { MAX_CONCURRENT_STREAMS = 10 }
    conn:expect(response(stream))
  end,
}

case {
  id = "refused",
  title = "a promised stream that the client has reset is not begun",
  req = { "RFC9113-6.6-8", "RFC9113-6.4-1" },
  violate = "RFC9113-6.6-8",
  run = function(conn)
    local stream = promised(conn)
    conn:send(RST_STREAM { stream = stream, error = "REFUSED_STREAM" })
    conn:settings { MAX_CONCURRENT_STREAMS = 10 }
    conn:expect(ignored { no_response = stream })
  end,
}

case {
  id = "disabled",
  title = "after ENABLE_PUSH 0 was acknowledged nothing is promised any more",
  req = { "RFC9113-6.5.2-1", "RFC9113-6.6-13" },
  violate = "RFC9113-6.6-13",
  settings = { ENABLE_PUSH = 1 },
  run = function(conn)
    conn:settings { ENABLE_PUSH = 0 }
    local before = conn:count "PUSH_PROMISE"
    conn:expect(response(conn:request { path = target.path }))
    check(conn:barrier(), "the acknowledgement of a PING", "none")
    check(conn:count "PUSH_PROMISE" == before, "no PUSH_PROMISE", "PUSH_PROMISE")
  end,
}
