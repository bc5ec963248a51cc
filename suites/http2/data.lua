-- DATA at a server: content, padding, and where it does not belong (RFC 9113 section 6.1).
suite { "data", title = "DATA", rfc = 9113, section = "6.1" }

local function post(conn)
  return conn:request { method = "POST", path = target.paths.echo or target.paths.post, end_stream = false }
end

local function open_request(conn)
  conn:settings { INITIAL_WINDOW_SIZE = 0 }
  return conn:request { method = "POST", path = target.paths.content, end_stream = false }
end

-- The content came to the server as it was meant: where it can be seen, what comes back is looked at.
local function expect_content(conn, stream, content)
  conn:expect(response(stream, "2xx"))
  if not target.paths.echo then return end
  local body = conn:response(stream).body
  check(body == content, ("the %d octets of content back"):format(#content), ("%d octets, or others"):format(#body))
end

case {
  id = "on-stream-0",
  title = "DATA on stream 0",
  req = "RFC9113-6.1-3",
  h2spec = "http2/6.1/1",
  run = function(conn)
    conn:send(DATA { stream = 0, "x" })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}

case {
  id = "single",
  title = "content in one DATA frame",
  req = "RFC9113-6.1-10",
  h2spec = { "generic/3.1/1", "generic/4/3" },
  needs = { "post" },
  run = function(conn)
    local stream = post(conn)
    conn:send(DATA { stream = stream, end_stream = true, "content" })
    expect_content(conn, stream, "content")
  end,
}

case {
  id = "several",
  title = "content in several DATA frames",
  req = "RFC9113-6.1-10",
  h2spec = "generic/3.1/2",
  needs = { "post" },
  run = function(conn)
    local stream = post(conn)
    conn:send(DATA { stream = stream, "one " }, DATA { stream = stream, "two " },
      DATA { stream = stream, end_stream = true, "three" })
    expect_content(conn, stream, "one two three")
  end,
}

case {
  id = "empty-between",
  title = "empty DATA frames before and between those with content",
  req = "RFC9113-6.1-10",
  violate = "RFC9113-6.1-10=empty",
  needs = { "post" },
  run = function(conn)
    local stream = post(conn)
    conn:send(DATA { stream = stream, "" }, DATA { stream = stream, "one " }, DATA { stream = stream, "" },
      DATA { stream = stream, end_stream = true, "two" })
    expect_content(conn, stream, "one two")
  end,
}

case {
  id = "empty-end",
  title = "an empty DATA frame with END_STREAM ends the content",
  req = "RFC9113-6.1-10",
  violate = "RFC9113-6.1-10=empty",
  needs = { "post" },
  run = function(conn)
    local stream = post(conn)
    conn:send(DATA { stream = stream, "content" }, DATA { stream = stream, end_stream = true, "" })
    expect_content(conn, stream, "content")
  end,
}

case {
  id = "empty-alone",
  title = "an empty DATA frame with END_STREAM as the only one",
  req = "RFC9113-6.1-10",
  violate = "RFC9113-6.1-10=empty",
  needs = { "post" },
  run = function(conn)
    local stream = post(conn)
    conn:send(DATA { stream = stream, end_stream = true, "" })
    expect_content(conn, stream, "")
  end,
}

case {
  id = "padded",
  title = "padding of 1 and of 255 octets is no content",
  req = "RFC9113-6.1-9",
  h2spec = "generic/3.1/3",
  needs = { "post" },
  each = { 1, 255 },
  run = function(conn, length)
    local stream = post(conn)
    conn:send(DATA { stream = stream, pad_length = length, "one " },
      DATA { stream = stream, end_stream = true, pad_length = length, "two" })
    expect_content(conn, stream, "one two")
  end,
}

case {
  id = "padding-of-0",
  title = "DATA with the PADDED flag and a Pad Length of 0",
  req = "RFC9113-6.1-8",
  needs = { "post" },
  run = function(conn)
    local stream = post(conn)
    conn:send(DATA { stream = stream, end_stream = true, pad_length = 0, "content" })
    expect_content(conn, stream, "content")
  end,
}

case {
  id = "padding-alone",
  title = "DATA of nothing but padding",
  req = "RFC9113-6.1-8",
  needs = { "post" },
  run = function(conn)
    local stream = post(conn)
    conn:send(DATA { stream = stream, pad_length = 4, "" }, DATA { stream = stream, end_stream = true, "content" })
    expect_content(conn, stream, "content")
  end,
}

case {
  id = "padding-as-long",
  title = "DATA whose padding is as long as the payload",
  req = "RFC9113-6.1-7",
  violate = { "RFC9113-6.1-7", "RFC9113-6.1-7=stream" },
  needs = { "content" },
  run = function(conn)
    local stream = open_request(conn)
    conn:send(DATA { stream = stream, flags = 0x08, payload = "\5" .. octets(4) })
    conn:expect(connection_error { "PROTOCOL_ERROR", about = "padding" })
  end,
}

case {
  id = "padding-longer",
  title = "DATA whose padding is longer than the payload",
  req = "RFC9113-6.1-7",
  h2spec = "http2/6.1/3",
  violate = { "RFC9113-6.1-7", "RFC9113-6.1-7=stream" },
  needs = { "content" },
  each = { 6, 255 },
  run = function(conn, length)
    local stream = open_request(conn)
    conn:send(DATA { stream = stream, flags = 0x08, payload = string.char(length) .. octets(4) })
    conn:expect(connection_error { "PROTOCOL_ERROR", about = "padding" })
  end,
}

case {
  id = "padding-not-zero",
  title = "DATA with padding octets other than zero",
  req = "RFC9113-6.1-2",
  needs = { "post" },
  run = function(conn)
    local stream = post(conn)
    -- A server that takes the padding for the next frame needs octets behind it to notice.
    conn:send(DATA { stream = stream, flags = 0x09, payload = "\4content\xff\xff\xff\xff" }, PING "h2probe!")
    conn:expect(any_of {
      response(stream, "2xx"), connection_error "PROTOCOL_ERROR",
      soft(stream_error(stream, "PROTOCOL_ERROR"), "the text names a connection error"),
    })
  end,
}

case {
  id = "between-unknown-frames",
  title = "frames of unknown type between those with content are no content",
  req = "RFC9113-5.5-2",
  needs = { "post" },
  run = function(conn)
    local stream = post(conn)
    local unknown = FRAME { type = 0xf0, stream = stream, flags = 0x01, payload = "no content" }
    conn:send(unknown, DATA { stream = stream, "one " }, unknown, DATA { stream = stream, end_stream = true, "two" })
    expect_content(conn, stream, "one two")
  end,
}
