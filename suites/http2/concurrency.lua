-- MAX_CONCURRENT_STREAMS of a server (RFC 9113 section 5.1.2).
--
-- INITIAL_WINDOW_SIZE 0 keeps the responses back, so that the streams stay open.
suite { "concurrency", title = "Concurrent streams", rfc = 9113, section = "5.1.2", needs = { "content" } }

local MANY <const> = 300 -- more than what servers allow by default, few enough to be no flood

local function limit_of(conn)
  local limit = conn:setting("theirs", "MAX_CONCURRENT_STREAMS")
  if limit == 0xffffffff then skip "the server announces no limit" end
  if limit > MANY then skip(("the limit of %d streams is out of reach"):format(limit)) end
  if limit == 0 then skip "the server announces a limit of 0" end
  conn:settings { INITIAL_WINDOW_SIZE = 0 }
  return limit
end

local function request(stream, ended)
  return HEADERS { stream = stream, end_stream = ended,
    fields = ended and get(target.paths.content) or post(target.paths.content) }
end

-- Opens as many streams as allowed, and waits until the server has seen them all open.
local function fill(conn, count, ended)
  local streams = {}
  for i = 1, count do
    streams[i] = conn:new_stream()
    conn:send(request(streams[i], ended))
  end
  conn:settings {}
  for _, stream in ipairs(streams) do
    if conn:state(stream) == "closed" then inconclusive "a stream did not stay open" end
  end
  return streams
end

for _, row in ipairs { { "exceeded", "open requests", false }, { "exceeded-half-closed", "requests that wait for their response", true } } do
  local id, title, ended = table.unpack(row)
  case {
    id = id,
    title = ("one stream more than allowed, with %s"):format(title),
    req = "RFC9113-5.1.2-3",
    h2spec = not ended and "http2/5.1.2/1" or nil,
    run = function(conn)
      fill(conn, limit_of(conn), ended)
      local stream = conn:new_stream()
      conn:send(HEADERS { stream = stream, end_stream = ended, fields = unindexed(get(target.paths.content)) })
      conn:expect(stream_error(stream, { "PROTOCOL_ERROR", "REFUSED_STREAM", about = "concurrency" }))
    end,
  }
end

case {
  id = "reached",
  title = "as many streams as allowed are all answered",
  req = "RFC9113-5.1.2-3",
  violate = "RFC9113-5.1.2-3=one-less",
  run = function(conn)
    local streams = fill(conn, limit_of(conn), true)
    for _, stream in ipairs(streams) do conn:send(WINDOW_UPDATE { stream = stream, increment = 65535 }) end
    conn:expect(response(streams[#streams], "2xx"))
    conn:expect(response(streams[1], "2xx"))
  end,
}

case {
  id = "freed-by-reset",
  title = "streams that the client has reset do not count",
  req = "RFC9113-5.1.2-3",
  violate = "RFC9113-5.1.2-3=closed",
  run = function(conn)
    local streams = fill(conn, limit_of(conn), true)
    conn:send(RST_STREAM { stream = streams[1], error = "CANCEL" })
    conn:settings {}
    local stream = conn:new_stream()
    conn:send(request(stream, true), WINDOW_UPDATE { stream = stream, increment = 65535 })
    conn:expect(response(stream, "2xx"))
  end,
}

case {
  id = "freed-by-response",
  title = "streams that were answered do not count",
  req = "RFC9113-5.1.2-3",
  violate = "RFC9113-5.1.2-3=closed",
  run = function(conn)
    local streams = fill(conn, limit_of(conn), true)
    conn:send(WINDOW_UPDATE { stream = streams[1], increment = 65535 })
    conn:expect(response(streams[1], "2xx"))
    local stream = conn:new_stream()
    conn:send(request(stream, true), WINDOW_UPDATE { stream = stream, increment = 65535 })
    conn:expect(response(stream, "2xx"))
  end,
}

case {
  id = "priority-does-not-count",
  title = "idle streams that PRIORITY named do not count",
  req = "RFC9113-5.1.2-3",
  violate = "RFC9113-5.1.2-3=closed",
  run = function(conn)
    local limit = limit_of(conn)
    local used = 2 * limit + 2 + conn:new_stream()
    conn:send(PRIORITY { stream = used - 2 }, HEADERS { stream = used, end_stream = true, fields = get(target.path) },
      WINDOW_UPDATE { stream = used, increment = 65535 })
    conn:expect(response(used, target.status))
  end,
}
