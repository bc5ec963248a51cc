-- Frame size: up to what the server announced everything is taken, beyond it nothing (RFC 9113 section 4.2).
suite { "size", title = "Frame size", rfc = 9113, section = "4.2" }

local SMALLEST <const> = 16384 -- that every endpoint takes
local LARGEST <const> = 0xffffff -- that a frame header can tell

-- One octet (or a few) more than the server takes.
local function beyond(conn, multiple)
  local limit = conn:setting("theirs", "MAX_FRAME_SIZE")
  local length = limit + 1
  if multiple then length = (limit // multiple + 1) * multiple end
  if length > LARGEST then skip(("the server takes frames of %d octets, the largest that there are"):format(limit)) end
  return length
end

-- The frame is not longer than the flow-control windows: one rule at a time.
local function within_windows(conn, length)
  if length > math.min(conn:window("ours", 0), conn:setting("theirs", "INITIAL_WINDOW_SIZE")) then
    skip(("%d octets are more than the windows allow"):format(length))
  end
end

local function open_request(conn)
  conn:settings { INITIAL_WINDOW_SIZE = 0 }
  return conn:request { method = "POST", path = target.paths.content, end_stream = false }
end

local PIECE <const> = 2000 -- octets of a field: servers have limits for one field too

-- A field block of a length in octets: the request, and as many fields as fill it.
local function block_of(conn, length)
  local block = conn:encode(unindexed(get(target.path)))
  local function field(n)
    return conn:encode { literal { "x-fill", octets(n, "a"), kind = "without", huffman = false } }
  end
  local piece = field(PIECE)
  block = block .. piece:rep(math.max(0, math.ceil((length - #block - 2 * PIECE) / #piece)))
  local rest = length - #block
  local size = rest - #field(rest) + rest
  return block .. field(size)
end

-- Large field sections may be refused in every way, but not for the size of their frames (sections 6.5.2 and 10.5.1).
local function expect_taken(conn, stream)
  local answer = conn:response(stream)
  local goaway = conn:last { name = "GOAWAY" }
  local code = answer and answer.reset or goaway and goaway.error
  if code and code ~= "FRAME_SIZE_ERROR" and code ~= "NO_ERROR" then
    skip(("the server takes no field section of this size (%s)"):format(code))
  end
  conn:expect(any_of { response(stream, target.status), response(stream, "4xx") })
end

-- Frames that are taken ------------------------------------------------------------------------------------------

case {
  id = "data-16384",
  title = "DATA of 16,384 octets, the length that everyone has to take",
  req = "RFC9113-4.2-1",
  h2spec = "http2/4.2/1",
  needs = { "post" },
  violate = "RFC9113-4.2-1=DATA",
  run = function(conn)
    within_windows(conn, SMALLEST)
    local stream = conn:request { method = "POST", path = target.paths.post, end_stream = false }
    conn:send(DATA { stream = stream, end_stream = true, octets(SMALLEST, "h2probe ") })
    conn:expect(any_of { response(stream, "2xx"), response(stream, "4xx") })
  end,
}

case {
  id = "headers-16384",
  title = "HEADERS of 16,384 octets",
  req = "RFC9113-4.2-1",
  violate = "RFC9113-4.2-1=HEADERS",
  run = function(conn)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = true, fragment = block_of(conn, SMALLEST) })
    expect_taken(conn, stream)
  end,
}

case {
  id = "continuation-16384",
  title = "CONTINUATION of 16,384 octets",
  req = "RFC9113-4.2-1",
  violate = "RFC9113-4.2-1=CONTINUATION",
  run = function(conn)
    local stream = conn:new_stream()
    local block = block_of(conn, SMALLEST + 1)
    conn:send(HEADERS { stream = stream, end_stream = true, end_headers = false, fragment = block:sub(1, 1) },
      CONTINUATION { stream = stream, fragment = block:sub(2) })
    expect_taken(conn, stream)
  end,
}

case {
  id = "unknown-16384",
  title = "a frame of unknown type with 16,384 octets",
  req = "RFC9113-4.2-1",
  violate = "RFC9113-4.2-1=UNKNOWN",
  run = function(conn)
    conn:send(FRAME { type = 0x16, stream = 0, payload = octets(SMALLEST) })
    conn:expect(ignored())
  end,
}

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
  id = "goaway-16384",
  title = "GOAWAY of 16,384 octets with its debug data",
  req = "RFC9113-4.2-1",
  violate = "RFC9113-4.2-1=GOAWAY",
  run = function(conn)
    plain_goaway_works()
    conn:send(GOAWAY { error = "NO_ERROR", octets(SMALLEST - 8) })
    conn:expect(no_error())
  end,
}

-- Frames that are too long -----------------------------------------------------------------------------------------

case {
  id = "data-too-long",
  title = "DATA of one octet more than the server takes",
  req = "RFC9113-4.2-2",
  h2spec = "http2/4.2/2",
  needs = { "content" },
  run = function(conn)
    local length = beyond(conn)
    within_windows(conn, length)
    local stream = open_request(conn)
    conn:send(DATA { stream = stream, end_stream = true, octets(length) })
    conn:expect(stream_error(stream, "FRAME_SIZE_ERROR"))
  end,
}

case {
  id = "headers-too-long",
  title = "HEADERS of one octet more than the server takes",
  req = "RFC9113-4.2-3",
  h2spec = "http2/4.2/3",
  violate = { "RFC9113-4.2-3", "RFC9113-4.2-3=stream" },
  run = function(conn)
    conn:send(HEADERS { stream = conn:new_stream(), end_stream = true, fragment = block_of(conn, beyond(conn)) })
    conn:expect(connection_error "FRAME_SIZE_ERROR")
  end,
}

case {
  id = "continuation-too-long",
  title = "CONTINUATION of one octet more than the server takes",
  req = "RFC9113-4.2-4",
  run = function(conn)
    local stream = conn:new_stream()
    local block = block_of(conn, beyond(conn) + 1)
    conn:send(HEADERS { stream = stream, end_stream = true, end_headers = false, fragment = block:sub(1, 1) },
      CONTINUATION { stream = stream, fragment = block:sub(2) })
    conn:expect(connection_error "FRAME_SIZE_ERROR")
  end,
}

case {
  id = "settings-too-long",
  title = "SETTINGS with more unknown settings than fit into what the server takes",
  req = "RFC9113-4.2-6",
  run = function(conn)
    local length = beyond(conn, 6)
    conn:send(SETTINGS { payload = octets(length, hex "f0f0 00000000") })
    conn:expect(connection_error { "FRAME_SIZE_ERROR", also = { "ENHANCE_YOUR_CALM" } })
  end,
}

case {
  id = "goaway-too-long",
  title = "GOAWAY whose debug data make it one octet longer than the server takes",
  req = "RFC9113-4.2-7",
  violate = "RFC9113-4.2-7",
  run = function(conn)
    conn:send(GOAWAY { error = "NO_ERROR", last_stream = 0, octets(beyond(conn) - 8) })
    conn:expect(connection_error "FRAME_SIZE_ERROR")
  end,
}

case {
  id = "unknown-too-long",
  title = "a frame of unknown type on stream 0, one octet longer than the server takes",
  req = "RFC9113-4.2-7",
  run = function(conn)
    conn:send(FRAME { type = 0x16, stream = 0, payload = octets(beyond(conn)) })
    conn:expect(connection_error "FRAME_SIZE_ERROR")
  end,
}

case {
  id = "unknown-on-stream-too-long",
  title = "a frame of unknown type on an open stream, one octet longer than the server takes",
  req = "RFC9113-4.2-8",
  needs = { "content" },
  caught = "warn",
  run = function(conn)
    local length = beyond(conn)
    local stream = open_request(conn)
    conn:send(FRAME { type = 0x16, stream = stream, payload = octets(length) })
    conn:expect(any_of {
      stream_error(stream, "FRAME_SIZE_ERROR"),
      soft(ignored(), "a frame of unknown type is skipped, whatever its size"),
    })
  end,
}

-- Frames that are too short ----------------------------------------------------------------------------------------

case {
  id = "data-padded-empty",
  title = "DATA with the PADDED flag and no octet, not even the Pad Length",
  req = "RFC9113-4.2-9",
  needs = { "content" },
  run = function(conn)
    local stream = open_request(conn)
    conn:send(DATA { stream = stream, flags = 0x09, payload = "" })
    conn:expect(stream_error(stream, { "FRAME_SIZE_ERROR" }))
  end,
}

case {
  id = "headers-padded-empty",
  title = "HEADERS with the PADDED flag and no octet, not even the Pad Length",
  req = "RFC9113-4.2-10",
  run = function(conn)
    conn:send(HEADERS { stream = conn:new_stream(), flags = 0x0d, payload = "" })
    conn:expect(connection_error { "FRAME_SIZE_ERROR", also = { "COMPRESSION_ERROR" } })
  end,
}

case {
  id = "headers-too-short-for-priority",
  title = "HEADERS with the PRIORITY flag and no room for its five octets",
  req = "RFC9113-4.2-11",
  each = {
    { label = "4 octets", flags = 0x25, payload = "\0\0\0\0" },
    { label = "Pad Length and 4 octets", flags = 0x2d, payload = "\0\0\0\0\0" },
  },
  run = function(conn, row)
    conn:send(HEADERS { stream = conn:new_stream(), flags = row.flags, payload = row.payload })
    conn:expect(connection_error { "FRAME_SIZE_ERROR", also = { "COMPRESSION_ERROR" } })
  end,
}

case {
  id = "goaway-too-short",
  title = "GOAWAY of fewer than 8 octets",
  req = "RFC9113-4.2-13",
  each = { 0, 4, 7 },
  run = function(conn, length)
    conn:send(GOAWAY { payload = octets(length) })
    conn:expect(connection_error "FRAME_SIZE_ERROR")
  end,
}
