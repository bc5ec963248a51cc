-- HEADERS and CONTINUATION at a server (RFC 9113 sections 6.2 and 6.10).
suite { "headers", title = "HEADERS and field blocks", rfc = 9113, section = "6.2" }

case {
  id = "on-stream-0",
  title = "HEADERS on stream 0",
  req = "RFC9113-6.2-14",
  h2spec = "http2/6.2/3",
  run = function(conn)
    conn:send(HEADERS { stream = 0, end_stream = true, fields = get "/" })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}

case {
  id = "on-even-stream",
  title = "HEADERS on a stream that only the server may open",
  req = "RFC9113-5.1-6",
  h2spec = "http2/5.1.1/1",
  run = function(conn)
    conn:send(HEADERS { stream = 2, end_stream = true, fields = get "/" })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}

case {
  id = "lower-stream",
  title = "HEADERS on a stream lower than one that was opened",
  req = "RFC9113-5.1.1-4",
  h2spec = "http2/5.1.1/2",
  violate = "RFC9113-5.1.1-4=serve",
  run = function(conn)
    local skipped, used = conn:new_stream(), conn:new_stream()
    conn:send(HEADERS { stream = used, end_stream = true, fields = get "/" })
    conn:expect(response(used))
    conn:send(HEADERS { stream = skipped, end_stream = true, fields = get(target.path) })
    conn:expect(any_of {
      connection_error { "PROTOCOL_ERROR", "STREAM_CLOSED" },
      soft(stream_error(skipped, "STREAM_CLOSED"), "the skipped stream is closed as well (5.1)"),
      soft(ignored { no_response = skipped }, "the skipped stream is closed as well, and minimal processing is allowed (5.1)"),
    })
  end,
}

case {
  id = "skipped-identifiers",
  title = "a request on a higher stream than the next one works",
  req = "RFC9113-5.1.1-6",
  run = function(conn)
    conn:send(HEADERS { stream = 101, end_stream = true, fields = get(target.path) })
    conn:expect(response(101, target.status))
  end,
}

case {
  id = "padding-too-long",
  title = "HEADERS whose padding is as long as the payload or longer",
  req = "RFC9113-6.2-15",
  h2spec = "http2/6.2/4",
  each = { { label = "as long", more = 0 }, { label = "longer by one", more = 1 } },
  run = function(conn, row)
    local stream = conn:new_stream()
    local block = conn:encode(unindexed(get "/"))
    local length = #block + 1
    conn:send(HEADERS { stream = stream, end_stream = true, flags = 0x0d,
      payload = string.char(length + row.more) .. block })
    conn:expect(any_of {
      connection_error { "PROTOCOL_ERROR", "FRAME_SIZE_ERROR" },
      soft(stream_error(stream, "PROTOCOL_ERROR"), "RFC 7540 named the code but not the class of the error"),
    })
  end,
}

case {
  id = "padding-and-priority",
  title = "HEADERS with padding, with priority fields and with both",
  req = "RFC9113-6.2-17",
  h2spec = { "generic/3.2/2", "generic/3.2/3" },
  each = {
    { label = "padding", pad_length = 8 }, { label = "padding of length 0", pad_length = 0 },
    { label = "priority fields", weight = 15, dependency = 0 },
    { label = "both", pad_length = 8, weight = 255, dependency = 0 },
  },
  run = function(conn, row)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = true, fields = get(target.path), pad_length = row.pad_length,
      weight = row.weight, dependency = row.dependency })
    conn:expect(response(stream, target.status))
  end,
}

case {
  id = "too-short-for-priority",
  title = "HEADERS with the PRIORITY flag and fewer than 5 octets",
  req = "RFC9113-4.2-11",
  run = function(conn)
    conn:send(HEADERS { stream = conn:new_stream(), flags = 0x25, payload = octets(4) })
    conn:expect(connection_error { "FRAME_SIZE_ERROR", also = { "COMPRESSION_ERROR" } })
  end,
}

case {
  id = "continuation",
  title = "a field block in HEADERS and CONTINUATION frames, one of them empty",
  req = "RFC9113-6.10-1",
  h2spec = { "http2/6.10/1", "generic/3.10/1" },
  each = { 2, 5 },
  run = function(conn, frames)
    local stream = conn:new_stream()
    local block = conn:encode(get(target.path))
    conn:send(HEADERS { stream = stream, end_stream = true, end_headers = false, fragment = block:sub(1, 1) })
    for i = 1, frames do
      conn:send(CONTINUATION { stream = stream, end_headers = i == frames,
        fragment = i == 1 and "" or block:sub(i, i < frames and i or -1) })
    end
    conn:expect(response(stream, target.status))
  end,
}

