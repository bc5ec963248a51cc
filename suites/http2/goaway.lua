-- GOAWAY at a server (RFC 9113 section 6.8).
suite { "goaway", title = "GOAWAY", rfc = 9113, section = "6.8" }

for _, row in ipairs { { "idle", "an idle stream" }, { "open", "an open stream" } } do
  case {
    id = "on-" .. row[1] .. "-stream",
    title = "GOAWAY on " .. row[2],
    req = "RFC9113-6.8-4",
    h2spec = row[1] == "idle" and "http2/6.8/1" or nil,
    needs = row[1] == "open" and { "content" } or nil,
    run = function(conn)
      local stream
      if row[1] == "open" then
        conn:settings { INITIAL_WINDOW_SIZE = 0 }
        stream = conn:request { method = "POST", path = target.paths.content, end_stream = false }
      else
        stream = conn:new_stream()
      end
      conn:send(GOAWAY { stream = stream, error = "NO_ERROR" })
      conn:expect(connection_error "PROTOCOL_ERROR")
    end,
  }
end

case {
  id = "accepted",
  title = "GOAWAY on an idle connection",
  req = "RFC9113-6.8-3",
  h2spec = "generic/3.8/1",
  run = function(conn)
    conn:send(GOAWAY { error = "NO_ERROR" })
    conn:expect(no_error())
    if conn:ended() and not conn:ended_by_reset() and conn:count { name = "GOAWAY" } == 0 then
      warn "the server ended the connection without a GOAWAY of its own"
    end
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
  id = "debug-data",
  title = "GOAWAY with debug data is no error",
  req = "RFC9113-6.8-12",
  run = function(conn)
    plain_goaway_works()
    conn:send(GOAWAY { error = "NO_ERROR", "20 octets of no use.." })
    conn:expect(no_error())
  end,
}

case {
  id = "several",
  title = "a second GOAWAY with a lower last stream is no error",
  req = "RFC9113-6.8-13",
  run = function(conn)
    plain_goaway_works()
    conn:send(GOAWAY { error = "NO_ERROR", last_stream = 0x7ffffffe }, GOAWAY { error = "NO_ERROR" })
    conn:expect(no_error())
  end,
}

case {
  id = "open-streams-finish",
  title = "after the client's GOAWAY a request that was open is still answered",
  req = "RFC9113-6.8-11",
  violate = "RFC9113-6.8-11=error",
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local stream = conn:request { path = target.paths.content }
    conn:send(GOAWAY { error = "NO_ERROR" })
    conn:barrier()
    conn:send(WINDOW_UPDATE { stream = stream, increment = 65535 })
    local answer = conn:response(stream)
    if not (answer and answer.ended) then
      note "the response did not come to its end: the server may close instead"
      conn:expect(no_error())
    end
  end,
}

case {
  id = "last-stream",
  title = "GOAWAY for an error names the last stream that was received",
  req = { "RFC9113-5.4.1-2", "RFC9113-6.8-5", "RFC9113-8.7-2" },
  run = function(conn)
    local stream = conn:request { path = target.path }
    conn:expect(response(stream))
    conn:send(PING { stream = stream, "h2probe!" })
    conn:expect(connection_error "PROTOCOL_ERROR")
    local goaway = conn:last { name = "GOAWAY" }
    if not goaway then inconclusive "the connection ended without GOAWAY" end
    check(goaway.last_stream >= stream, ("Last-Stream-ID %d, which was answered"):format(stream),
      ("Last-Stream-ID %d, although stream %d was answered"):format(goaway.last_stream, stream))
    if goaway.last_stream > stream then
      warn(("Last-Stream-ID %d is above the highest stream opened, %d"):format(goaway.last_stream, stream))
    end
  end,
}

case {
  id = "last-stream-none",
  title = "GOAWAY for an error before any request names no stream",
  req = "RFC9113-5.4.1-2",
  modes = { "alpn", "prior" },
  run = function(conn)
    conn:send(SETTINGS { payload = octets(5) })
    conn:expect(connection_error "FRAME_SIZE_ERROR")
    local goaway = conn:last { name = "GOAWAY" }
    if not goaway then inconclusive "the connection ended without GOAWAY" end
    if goaway.last_stream > 0 then warn(("Last-Stream-ID %d, although no stream was opened"):format(goaway.last_stream)) end
  end,
}
