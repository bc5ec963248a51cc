-- PRIORITY_UPDATE and priority signals at a server (RFC 9218). A server that does not know them ignores the frame as one
-- of unknown type: what RFC 9218 forbids is judged only where the server says in its SETTINGS that it knows it.
suite { "priority-update", title = "PRIORITY_UPDATE", rfc = 9218, section = "7.1" }

local function knows(conn)
  return conn:setting("theirs", "NO_RFC7540_PRIORITIES") == 1
end

local function update(stream, value)
  return PRIORITY_UPDATE { prioritized_stream = stream, value = value or "u=1, i" }
end

local function forbidden(id, req, title, code, make)
  case {
    id = id, title = title, req = req,
    run = function(conn)
      conn:send(make(conn))
      if knows(conn) then
        conn:expect(connection_error(code))
      else
        note "the server does not announce NO_RFC7540_PRIORITIES: it may ignore the frame"
        conn:expect(any_of { ignored(), connection_error(code) })
      end
    end,
  }
end

forbidden("on-a-stream", "RFC9218-7.1-2", "PRIORITY_UPDATE on a stream other than 0", "PROTOCOL_ERROR", function(conn)
  local stream = conn:new_stream()
  return PRIORITY_UPDATE { stream = stream, prioritized_stream = stream, value = "u=1" }
end)
forbidden("stream-0", "RFC9218-7.1-9", "PRIORITY_UPDATE for stream 0", "PROTOCOL_ERROR", function() return update(0) end)
forbidden("idle-push-stream", "RFC9218-7.1-7", "PRIORITY_UPDATE for a push stream that was not promised", "PROTOCOL_ERROR",
  function() return update(2) end)

for _, length in ipairs { 0, 3 } do
  forbidden(("length-%d"):format(length), "RFC9218-7.1-12", ("PRIORITY_UPDATE of %d octets"):format(length),
    "FRAME_SIZE_ERROR", function() return PRIORITY_UPDATE { payload = octets(length) } end)
end

case {
  id = "too-many-idle-streams",
  title = "PRIORITY_UPDATE for more idle streams than may be open at once",
  req = "RFC9218-7.1-6",
  caught = "warn",
  run = function(conn)
    if not knows(conn) then skip "the server does not announce NO_RFC7540_PRIORITIES" end
    local limit = conn:setting("theirs", "MAX_CONCURRENT_STREAMS")
    if limit > 300 then skip "the limit is out of reach" end
    local frames = {}
    for i = 1, limit + 1 do frames[i] = update(conn:new_stream()) end
    conn:send(table.unpack(frames))
    conn:expect(any_of { connection_error "PROTOCOL_ERROR", soft(ignored(), "the server has bounds of its own (7)") })
  end,
}

case {
  id = "before-the-request",
  title = "PRIORITY_UPDATE for a stream, and then its request",
  req = "RFC9218-7-2",
  run = function(conn)
    local stream = conn:new_stream()
    conn:send(update(stream), HEADERS { stream = stream, end_stream = true, fields = get(target.path) })
    conn:expect(response(stream, target.status))
  end,
}

case {
  id = "during-the-response",
  title = "PRIORITY_UPDATE while the response waits for the window",
  req = "RFC9218-7-2",
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local stream = conn:request { path = target.paths.content }
    conn:send(update(stream, "u=7"), update(stream, "u=0, i"))
    conn:barrier()
    conn:send(WINDOW_UPDATE { stream = stream, increment = 65535 })
    conn:expect(response(stream, "2xx"))
  end,
}

case {
  id = "after-the-response",
  title = "PRIORITY_UPDATE for a stream that is closed",
  req = "RFC9218-7.1-4",
  run = function(conn)
    local stream = conn:request { path = target.path }
    conn:expect(response(stream))
    conn:send(update(stream))
    conn:expect(ignored())
  end,
}

for _, row in ipairs { { "empty-value", "" }, { "defaults", "u=3" }, { "unknown-parameters", "u=9, i=3, foo=bar" } } do
  local id, value = row[1], row[2]
  case {
    id = id,
    title = ("PRIORITY_UPDATE with the value '%s'"):format(value),
    req = "RFC9218-4-2",
    violate = "RFC9218-4-2=PRIORITY_UPDATE",
    run = function(conn)
      local stream = conn:new_stream()
      conn:send(update(stream, value), HEADERS { stream = stream, end_stream = true, fields = get(target.path) })
      conn:expect(response(stream, target.status))
    end,
  }
end

for _, row in ipairs { { "unparsable-commas", ",," }, { "unparsable-octets", "\0\xff" }, { "unparsable-parameter", "u" } } do
  local id, value = row[1], row[2]
  case {
    id = id,
    title = "PRIORITY_UPDATE with a value that is no dictionary of parameters",
    req = "RFC9218-7-1",
    run = function(conn)
      conn:send(update(conn:new_stream(), value))
      conn:expect(any_of { ignored(), connection_error "PROTOCOL_ERROR" })
    end,
  }
end