case {
  id = "interrupted-block",
  title = "another frame inside an open field block",
  req = "RFC9113-6.2-11",
  violate = { "RFC9113-6.2-4", "RFC9113-6.2-5", "RFC9113-6.2-6", "RFC9113-6.2-7", "RFC9113-6.2-8", "RFC9113-6.2-9",
    "RFC9113-6.2-10", "RFC9113-6.2-11", "RFC9113-6.2-12", "RFC9113-6.2-13", "RFC9113-5.5-3" },
  each = {
    { label = "PRIORITY", frame = function(s) return PRIORITY { stream = s } end },
    { label = "HEADERS on another stream",
      frame = function(s) return HEADERS { stream = s + 2, end_stream = true, fields = get "/" } end },
    { label = "HEADERS on the same stream",
      frame = function(s) return HEADERS { stream = s, end_stream = true, fields = get "/" } end },
    { label = "DATA", frame = function(s) return DATA { stream = s, "x" } end },
    { label = "RST_STREAM", frame = function(s) return RST_STREAM { stream = s, error = "CANCEL" } end },
    { label = "WINDOW_UPDATE", frame = function() return WINDOW_UPDATE { stream = 0, increment = 1 } end },
    { label = "SETTINGS", frame = function() return SETTINGS {} end },
    { label = "PING", frame = function() return PING "h2probe!" end },
    { label = "GOAWAY", frame = function() return GOAWAY { error = "NO_ERROR" } end },
    { label = "CONTINUATION on another stream",
      frame = function(s) return CONTINUATION { stream = s + 2, fragment = "" } end },
    { label = "a frame of unknown type", frame = function(s) return FRAME { type = 0x16, stream = s } end },
  },
  run = function(conn, row)
    local stream = conn:new_stream()
    local block = conn:encode(unindexed(get "/"))
    conn:send(HEADERS { stream = stream, end_stream = true, end_headers = false, fragment = block:sub(1, 1) },
      row.frame(stream),
      CONTINUATION { stream = stream, fragment = block:sub(2) })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}

case {
  id = "orphan-continuation",
  title = "CONTINUATION without an open field block",
  req = "RFC9113-6.10-6",
  h2spec = { "http2/6.10/4", "http2/5.1/4" },
  violate = { "RFC9113-6.10-6", "RFC9113-5.1-4" },
  each = { { label = "on an open stream", open = true }, { label = "on an idle stream", open = false } },
  run = function(conn, row)
    local stream = conn:new_stream()
    if row.open then conn:send(HEADERS { stream = stream, fields = post "/" }) end
    conn:send(CONTINUATION { stream = stream, fields = { { "x-test", "1" } } })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}

case {
  id = "after-end-stream",
  title = "HEADERS on a stream that the client has ended, while the response is held back",
  req = "RFC9113-5.1-20",
  h2spec = "http2/5.1/6",
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local stream = conn:request { path = target.paths.content }
    conn:send(HEADERS { stream = stream, end_stream = true, fields = { { "x-late", "1" } } })
    conn:expect(stream_error(stream, "STREAM_CLOSED", "PROTOCOL_ERROR"))
  end,
}

case {
  id = "decoding-error",
  title = "a field block that ends inside a literal",
  req = "RFC9113-4.3-1",
  h2spec = "http2/4.3/1",
  run = function(conn)
    conn:send(HEADERS { stream = conn:new_stream(), end_stream = true, fragment = hex "40" })
    conn:expect(connection_error { "COMPRESSION_ERROR", "FRAME_SIZE_ERROR" })
  end,
}

case {
  id = "data-after-end-stream",
  title = "DATA on a stream that the client has ended, while the response is held back",
  req = "RFC9113-5.1-19",
  h2spec = { "http2/5.1/5", "http2/6.1/2" },
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local stream = conn:request { path = target.paths.content }
    conn:send(DATA { stream = stream, end_stream = true, "too late" })
    conn:expect(stream_error(stream, "STREAM_CLOSED"))
  end,
}
