-- ORIGIN from a client: meant for clients, without effect on servers (RFC 8336 section 2.2).
suite { "origin", title = "ORIGIN", rfc = 8336, section = "2.2" }

case {
  id = "connection",
  title = "ORIGIN on stream 0",
  req = "RFC8336-2.2-8",
  run = function(conn)
    conn:send(ORIGIN { origins = { target.scheme .. "://" .. target.authority, "https://example.org" } })
    conn:expect(ignored())
  end,
}

case {
  id = "empty",
  title = "ORIGIN without an entry",
  req = "RFC8336-2.2-8",
  run = function(conn)
    conn:send(ORIGIN { origins = {} })
    conn:expect(ignored())
  end,
}

case {
  id = "stream",
  title = "ORIGIN on the stream of a request",
  req = "RFC8336-2.2-8",
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local stream = conn:request { path = target.paths.content }
    conn:send(ORIGIN { stream = stream, origins = { "https://example.org" } })
    conn:barrier()
    conn:send(WINDOW_UPDATE { stream = stream, increment = 65535 })
    conn:expect(response(stream, "2xx"))
  end,
}

case {
  id = "garbled",
  title = "ORIGIN whose entry is longer than the frame",
  req = "RFC8336-2.2-8",
  run = function(conn)
    conn:send(ORIGIN { payload = "\0\100ab" })
    conn:expect(ignored())
  end,
}
