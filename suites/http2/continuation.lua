-- CONTINUATION and open field blocks at a server (RFC 9113 sections 4.3, 6.2 and 6.10).
suite { "continuation", title = "CONTINUATION", rfc = 9113, section = "6.10" }

-- A field block in several frames --------------------------------------------------------------------------------------

local function send_in_frames(conn, stream, fragments)
  local frames = {}
  for i, fragment in ipairs(fragments) do
    local last = i == #fragments
    frames[i] = i == 1 and HEADERS { stream = stream, end_stream = true, end_headers = last, fragment = fragment }
      or CONTINUATION { stream = stream, end_headers = last, fragment = fragment }
  end
  conn:send(table.unpack(frames))
end

local function answered(id, req, title, h2spec, split)
  case {
    id = id, title = title, req = req, h2spec = h2spec,
    run = function(conn)
      local stream = conn:new_stream()
      send_in_frames(conn, stream, split(conn:encode(get(target.path))))
      conn:expect(response(stream, target.status))
    end,
  }
end

answered("one", { "RFC9113-6.2-18", "RFC9113-6.10-1" }, "a field block in HEADERS and one CONTINUATION", "generic/3.10/1",
  function(block) return { block:sub(1, 1), block:sub(2) } end)
answered("several", "RFC9113-6.10-1", "a field block in HEADERS and five CONTINUATION frames",
  { "http2/6.10/1", "generic/3.10/2" },
  function(block)
    return { block:sub(1, 1), block:sub(2, 2), block:sub(3, 3), block:sub(4, 4), block:sub(5, 5), block:sub(6) }
  end)
answered("empty-between", "RFC9113-6.10-1", "an empty CONTINUATION between two others", nil,
  function(block) return { block:sub(1, 1), block:sub(2, 2), "", block:sub(3) } end)
answered("empty-at-the-end", "RFC9113-6.10-1", "an empty CONTINUATION that ends the field block", nil,
  function(block) return { block:sub(1, 1), block:sub(2), "" } end)

case {
  id = "empty-headers",
  title = "HEADERS without an octet, and the whole field block in CONTINUATION",
  req = "RFC9113-6.2-19",
  caught = "warn",
  run = function(conn)
    local stream = conn:new_stream()
    send_in_frames(conn, stream, { "", conn:encode(unindexed(get(target.path))) })
    conn:expect(any_of {
      response(stream, target.status),
      soft(connection_error("FRAME_SIZE_ERROR", "ENHANCE_YOUR_CALM"), "no keyword says that a fragment may be empty"),
    })
  end,
}

-- Another frame inside an open field block --------------------------------------------------------------------------

local intruders = {
  { "priority", "PRIORITY on the same stream", "RFC9113-6.2-4", function(s) return PRIORITY { stream = s } end,
    h2spec = { "http2/6.2/1", "http2/4.3/2" } },
  { "headers-other-stream", "HEADERS on another stream", "RFC9113-6.2-5",
    function(s) return HEADERS { stream = s + 2, end_stream = true, fields = unindexed(get "/") } end,
    h2spec = { "http2/6.2/2", "http2/4.3/3" } },
  { "headers-same-stream", "HEADERS on the same stream", "RFC9113-6.2-6",
    function(s) return HEADERS { stream = s, end_stream = true, fields = unindexed(get "/") } end },
  { "data", "DATA on the same stream", "RFC9113-6.2-7", function(s) return DATA { stream = s, "x" } end,
    h2spec = "http2/6.10/6" },
  { "rst-stream", "RST_STREAM on the same stream", "RFC9113-6.2-8",
    function(s) return RST_STREAM { stream = s, error = "CANCEL" } end },
  { "window-update", "WINDOW_UPDATE on stream 0", "RFC9113-6.2-9",
    function() return WINDOW_UPDATE { stream = 0, increment = 1 } end },
  { "window-update-same-stream", "WINDOW_UPDATE on the same stream", "RFC9113-6.2-9",
    function(s) return WINDOW_UPDATE { stream = s, increment = 1 } end },
  { "settings", "SETTINGS", "RFC9113-6.2-10", function() return SETTINGS {} end },
  { "settings-ack", "SETTINGS with ACK", "RFC9113-6.2-10", function() return SETTINGS { ack = true } end },
  { "ping", "PING", "RFC9113-6.2-11", function() return PING "h2probe!" end },
  { "goaway", "GOAWAY", "RFC9113-6.2-12", function() return GOAWAY { error = "NO_ERROR" } end },
  { "continuation-other-stream", "CONTINUATION on another stream", "RFC9113-6.2-13",
    function(s) return CONTINUATION { stream = s + 2, fragment = "", end_headers = false } end },
  { "continuation-stream-0", "CONTINUATION on stream 0", "RFC9113-6.10-5",
    function() return CONTINUATION { stream = 0, fragment = "", end_headers = false } end, h2spec = "http2/6.10/3" },
  { "push-promise", "PUSH_PROMISE on the same stream", "RFC9113-8.4-7",
    function(s) return PUSH_PROMISE { stream = s, promised_stream = 2, fields = unindexed(get "/") } end },
  { "unknown", "a frame of unknown type on stream 0", "RFC9113-5.5-3",
    function() return FRAME { type = 0x16, stream = 0, payload = "8 octets" } end, h2spec = "http2/5.5/2" },
  { "unknown-same-stream", "a frame of unknown type on the same stream", "RFC9113-5.5-3",
    function(s) return FRAME { type = 0xf0, stream = s, payload = "8 octets" } end },
}

