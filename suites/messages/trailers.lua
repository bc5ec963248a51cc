-- Trailers, and HEADERS in the middle of a request (RFC 9113 sections 8.1 and 8.2.1).
--
-- A response may be made before the trailers are read, unless the resource depends on the content: see content-length.
suite { "trailers", title = "trailers", rfc = 9113, section = "8.1" }

local function resource()
  return target.paths.echo or target.paths.post or target.path
end

local function late(stream)
  return malformed(stream, { late = true, depends = target.paths.echo ~= nil })
end

-- POST with content and these trailers.
local function send(conn, list, content)
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, fields = unindexed(post(resource())) })
  if content ~= false then conn:send(DATA { stream = stream, "test" }) end
  conn:send(HEADERS { stream = stream, end_stream = true, fields = unindexed(list) })
  return stream
end

case {
  id = "accepted",
  title = "a request with trailers",
  req = "RFC9113-8.1-13",
  h2spec = "generic/4/4",
  needs = { "post" },
  each = { { label = "after content" }, { label = "without content", content = false } },
  run = function(conn, row)
    local stream = send(conn, { { "x-h2probe", "end" } }, row.content)
    conn:expect(any_of { response(stream, "2xx"), soft(response(stream, "4xx"), "a policy of this server") })
  end,
}

case {
  id = "in-continuation",
  title = "trailers in HEADERS and CONTINUATION",
  req = "RFC9113-8.1-13",
  needs = { "post" },
  run = function(conn)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, fields = unindexed(post(resource())) }, DATA { stream = stream, "test" })
    local block = conn:encode { literal { "x-h2probe", "end" } }
    conn:send(HEADERS { stream = stream, end_stream = true, end_headers = false, fragment = block:sub(1, 4) },
      CONTINUATION { stream = stream, fragment = block:sub(5) })
    conn:expect(any_of { response(stream, "2xx"), soft(response(stream, "4xx"), "a policy of this server") })
  end,
}

case {
  id = "pseudo-header",
  title = "a pseudo-header field in trailers",
  req = "RFC9113-8.1-8",
  h2spec = "http2/8.1.2.1/3",
  each = {
    { label = ":method", ":method", "POST" }, { label = ":path", ":path", "/" }, { label = ":scheme", ":scheme", "https" },
    { label = ":authority", ":authority", "h2probe" }, { label = ":status", ":status", "200" },
    { label = "undefined", ":test", "ok" },
  },
  run = function(conn, row) conn:expect(late(send(conn, { { row[1], row[2] } }))) end,
}

case {
  id = "forbidden-octets",
  title = "a name or value in trailers that no field section may have",
  req = "RFC9113-8.2.1-16",
  each = {
    { label = "upper case", "x-Test", "ok" }, { label = "space in the name", "x test", "ok" },
    { label = "colon in the name", "x:test", "ok" }, { label = "NUL in the value", "x-test", "a\0b" },
    { label = "LF in the value", "x-test", "a\nb" }, { label = "CR in the value", "x-test", "a\rb" },
  },
  run = function(conn, row) conn:expect(late(send(conn, { { row[1], row[2] } }))) end,
}

case {
  id = "connection-specific",
  title = "a connection-specific field in trailers",
  req = { "RFC9113-8.2.2-2", "RFC9113-8.2.2-5" },
  violate = { "RFC9113-8.2.2-2", "RFC9113-8.2.2-5" },
  caught = "warn",
  each = {
    { label = "connection", "connection", "close" }, { label = "transfer-encoding", "transfer-encoding", "chunked" },
  },
  run = function(conn, row)
    local stream = send(conn, { { row[1], row[2] } })
    conn:expect(any_of { late(stream), soft(response(stream, "2xx"), "the text speaks of header fields, and these are none") })
  end,
}

-- HEADERS that ends nothing, and then the end of the request.
local function in_the_middle(conn, content)
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, fields = unindexed(post(resource())) })
  if content then conn:send(DATA { stream = stream, content }) end
  conn:send(HEADERS { stream = stream, fields = unindexed { { "x-h2probe", "middle" } } },
    DATA { stream = stream, end_stream = true, "test" })
  return stream
end

case {
  id = "without-end-stream",
  title = "HEADERS without END_STREAM after content",
  req = "RFC9113-8.1-9",
  h2spec = "http2/8.1/1",
  run = function(conn) conn:expect(late(in_the_middle(conn, "test"))) end,
}

case {
  id = "second-headers",
  title = "HEADERS without END_STREAM directly after the first",
  req = "RFC9113-8.1-10",
  run = function(conn) conn:expect(late(in_the_middle(conn))) end,
}
