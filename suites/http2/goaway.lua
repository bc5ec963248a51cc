-- GOAWAY and the end of the connection at a server (RFC 9113 sections 5.4.1 and 6.8).
suite { "goaway", title = "GOAWAY", rfc = 9113, section = "6.8" }

case {
  id = "on-a-stream",
  title = "GOAWAY on a stream other than 0",
  req = "RFC9113-6.8-4",
  h2spec = "http2/6.8/1",
  run = function(conn)
    conn:send(GOAWAY { stream = conn:new_stream(), error = "NO_ERROR" })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}

case {
  id = "too-short",
  title = "GOAWAY of 7 octets",
  req = "RFC9113-4.2-13",
  run = function(conn)
    conn:send(GOAWAY { payload = octets(7) })
    conn:expect(connection_error "FRAME_SIZE_ERROR")
  end,
}

case {
  id = "debug-data",
  title = "GOAWAY with debug data is no error",
  req = "RFC9113-6.8-12",
  run = function(conn)
    conn:send(GOAWAY { error = "NO_ERROR", "20 octets of no use.." })
    conn:expect(no_error())
  end,
}

case {
  id = "several",
  title = "a second GOAWAY with a lower last stream is no error",
  req = "RFC9113-6.8-13",
  run = function(conn)
    conn:send(GOAWAY { error = "NO_ERROR", last_stream = 0x7ffffffe }, GOAWAY { error = "NO_ERROR" })
    conn:expect(no_error())
  end,
}

case {
  id = "closed-after-error",
  title = "after GOAWAY with an error the TCP connection is closed",
  req = "RFC9113-5.4.1-3",
  timeout = 5,
  run = function(conn)
    conn:send(PING { stream = conn:new_stream(), "h2probe!" })
    conn:expect(closed())
  end,
}

case {
  id = "error-announced",
  title = "a connection error is announced by GOAWAY",
  req = "RFC9113-5.4.1-1",
  run = function(conn)
    conn:send(PING { stream = conn:new_stream(), "h2probe!" })
    conn:expect(connection_error "PROTOCOL_ERROR")
    if conn:ended_by_reset() then inconclusive "a TCP reset may have destroyed the GOAWAY" end
    if conn:count({ name = "GOAWAY" }) == 0 then warn "the connection ended without GOAWAY" end
  end,
}

case {
  id = "last-stream",
  title = "GOAWAY names the last stream that was received",
  req = { "RFC9113-5.4.1-2", "RFC9113-8.7-2" },
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
