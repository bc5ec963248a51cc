-- The first frame of a client has to be SETTINGS (RFC 9113 section 3.4).
suite { "first-frame", title = "Connection preface: the first frame", rfc = 9113, section = "3.4", start = "preface" }

local function invalid() return connection_error { "PROTOCOL_ERROR", goaway = "optional" } end

-- Another frame than SETTINGS behind the 24 octets: frame(stream) makes it.
local function first(id, frame, more)
  more = more or {}
  case {
    id = id, title = ("the 24 octets, and then %s instead of SETTINGS"):format(more.title or id:upper():gsub("-", "_")),
    req = "RFC9113-3.4-10", caught = more.soft and "warn" or nil,
    run = function(conn)
      conn:send_octets(PREFACE)
      conn:send(frame(conn:new_stream()))
      conn:expect(more.soft and any_of { invalid(), soft(ignored(), more.soft) } or invalid())
    end,
  }
end

first("data", function(stream) return DATA { stream = stream, "too soon" } end)
first("headers", function(stream) return HEADERS { stream = stream, end_stream = true, fields = get(target.path) } end)
first("priority", function(stream) return PRIORITY { stream = stream, dependency = 0, weight = 15 } end)
first("rst-stream", function(stream) return RST_STREAM { stream = stream, error = "CANCEL" } end)
first("push-promise", function(stream)
  return PUSH_PROMISE { stream = stream, promised_stream = 2, fields = get(target.path) }
end)
first("ping", function() return PING "h2probe!" end)
first("goaway", function() return GOAWAY { error = "NO_ERROR" } end)
first("window-update", function() return WINDOW_UPDATE { stream = 0, increment = 1 } end)
first("continuation", function(stream) return CONTINUATION { stream = stream, fragment = "" } end)
first("altsvc", function() return ALTSVC { origin = "https://localhost", value = "clear" } end,
  { soft = "a server that does not know ALTSVC discards it (section 4.1)" })
first("origin", function() return ORIGIN { origins = { "https://localhost" } } end,
  { soft = "a server that does not know ORIGIN discards it (section 4.1)" })
first("priority-update", function(stream)
  return PRIORITY_UPDATE { prioritized_stream = stream, value = "u=3" }
end, { soft = "a server that does not know PRIORITY_UPDATE discards it (section 4.1)" })
first("unknown", function() return FRAME { type = 0x2f, stream = 0, payload = "h2probe!" } end,
  { title = "a frame of a type that nobody knows", soft = "section 4.1 says to discard it, section 3.4 that SETTINGS must follow" })

case {
  id = "settings-ack",
  title = "the 24 octets, and then SETTINGS with ACK",
  req = "RFC9113-3.4-11",
  violate = "RFC9113-3.4-11=other",
  run = function(conn)
    conn:send_octets(PREFACE)
    conn:send(SETTINGS { ack = true })
    conn:expect(any_of { invalid(), ignored() })
  end,
}

-- SETTINGS that are wrong ----------------------------------------------------------------------------------------------
-- A connection error, after which a server may leave out GOAWAY (section 3.4).

local function wrong(id, title, req, code, rows, violate)
  case {
    id = id, title = title, req = req, violate = violate, each = rows,
    run = function(conn, row)
      conn:send_octets(PREFACE)
      conn:send(SETTINGS(row[1]))
      conn:expect(connection_error { code, "PROTOCOL_ERROR", goaway = "optional" })
    end,
  }
end

wrong("on-a-stream", "the first SETTINGS on a stream other than 0", "RFC9113-6.5-8", "PROTOCOL_ERROR",
  { { label = "stream 1", { stream = 1 } }, { label = "stream 3", { stream = 3, ENABLE_PUSH = 0 } } })
wrong("length-multiple-of-6", "the first SETTINGS with a length that is no multiple of 6", "RFC9113-6.5-10",
  "FRAME_SIZE_ERROR", { { label = "1 octet", { payload = octets(1) } }, { label = "5 octets", { payload = octets(5) } },
    { label = "7 octets", { payload = octets(7) } } })
wrong("enable-push", "ENABLE_PUSH 2 in the first SETTINGS", "RFC9113-6.5.2-3", "PROTOCOL_ERROR",
  { { label = "2", { ENABLE_PUSH = 2 } }, { label = "2^32-1", { ENABLE_PUSH = 0xffffffff } } })
wrong("initial-window-size", "INITIAL_WINDOW_SIZE 2^31 in the first SETTINGS", "RFC9113-6.5.2-9", "FLOW_CONTROL_ERROR",
  { { label = "2^31", { INITIAL_WINDOW_SIZE = 0x80000000 } } })
wrong("max-frame-size", "MAX_FRAME_SIZE 16383 and 2^24 in the first SETTINGS", "RFC9113-6.5.2-12", "PROTOCOL_ERROR",
  { { label = "16383", { MAX_FRAME_SIZE = 16383 } }, { label = "2^24", { MAX_FRAME_SIZE = 0x1000000 } } },
  { "RFC9113-6.5.2-12", "RFC9113-6.5.2-13" })

case {
  id = "too-long",
  title = "the first SETTINGS longer than the server's MAX_FRAME_SIZE",
  req = "RFC9113-4.2-6",
  run = function(conn)
    local limit = connect { start = "open" }:setting("theirs", "MAX_FRAME_SIZE")
    if limit > 1000000 then skip(("the server takes frames of %d octets"):format(limit)) end
    local settings = (limit // 6 + 1) * 6
    conn:send_octets(PREFACE)
    conn:send(SETTINGS { payload = octets(settings, hex "0002 00000000") })
    conn:expect(connection_error { "FRAME_SIZE_ERROR", goaway = "optional" })
  end,
}
