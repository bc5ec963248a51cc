-- ALTSVC from a client: meant for clients, ignored by servers (RFC 7838 section 4).
suite { "altsvc", title = "ALTSVC", rfc = 7838, section = "4" }

case {
  id = "connection",
  title = "ALTSVC with an origin on stream 0",
  req = "RFC7838-4-1",
  run = function(conn)
    conn:send(ALTSVC { stream = 0, origin = target.scheme .. "://" .. target.authority, value = [[h2=":1"]] })
    conn:expect(ignored())
  end,
}

case {
  id = "connection-without-origin",
  title = "ALTSVC without an origin on stream 0",
  req = "RFC7838-4-1",
  run = function(conn)
    conn:send(ALTSVC { stream = 0, origin = "", value = [[h2=":1"]] })
    conn:expect(ignored())
  end,
}

case {
  id = "stream",
  title = "ALTSVC on the stream of a request",
  req = "RFC7838-4-1",
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local stream = conn:request { path = target.paths.content }
    conn:send(ALTSVC { stream = stream, origin = "", value = "clear" })
    conn:barrier()
    conn:send(WINDOW_UPDATE { stream = stream, increment = 65535 })
    conn:expect(response(stream, "2xx"))
  end,
}

case {
  id = "garbled",
  title = "ALTSVC that is too short, or whose origin is longer than the frame",
  req = "RFC7838-4-1",
  caught = "warn",
  violate = "RFC7838-4-1=garbled",
  each = { { label = "1 octet", payload = "\0" }, { label = "origin too long", payload = "\0\100ab" } },
  run = function(conn, row)
    conn:send(ALTSVC { stream = 0, payload = row.payload })
    conn:expect(any_of { ignored(), soft(connection_error "FRAME_SIZE_ERROR", "ignored or not, the frame is too short") })
  end,
}
