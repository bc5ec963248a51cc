-- PING at a server (RFC 9113 section 6.7).
suite { "ping", title = "PING", rfc = 9113, section = "6.7" }

case {
  id = "answered",
  title = "PING is answered by PING with ACK and the same octets",
  req = "RFC9113-6.7-2",
  h2spec = { "http2/6.7/1", "generic/3.7/1" },
  violate = { "RFC9113-6.7-2", "RFC9113-6.7-2=payload" },
  each = { "h2probe!", "\0\0\0\0\0\0\0\0", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8" },
  run = function(conn, data)
    conn:send(PING(data))
    local answer = conn:recv { name = "PING", ack = true }
    check(answer, "a PING with ACK", "no PING with ACK")
    check(answer.data == data, "the octets that were sent", "other octets in the PING with ACK")
  end,
}

case {
  id = "answered-once",
  title = "three PINGs get one answer each",
  req = "RFC9113-6.7-2",
  violate = { "RFC9113-6.7-2=twice", "RFC9113-6.7-2=late" },
  run = function(conn)
    conn:send(PING "first  1", PING "second 2", PING "third  3")
    conn:expect(ignored())
    for _, data in ipairs { "first  1", "second 2", "third  3" } do
      local answers = conn:count({ name = "PING", ack = true, data = data })
      check(answers == 1, "one answer to each PING", answers .. " answers to one PING")
    end
  end,
}

case {
  id = "ack-not-answered",
  title = "PING with ACK is not answered",
  req = "RFC9113-6.7-4",
  h2spec = "http2/6.7/2",
  run = function(conn)
    conn:send(PING { ack = true, "unasked!" })
    conn:expect(any_of {
      ignored(),
      soft(connection_error "PROTOCOL_ERROR", "no rule names an unasked-for PING with ACK"),
    })
    check(conn:count({ name = "PING", data = "unasked!" }) == 0, "no answer to PING with ACK",
      "a PING with the octets of the PING with ACK")
  end,
}

case {
  id = "on-a-stream",
  title = "PING on a stream other than 0",
  req = "RFC9113-6.7-5",
  h2spec = "http2/6.7/3",
  each = { { label = "idle stream", open = false }, { label = "open stream", open = true } },
  run = function(conn, row)
    local stream = conn:new_stream()
    if row.open then conn:send(HEADERS { stream = stream, fields = post "/" }) end
    conn:send(PING { stream = stream, "h2probe!" })
    conn:expect(connection_error "PROTOCOL_ERROR")
  end,
}

case {
  id = "length",
  title = "PING with a length other than 8",
  req = "RFC9113-6.7-6",
  h2spec = "http2/6.7/4",
  each = {
    { label = "0 octets", length = 0 }, { label = "6 octets", length = 6 }, { label = "7 octets", length = 7 },
    { label = "9 octets", length = 9 }, { label = "7 octets with ACK", length = 7, ack = true },
  },
  run = function(conn, row)
    conn:send(PING { ack = row.ack or false, payload = octets(row.length) })
    conn:expect(connection_error "FRAME_SIZE_ERROR")
  end,
}

case {
  id = "undefined-flags",
  title = "PING with undefined flags works as without them",
  req = "RFC9113-4.1-3",
  h2spec = "http2/4.1/2",
  run = function(conn)
    conn:send(PING { flags = 0xfe, "flagged!" })
    local answer = conn:recv { name = "PING", ack = true, data = "flagged!" }
    check(answer, "a PING with ACK", "no PING with ACK")
    conn:expect(ignored())
  end,
}

case {
  id = "reserved-bit",
  title = "PING with the reserved bit set works as without it",
  req = "RFC9113-4.1-6",
  h2spec = "http2/4.1/3",
  run = function(conn)
    conn:send(PING { reserved = true, "reserved" })
    local answer = conn:recv { name = "PING", ack = true, data = "reserved" }
    check(answer, "a PING with ACK", "no PING with ACK")
    conn:expect(ignored())
  end,
}
