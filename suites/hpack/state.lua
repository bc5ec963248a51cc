-- The dynamic table is the connection's: what a field block inserts stays, whatever becomes of its stream (RFC 9113
-- sections 4.3, 5.1 and 10.5.1).
suite { "state", title = "compression state", rfc = 9113, section = "4.3" }

local FIRST <const> = 62 -- index of the newest entry

-- The ordinary request, nothing of it inserted, with this in place of :path.
local function fields_with(path)
  local list = {}
  for i, field in ipairs(get(target.path)) do
    list[i] = field[1] == ":path" and path or literal { field[1], field[2] }
  end
  return list
end

local function path_entry() return literal { ":path", target.path, kind = "incremental" } end

local function kept() return literal { "x-h2probe", "kept", kind = "incremental" } end

-- A request that refers to the newest entry, as its :path or as a field of its own.
local function reference(conn, as_path)
  if #conn:table "ours" == 0 then skip "the peer's table is too small for the entry" end
  local list = as_path and fields_with(indexed(FIRST)) or with(fields_with(literal { ":path", target.path }), indexed(FIRST))
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, end_stream = true, fields = list })
  return stream
end

-- The entry is there, or the peer ended the connection for the block that inserted it: never COMPRESSION_ERROR, as all
-- blocks are right. allowed: codes of that connection error; soft: those that it may have by a defensible reading.
local function expect_kept(conn, stream, allowed, defensible)
  conn:response(stream)
  local goaway = conn:last "GOAWAY"
  check(not (goaway and goaway.error == "COMPRESSION_ERROR"), "the entry is in the table", "GOAWAY(COMPRESSION_ERROR)")
  local outcomes = { response(stream, target.status) }
  if allowed then outcomes[2] = connection_error(allowed) end
  if defensible then outcomes[#outcomes + 1] = soft(connection_error(defensible), "common where the stream was answered early") end
  conn:expect(any_of(outcomes))
end

case {
  id = "malformed",
  title = "an entry of a request that is malformed",
  req = "RFC9113-4.3-5",
  each = {
    { label = "upper case in a name", { "x-Test", "1" } }, { label = "connection-specific field", { "connection", "close" } },
    { label = "pseudo-header field twice", { ":method", "GET" } },
  },
  run = function(conn, row)
    conn:send(HEADERS { stream = conn:new_stream(), end_stream = true,
      fields = with(fields_with(path_entry()), literal { row[1][1], row[1][2] }) })
    expect_kept(conn, reference(conn, true), { "PROTOCOL_ERROR" })
  end,
}

case {
  id = "malformed-before-the-entry",
  title = "an entry that comes behind the fault of a malformed request",
  req = "RFC9113-4.3-5",
  run = function(conn)
    conn:send(HEADERS { stream = conn:new_stream(), end_stream = true,
      fields = with(fields_with(literal { ":path", target.path }), literal { "x-Test", "1" }, kept()) })
    expect_kept(conn, reference(conn), { "PROTOCOL_ERROR" })
  end,
}

case {
  id = "too-large",
  title = "an entry of a field section that is too large",
  req = "RFC9113-10.5.1-1",
  run = function(conn)
    local list = fields_with(path_entry())
    for i = 1, 10 do list[#list + 1] = literal { "x-h2probe-" .. i, octets(4096, "a"), huffman = false } end
    local block, stream, size = conn:encode(list), conn:new_stream(), 16384
    for at = 1, #block, size do
      local frame = at == 1 and HEADERS or CONTINUATION
      local last = at + size > #block
      conn:send(at == 1 and frame { stream = stream, end_stream = true, end_headers = last, fragment = block:sub(at, at + size - 1) }
        or frame { stream = stream, end_headers = last, fragment = block:sub(at, at + size - 1) })
    end
    expect_kept(conn, reference(conn, true), { "ENHANCE_YOUR_CALM", "PROTOCOL_ERROR", also = { "FRAME_SIZE_ERROR" } })
  end,
}

case {
  id = "reset-by-the-client",
  title = "an entry of a request that the client resets at once",
  req = "RFC9113-4.3-3",
  violate = "RFC7541-3.2-2=lost",
  run = function(conn)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = true, fields = fields_with(path_entry()) },
      RST_STREAM { stream = stream, error = "CANCEL" })
    expect_kept(conn, reference(conn, true))
  end,
}