local function interrupted(id, title, req, h2spec, begin, make)
  case {
    id = id, title = title, req = req, h2spec = h2spec,
    run = function(conn)
      local stream = conn:new_stream()
      local block = conn:encode(unindexed(get "/"))
      local sent = begin(conn, stream, block)
      conn:send(make(stream), CONTINUATION { stream = stream, fragment = block:sub(sent + 1) })
      conn:expect(connection_error "PROTOCOL_ERROR")
    end,
  }
end

local function after_headers(conn, stream, block)
  conn:send(HEADERS { stream = stream, end_stream = true, end_headers = false, fragment = block:sub(1, 1) })
  return 1
end

local function after_continuation(conn, stream, block)
  after_headers(conn, stream, block)
  conn:send(CONTINUATION { stream = stream, end_headers = false, fragment = block:sub(2, 2) })
  return 2
end

for _, row in ipairs(intruders) do
  local id, title, req, make = table.unpack(row)
  interrupted("interrupted-by-" .. id, title .. " between HEADERS and CONTINUATION", req, row.h2spec, after_headers,
    make)
end

for _, row in ipairs(intruders) do
  local id, title, req, make = table.unpack(row)
  local rule = id == "continuation-other-stream" and "RFC9113-6.10-4" or id == "continuation-stream-0" and "RFC9113-6.10-5"
    or "RFC9113-6.10-3"
  interrupted("interrupted-later-by-" .. id, title .. " between two CONTINUATION frames", { rule, req },
    id == "data" and "http2/6.10/2" or nil, after_continuation, make)
end

-- CONTINUATION without an open field block ------------------------------------------------------------------------

local orphans = {
  { "after-headers", "RFC9113-6.10-6", "CONTINUATION after HEADERS with END_HEADERS", h2spec = "http2/6.10/4",
    begin = function(conn, s)
      conn:send(HEADERS { stream = s, fields = unindexed(post(target.paths.content)) })
    end },
  { "after-continuation", "RFC9113-6.10-7", "CONTINUATION after CONTINUATION with END_HEADERS", h2spec = "http2/6.10/5",
    begin = function(conn, s)
      local block = conn:encode(unindexed(post(target.paths.content)))
      conn:send(HEADERS { stream = s, end_headers = false, fragment = block:sub(1, 1) },
        CONTINUATION { stream = s, fragment = block:sub(2) })
    end },
  { "after-data", "RFC9113-6.10-8", "CONTINUATION after DATA",
    begin = function(conn, s)
      conn:send(HEADERS { stream = s, fields = unindexed(post(target.paths.content)) }, DATA { stream = s, "x" })
    end },
}

for _, row in ipairs(orphans) do
  local id, req, title = table.unpack(row)
  case {
    id = id, title = title, req = req, h2spec = row.h2spec, needs = { "content" },
    run = function(conn)
      conn:settings { INITIAL_WINDOW_SIZE = 0 }
      local stream = conn:new_stream()
      row.begin(conn, stream)
      conn:send(CONTINUATION { stream = stream, fields = unindexed { { "x-late", "1" } } })
      conn:expect(connection_error "PROTOCOL_ERROR")
    end,
  }
end

case {
  id = "on-stream-0",
  title = "CONTINUATION on stream 0 without an open field block",
  req = "RFC9113-6.10-5",
  run = function(conn)
    conn:send(CONTINUATION { stream = 0, fields = unindexed { { "x-late", "1" } } })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}
