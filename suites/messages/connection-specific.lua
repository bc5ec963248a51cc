-- Fields that speak of a connection of HTTP/1.1 (RFC 9113 section 8.2.2).
suite { "connection-specific", title = "connection-specific fields", rfc = 9113, section = "8.2.2" }

local function refused(id, req, title, rows, h2spec)
  case {
    id = id, title = title, req = req, each = rows, h2spec = h2spec,
    run = function(conn, row)
      local stream = conn:new_stream()
      conn:send(HEADERS { stream = stream, end_stream = true,
        fields = unindexed(with(get(target.path), { row[1], row[2] })) })
      conn:expect(malformed(stream))
    end,
  }
end

local function values(name, ...)
  local rows = {}
  for i, value in ipairs { ... } do rows[i] = { label = value, name, value } end
  return rows
end

refused("connection", "RFC9113-8.2.2-2", "a request with Connection",
  values("connection", "keep-alive", "close", "x-h2probe"), "http2/8.1.2.2/1")
refused("proxy-connection", "RFC9113-8.2.2-3", "a request with Proxy-Connection", values("proxy-connection", "keep-alive"))
refused("keep-alive", "RFC9113-8.2.2-4", "a request with Keep-Alive", values("keep-alive", "timeout=5"))
refused("transfer-encoding", "RFC9113-8.2.2-5", "a request with Transfer-Encoding",
  values("transfer-encoding", "chunked", "gzip", "identity"))
refused("upgrade", "RFC9113-8.2.2-6", "a request with Upgrade", values("upgrade", "h2c", "websocket"))
refused("te", "RFC9113-8.2.2-7", "a request with TE of another value than trailers",
  values("te", "gzip", "trailers, deflate", "deflate;q=0.5"), "http2/8.1.2.2/2")

case {
  id = "te-trailers",
  title = "a request with te: trailers",
  req = "RFC9113-8.2.2-8",
  run = function(conn)
    local stream = conn:request { path = target.path, fields = { literal { "te", "trailers" } } }
    conn:expect(response(stream, target.status))
  end,
}

case {
  id = "chunked-content",
  title = "content that looks chunked, with Transfer-Encoding, is never taken apart",
  req = "RFC9113-8.2.2-11",
  needs = { "echo" },
  run = function(conn)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, fields = unindexed(with(post(target.paths.echo), { "transfer-encoding", "chunked" })) },
      DATA { stream = stream, end_stream = true, "3\r\nabc\r\n0\r\n\r\n" })
    local answer = conn:response(stream)
    if answer and answer.status and answer.status < 300 then
      check(answer.body ~= "abc", "Transfer-Encoding does not change the framing", "the content of the chunks, answered "
        .. answer.status)
      return
    end
    conn:expect(malformed(stream))
  end,
}
