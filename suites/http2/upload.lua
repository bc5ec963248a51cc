-- Flow control of content that the server receives (RFC 9113 sections 5.1, 6.1, 6.9 and 6.9.1).
suite { "upload", title = "Flow control of requests", rfc = 9113, section = "6.9.1", needs = { "post" } }

local FINAL <const> = { "2xx", "3xx", "4xx" }

local function post(conn)
  return conn:request { method = "POST", path = target.paths.post, end_stream = false }
end

-- What may be sent on a new stream at once.
local function window(conn, stream)
  return math.min(conn:window("ours", 0), conn:window("ours", stream), 1048576)
end

-- Sends `length` octets as DATA of ordinary size, and END_STREAM with the last.
local function send_content(conn, stream, length, size, pad_length)
  local overhead = pad_length and pad_length + 1 or 0
  while length > 0 do
    local n = math.min(length, size)
    length = length - n
    conn:send(DATA { stream = stream, pad_length = pad_length, octets(n - overhead, "x"), end_stream = length == 0 })
  end
end

-- A response, or what a server does that wants no more of the content: an early response, and RST_STREAM(NO_ERROR).
local function expect_taken(conn, stream)
  conn:expect(response(stream, FINAL))
end

case {
  id = "completes",
  title = "300,000 octets of content, as the server's windows allow",
  req = "RFC9113-6.9.1-4",
  timeout = 5,
  run = function(conn)
    local stream = conn:request { method = "POST", path = target.paths.post, body = octets(300000, "x") }
    expect_taken(conn, stream)
  end,
}

case {
  id = "fills-the-window",
  title = "content that fills the window exactly, in frames of ordinary size",
  req = { "RFC9113-6.9.1-8", "RFC9113-6.9.1-1" },
  violate = "RFC9113-6.9.1-8",
  run = function(conn)
    local stream = post(conn)
    send_content(conn, stream, window(conn, stream), 16384)
    expect_taken(conn, stream)
  end,
}

case {
  id = "fills-the-window-with-padding",
  title = "padded content that fills the window exactly: padding counts, and no more than once",
  req = "RFC9113-6.1-6",
  run = function(conn)
    local stream = post(conn)
    local length = window(conn, stream)
    if length % 1024 < 256 then length = length - 256 end -- the last frame needs room for its padding
    send_content(conn, stream, length, 1024, 255)
    expect_taken(conn, stream)
  end,
}

-- An end without a word says nothing about how the server answers a stream error.
local function provoke_reset(conn)
  conn:settings { INITIAL_WINDOW_SIZE = 0 }
  local stream = post(conn)
  conn:send(WINDOW_UPDATE { stream = stream, increment = 0x7fffffff },
    WINDOW_UPDATE { stream = stream, increment = 0x7fffffff })
  if not conn:recv { name = "RST_STREAM", stream = stream } then
    if conn:ended() and conn:count { name = "GOAWAY" } == 0 then inconclusive "the connection ended without GOAWAY" end
    skip "the server does not answer a window above 2^31-1 by a stream error"
  end
  return stream
end

case {
  id = "discarded-content-counts",
  title = "content on a stream that the server has reset does not use up the connection's window for good",
  req = { "RFC9113-5.1-40", "RFC9113-6.9-6" },
  violate = { "RFC9113-5.1-40", "RFC9113-6.9-6" },
  early = true,
  run = function(conn)
    local other = connect {}
    provoke_reset(other)
    if not other:barrier() or other:count { name = "GOAWAY" } > 0 then
      skip "the server ends the connection after the stream error"
    end
    local stream = provoke_reset(conn)
    local length = window(conn, stream)
    if length > 200000 then skip(("the window of %d octets is too large to be used up"):format(length)) end
    send_content(conn, stream, length, 16384)
    local next_one = conn:request { method = "POST", path = target.paths.post, body = octets(length, "y") }
    conn:send(WINDOW_UPDATE { stream = next_one, increment = 65535 })
    expect_taken(conn, next_one)
  end,
}

case {
  id = "exempt-frames",
  title = "HEADERS, SETTINGS and PING are taken while the server's windows are used up",
  req = "RFC9113-6.9-1",
  run = function(conn)
    local stream = post(conn)
    local length = window(conn, stream)
    for _ = 1, length // 16384 do conn:send(DATA { stream = stream, octets(16384, "x") }) end
    if length % 16384 > 0 then conn:send(DATA { stream = stream, octets(length % 16384, "x") }) end
    conn:send(SETTINGS { MAX_FRAME_SIZE = 16384 }, PING "h2probe!")
    local other = conn:new_stream()
    conn:send(HEADERS { stream = other, end_stream = true, fields = get(target.path) })
    conn:expect(response(other, target.status))
    check(conn:recv { name = "PING", ack = true, data = "h2probe!" }, "a PING with ACK", "no PING with ACK")
    eventually(function() return conn:unacknowledged "ours" == 0 end, "a SETTINGS ACK")
  end,
}

case {
  id = "beyond-the-window",
  title = "more content than the window allows",
  req = "RFC9113-6.9-2",
  run = function(conn)
    local stream = post(conn)
    local length = window(conn, stream)
    if length > 200000 then skip(("the window of %d octets is too large to be passed"):format(length)) end
    send_content(conn, stream, length + 1, 16384)
    conn:expect(any_of { response(stream, FINAL), stream_error(stream, "FLOW_CONTROL_ERROR") })
  end,
}