case {
  id = "after-reset-by-the-client",
  title = "an entry of trailers on a stream that the client has reset",
  req = "RFC9113-4.3-3",
  violate = "RFC9113-4.3-3=skip",
  early = true,
  run = function(conn)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, fields = unindexed(post(target.path)) },
      RST_STREAM { stream = stream, error = "CANCEL" },
      HEADERS { stream = stream, end_stream = true, fields = { kept() } })
    expect_kept(conn, reference(conn), { "STREAM_CLOSED", "PROTOCOL_ERROR" })
  end,
}

case {
  id = "after-reset-by-the-server",
  title = "an entry of trailers on a stream that the server resets before it reads them",
  req = "RFC9113-4.3-4",
  early = true,
  run = function(conn)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, fields = unindexed(post(target.path)) },
      WINDOW_UPDATE { stream = stream, increment = 0x7fffffff }, -- above the largest window: a stream error
      HEADERS { stream = stream, end_stream = true, fields = { kept() } })
    expect_kept(conn, reference(conn), { "FLOW_CONTROL_ERROR" }, { "STREAM_CLOSED", "PROTOCOL_ERROR" })
  end,
}

case {
  id = "closed",
  title = "an entry of HEADERS on a stream that is closed",
  req = "RFC9113-4.3-3",
  violate = "RFC9113-4.3-3=skip",
  early = true,
  run = function(conn)
    local stream = conn:request { path = target.path }
    conn:expect(response(stream, target.status))
    conn:send(HEADERS { stream = stream, end_stream = true, fields = { kept() } })
    expect_kept(conn, reference(conn), { "STREAM_CLOSED", "PROTOCOL_ERROR" })
  end,
}

case {
  id = "trailers",
  title = "an entry of the trailers of a request",
  req = "RFC9113-4.3-3",
  violate = "RFC7541-3.2-2=lost",
  run = function(conn)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, fields = unindexed(post(target.path)) }, DATA { stream = stream, "test" },
      HEADERS { stream = stream, end_stream = true, fields = { kept() } })
    expect_kept(conn, reference(conn), nil, { "STREAM_CLOSED", "PROTOCOL_ERROR" })
  end,
}

case {
  id = "not-found",
  title = "an entry of a request for a resource that there is not",
  req = "RFC9113-4.3-3",
  violate = "RFC7541-3.2-2=lost",
  run = function(conn)
    conn:send(HEADERS { stream = conn:new_stream(), end_stream = true,
      fields = with(fields_with(literal { ":path", "/h2probe-no-such-resource" }), kept()) })
    expect_kept(conn, reference(conn))
  end,
}

local MANY <const> = 300

case {
  id = "refused",
  title = "an entry of a request beyond the limit of concurrent streams",
  req = "RFC9113-4.3-3",
  violate = "RFC9113-4.3-3=skip",
  run = function(conn)
    local limit = conn:setting("theirs", "MAX_CONCURRENT_STREAMS")
    if limit > MANY then skip(("the peer allows more than %d concurrent streams"):format(MANY)) end
    local held = {}
    for i = 1, limit do
      held[i] = conn:new_stream()
      conn:send(HEADERS { stream = held[i], fields = unindexed(post(target.path)) })
    end
    conn:send(HEADERS { stream = conn:new_stream(), end_stream = true, fields = fields_with(path_entry()) })
    conn:barrier()
    if conn:last "GOAWAY" or conn:ended() then -- more than was asked for, but allowed (sections 4.3 and 5.4.1)
      conn:expect(connection_error { "REFUSED_STREAM", "PROTOCOL_ERROR", "COMPRESSION_ERROR", "ENHANCE_YOUR_CALM" })
      return
    end
    for _, stream in ipairs(held) do
      if conn:state(stream) ~= "closed" then conn:send(DATA { stream = stream, end_stream = true, "" }) end
    end
    for _, stream in ipairs(held) do conn:response(stream) end
    expect_kept(conn, reference(conn, true))
  end,
}
