-- The frame header: undefined flags and reserved bits are ignored (RFC 9113 section 4.1).
--
-- INITIAL_WINDOW_SIZE 0 keeps the response back, so that the stream of the request does not end by itself.
suite { "frames", title = "Frame header", rfc = 9113, section = "4.1" }

local function name_of(frame)
  return frame:lower():gsub("_", "-")
end

local function open_request(conn)
  conn:settings { INITIAL_WINDOW_SIZE = 0 }
  return conn:request { method = "POST", path = target.paths.content, end_stream = false }
end

-- The frames under test: what defines them, whether they need an open stream, and what proves that they worked
-- (default: nothing happens).
local function acknowledged(conn)
  check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "no SETTINGS ACK")
  conn:expect(ignored())
end

local function ponged(conn)
  check(conn:recv { name = "PING", ack = true, data = "h2probe!" }, "a PING with ACK", "no PING with ACK")
  conn:expect(ignored())
end

local function answered(conn, stream)
  conn:expect(response(stream, target.status))
end

local function answered_with_window(conn, stream)
  conn:send(WINDOW_UPDATE { stream = stream, increment = 65535 })
  conn:expect(response(stream))
end

local frames = {
  { "PING", flags = 0xfe, h2spec = { flags = "http2/4.1/2", reserved = "http2/4.1/3" }, works = ponged,
    make = function(_, more) return PING { "h2probe!", flags = more.flags, reserved = more.reserved } end },
  { "SETTINGS", flags = 0xfe, works = acknowledged,
    make = function(_, more) return SETTINGS { MAX_FRAME_SIZE = 16384, flags = more.flags, reserved = more.reserved } end },
  { "HEADERS", flags = 0xd2 | 0x05, works = answered, enter = function(conn) return conn:new_stream() end,
    make = function(stream, more)
      return HEADERS { stream = stream, end_stream = true, fields = get(target.path), flags = more.flags,
        reserved = more.reserved }
    end },
  { "DATA", flags = 0xf6 | 0x01, works = answered_with_window, enter = open_request,
    make = function(stream, more)
      return DATA { stream = stream, end_stream = true, "content", flags = more.flags, reserved = more.reserved }
    end },
  { "PRIORITY", flags = 0xff, enter = open_request,
    make = function(stream, more)
      return PRIORITY { stream = stream, weight = 15, flags = more.flags, reserved = more.reserved }
    end },
  { "RST_STREAM", flags = 0xff, enter = open_request,
    make = function(stream, more)
      return RST_STREAM { stream = stream, error = "CANCEL", flags = more.flags, reserved = more.reserved }
    end },
  { "WINDOW_UPDATE", flags = 0xff, enter = open_request,
    make = function(stream, more)
      return WINDOW_UPDATE { stream = stream, increment = 1, flags = more.flags, reserved = more.reserved }
    end },
  { "CONTINUATION", flags = 0xfb | 0x04, works = answered,
    enter = function(conn)
      local stream = conn:new_stream()
      conn:send(HEADERS { stream = stream, end_stream = true, end_headers = false, fields = { { ":method", "GET" } } })
      return stream
    end,
    make = function(stream, more)
      return CONTINUATION { stream = stream, fields = without(get(target.path), ":method"), flags = more.flags,
        reserved = more.reserved }
    end },
}

local function no_stream() return 0 end

local function declare(kind, req, title, frame, more)
  local name = frame[1]
  case {
    id = kind .. "-" .. name_of(name), title = title:format(name), req = req, violate = req .. "=" .. name,
    h2spec = (frame.h2spec or {})[kind], needs = frame.enter == open_request and { "content" } or nil,
    run = function(conn)
      local stream = (frame.enter or no_stream)(conn)
      conn:send(frame.make(stream, more))
      if frame.works then
        frame.works(conn, stream)
      else
        conn:expect(ignored())
      end
    end,
  }
end

for _, frame in ipairs(frames) do
  declare("flags", "RFC9113-4.1-3", "%s with all flags set that it does not define works as without them", frame,
    { flags = frame.flags })
end

for _, frame in ipairs(frames) do
  declare("reserved", "RFC9113-4.1-6", "%s with the reserved bit set works as without it", frame, { reserved = true })
end

-- Some servers answer whatever follows a GOAWAY by an error: there its form cannot be judged.
local function plain_goaway_works()
  local other = connect {}
  other:send(GOAWAY { error = "NO_ERROR" })
  other:barrier()
  local answer = other:last { name = "GOAWAY" }
  if answer and answer.error ~= "NO_ERROR" then
    skip(("the server ends the connection with %s after any GOAWAY"):format(answer.error))
  end
end

case {
  id = "flags-goaway",
  title = "GOAWAY with all flags set is no error",
  req = "RFC9113-4.1-3",
  violate = "RFC9113-4.1-3=GOAWAY",
  run = function(conn)
    plain_goaway_works()
    conn:send(GOAWAY { error = "NO_ERROR", flags = 0xff })
    conn:expect(no_error())
  end,
}

case {
  id = "reserved-goaway",
  title = "GOAWAY with the reserved bit set is no error",
  req = "RFC9113-4.1-6",
  violate = "RFC9113-4.1-6=GOAWAY",
  run = function(conn)
    plain_goaway_works()
    conn:send(GOAWAY { error = "NO_ERROR", reserved = true })
    conn:expect(no_error())
  end,
}

case {
  id = "reserved-increment",
  title = "the reserved bit of a WINDOW_UPDATE increment is no part of it",
  req = "RFC9113-4.1-7",
  violate = "RFC9113-4.1-7=WINDOW_UPDATE",
  run = function(conn)
    conn:send(WINDOW_UPDATE { stream = 0, payload = hex "80000001" })
    conn:expect(ignored())
  end,
}

case {
  id = "reserved-increment-zero",
  title = "an increment of 0 with the reserved bit set is an increment of 0",
  req = "RFC9113-6.9-4",
  run = function(conn)
    conn:send(WINDOW_UPDATE { stream = 0, payload = hex "80000000" })
    conn:expect(any_of {
      connection_error { "PROTOCOL_ERROR", about = "window-update-zero" },
      soft(ignored(), "no keyword says that the reserved bit is ignored here"),
    })
  end,
  caught = "warn",
}

case {
  id = "reserved-last-stream",
  title = "the reserved bit of a GOAWAY's last stream is no part of it",
  req = "RFC9113-4.1-7",
  violate = "RFC9113-4.1-7=GOAWAY",
  run = function(conn)
    plain_goaway_works()
    conn:send(GOAWAY { payload = hex "80000000 00000000" })
    conn:expect(no_error())
  end,
}
