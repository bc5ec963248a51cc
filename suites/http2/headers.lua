-- HEADERS at a server: identifiers, padding and priority fields (RFC 9113 sections 5.1.1 and 6.2).
suite { "headers", title = "HEADERS", rfc = 9113, section = "6.2" }

case {
  id = "on-stream-0",
  title = "HEADERS on stream 0",
  req = "RFC9113-6.2-14",
  h2spec = "http2/6.2/3",
  run = function(conn)
    conn:send(HEADERS { stream = 0, end_stream = true, fields = unindexed(get "/") })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}

case {
  id = "lower-after-response",
  title = "HEADERS on a stream lower than one that was used and is closed",
  req = "RFC9113-5.1.1-4",
  h2spec = "http2/5.1.1/2",
  violate = "RFC9113-5.1.1-4=serve",
  run = function(conn)
    local skipped, used = conn:new_stream(), conn:new_stream()
    conn:send(HEADERS { stream = used, end_stream = true, fields = get(target.path) })
    conn:expect(response(used))
    conn:send(HEADERS { stream = skipped, end_stream = true, fields = unindexed(get(target.path)) })
    conn:expect(any_of {
      connection_error { "PROTOCOL_ERROR", "STREAM_CLOSED" },
      soft(stream_error(skipped, "STREAM_CLOSED"), "the skipped stream is closed as well (5.1)"),
      soft(ignored { no_response = skipped },
        "the skipped stream is closed as well, and minimal processing is allowed (5.1)"),
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
  id = "highest-identifier",
  title = "a request on stream 2^31-1 works",
  req = "RFC9113-5.1.1-7",
  run = function(conn)
    local stream = 0x7fffffff
    conn:send(HEADERS { stream = stream, end_stream = true, fields = get(target.path) })
    local answer = conn:response(stream)
    if answer and answer.reset == "REFUSED_STREAM" then warn "RST_STREAM(REFUSED_STREAM): no further stream is possible" end
    conn:expect(response(stream, target.status))
  end,
}

for _, row in ipairs { { "padding-as-long", "as long as the payload", 0 }, { "padding-longer", "longer than the payload", 1 } } do
  local id, title, more = table.unpack(row)
  case {
    id = id,
    title = "HEADERS whose padding is " .. title,
    req = "RFC9113-6.2-15",
    h2spec = more == 1 and "http2/6.2/4" or nil,
    run = function(conn)
      local stream = conn:new_stream()
      local block = conn:encode(unindexed(get "/"))
      local length = #block + 1
      conn:send(HEADERS { stream = stream, end_stream = true, flags = 0x0d,
        payload = string.char(length + more) .. block })
      conn:expect(any_of {
        connection_error { "PROTOCOL_ERROR", about = "padding" },
        soft(stream_error(stream, "PROTOCOL_ERROR"), "RFC 7540 named the code but not the class of the error"),
      })
    end,
  }
end

case {
  id = "padding-over-priority",
  title = "HEADERS whose padding leaves no room for the priority fields",
  req = "RFC9113-6.2-16",
  run = function(conn)
    local stream = conn:new_stream()
    local block = conn:encode(unindexed(get "/"))
    local payload = octets(5) .. block
    conn:send(HEADERS { stream = stream, end_stream = true, flags = 0x2d,
      payload = string.char(#payload + 1 - 3) .. payload })
    conn:expect(any_of {
      connection_error { "PROTOCOL_ERROR", about = "padding" },
      soft(stream_error(stream, "PROTOCOL_ERROR"), "RFC 7540 named the code but not the class of the error"),
    })
  end,
}

local function works(id, title, req, h2spec, more)
  case {
    id = id, title = "HEADERS with " .. title, req = req, h2spec = h2spec,
    run = function(conn)
      local stream = conn:new_stream()
      conn:send(HEADERS { stream = stream, end_stream = true, fields = get(target.path), pad_length = more.pad_length,
        weight = more.weight, dependency = more.dependency and stream + more.dependency, exclusive = more.exclusive })
      conn:expect(response(stream, target.status))
    end,
  }
end

works("padded", "padding", "RFC9113-6.2-17", "generic/3.2/2", { pad_length = 8 })
works("padding-of-0", "the PADDED flag and a Pad Length of 0", "RFC9113-6.2-17", nil, { pad_length = 0 })
works("padding-of-255", "255 octets of padding", "RFC9113-6.2-17", nil, { pad_length = 255 })
works("priority-fields", "priority fields", "RFC9113-6.2-20", "generic/3.2/3", { weight = 15 })
works("priority-weight-1", "priority fields of weight 1", "RFC9113-6.2-20", nil, { weight = 0 })
works("priority-dependency", "priority fields that depend on a stream that was never used", "RFC9113-6.2-20", nil,
  { weight = 255, dependency = 2 })
works("priority-exclusive", "priority fields with the exclusive flag", "RFC9113-6.2-20", nil,
  { weight = 255, dependency = 2, exclusive = true })
works("padded-priority-fields", "padding and priority fields", "RFC9113-6.2-17", nil, { pad_length = 8, weight = 255 })

case {
  id = "depends-on-itself",
  title = "HEADERS with priority fields that make the stream depend on itself",
  req = "RFC7540-5.3.1-2",
  h2spec = "http2/5.3.1/1",
  caught = "warn",
  run = function(conn)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = true, fields = unindexed(get(target.path)), weight = 255,
      dependency = stream })
    conn:expect(any_of { response(stream, target.status), stream_error(stream, "PROTOCOL_ERROR") })
  end,
}

case {
  id = "padding-not-zero",
  title = "HEADERS with padding octets other than zero",
  req = "RFC9113-6.2-2",
  run = function(conn)
    local stream = conn:new_stream()
    local block = conn:encode(unindexed(get(target.path)))
    conn:send(HEADERS { stream = stream, flags = 0x0d, payload = "\4" .. block .. "\xff\xff\xff\xff" })
    conn:expect(any_of { response(stream, target.status), connection_error "PROTOCOL_ERROR" })
  end,
}

case {
  id = "decoding-error",
  title = "a field block that ends inside a literal",
  req = "RFC9113-4.3-1",
  h2spec = "http2/4.3/1",
  run = function(conn)
    conn:send(HEADERS { stream = conn:new_stream(), end_stream = true, fragment = hex "40" })
    conn:expect(connection_error { "COMPRESSION_ERROR", about = "block-end" })
  end,
}
