-- CONNECT, plain and extended (RFC 9113 section 8.5, RFC 8441).
suite { "connect", title = "CONNECT", rfc = 9113, section = "8.5" }

local function send(conn, list)
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, end_stream = true, fields = unindexed(list) })
  return stream
end

local function connect()
  return { { ":method", "CONNECT" }, { ":authority", target.authority } }
end

case {
  id = "with-target",
  title = "CONNECT with :scheme or :path",
  req = "RFC9113-8.5-2",
  each = { { label = ":path", path = true }, { label = ":scheme", scheme = true }, { label = "both", path = true, scheme = true } },
  run = function(conn, row)
    local list = connect()
    if row.scheme then list[#list + 1] = { ":scheme", target.scheme } end
    if row.path then list[#list + 1] = { ":path", "/" } end
    conn:expect(malformed(send(conn, list)))
  end,
}

case {
  id = "without-authority",
  title = "CONNECT without :authority",
  req = "RFC9113-8.5-3",
  run = function(conn)
    local stream = send(conn, { { ":method", "CONNECT" } })
    conn:expect(any_of { malformed(stream), response(stream, { 405, 501 }) })
  end,
}

case {
  id = "well-formed",
  title = "a CONNECT request as it should be: a tunnel or a refusal, but not a malformed request",
  req = "RFC9113-8.5-4",
  violate = "RFC9113-8.5-4=silent",
  run = function(conn)
    local stream = send(conn, connect())
    local answer = conn:response(stream)
    local reset, goaway = answer and answer.reset, conn:last "GOAWAY"
    if reset == "CONNECT_ERROR" or reset == "REFUSED_STREAM" then return end
    if not (answer and answer.status) then
      if reset == "PROTOCOL_ERROR" then warn "RST_STREAM(PROTOCOL_ERROR), as if it were malformed" end
      if goaway and goaway.error == "PROTOCOL_ERROR" then warn "GOAWAY(PROTOCOL_ERROR), as if it were malformed" end
    end
    conn:expect(response(stream, { "2xx", "3xx", "4xx", "5xx" }))
  end,
}

-- Extended CONNECT ----------------------------------------------------------------------------------------

local function announced(conn)
  return conn:setting("theirs", "ENABLE_CONNECT_PROTOCOL") == 1
end

local function extended(given)
  local list = { { ":method", given.method or "CONNECT" }, { ":protocol", given.protocol or "websocket" } }
  for _, name in ipairs { ":scheme", ":authority", ":path" } do
    list[#list + 1] = given.without ~= name and { name, field(get "/", name) } or nil
  end
  for _, field in ipairs(given) do list[#list + 1] = field end
  return list
end

case {
  id = "extended",
  title = "extended CONNECT: answered if it was announced, else malformed",
  req = { "RFC8441-3-5", "RFC8441-4-1" },
  violate = { "RFC8441-3-5", "RFC8441-4-1=silent" },
  run = function(conn)
    local known = announced(conn)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = not known, fields = unindexed(extended { { "sec-websocket-version", "13" } }) })
    if not known then
      conn:expect(any_of { malformed(stream), response(stream, { 405, 501 }) })
      return
    end
    local answer = eventually(function()
      local head = conn:last { name = "HEADERS", stream = stream }
      return head or conn:last { name = "RST_STREAM", stream = stream } or conn:ended()
    end, "an answer to extended CONNECT")
    check(answer.name, "an answer to extended CONNECT", "the end of the connection")
  end,
}

case {
  id = "extended-without-target",
  title = "extended CONNECT without :scheme or without :path",
  req = "RFC8441-4-2",
  each = { ":scheme", ":path" },
  run = function(conn, name)
    local stream = send(conn, extended { without = name })
    conn:expect(any_of { malformed(stream), response(stream, { "4xx", "5xx" }) })
  end,
}

case {
  id = "extended-other-method",
  title = "a request with :protocol and another method than CONNECT",
  req = "RFC8441-4-4",
  each = { "GET", "POST" },
  run = function(conn, method) conn:expect(malformed(send(conn, extended { method = method }))) end,
}

case {
  id = "extended-two-protocols",
  title = "extended CONNECT with :protocol twice",
  req = "RFC8441-4-6",
  run = function(conn)
    local list = extended {}
    table.insert(list, 3, { ":protocol", "websocket" })
    local stream = send(conn, list)
    conn:expect(announced(conn) and malformed(stream) or any_of { malformed(stream), response(stream, { 405, 501 }) })
  end,
}

case {
  id = "extended-connection-specific",
  title = "extended CONNECT with the fields of an Upgrade",
  req = "RFC8441-5-3",
  violate = { "RFC9113-8.2.2-2", "RFC9113-8.2.2-6" },
  each = { { label = "connection", "connection", "upgrade" }, { label = "upgrade", "upgrade", "websocket" } },
  run = function(conn, row)
    local stream = send(conn, extended { { row[1], row[2] } })
    conn:expect(announced(conn) and malformed(stream) or any_of { malformed(stream), response(stream, { 405, 501 }) })
  end,
}

case {
  id = "extended-unknown-protocol",
  title = "extended CONNECT for a protocol that nobody knows: refused",
  req = "RFC8441-4-7",
  violate = "RFC8441-4-7=silent",
  run = function(conn)
    local stream = send(conn, extended { protocol = "x-h2probe" })
    conn:expect(any_of { malformed(stream), response(stream, { "4xx", "5xx" }) })
  end,
}
