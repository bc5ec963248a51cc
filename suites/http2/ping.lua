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

for _, row in ipairs { { "idle", "an idle stream" }, { "open", "an open stream" } } do
  case {
    id = "on-" .. row[1] .. "-stream",
    title = "PING on " .. row[2],
    req = "RFC9113-6.7-5",
    h2spec = row[1] == "idle" and "http2/6.7/3" or nil,
    needs = row[1] == "open" and { "content" } or nil,
    run = function(conn)
      local stream
      if row[1] == "open" then
        conn:settings { INITIAL_WINDOW_SIZE = 0 }
        stream = conn:request { method = "POST", path = target.paths.content, end_stream = false }
      else
        stream = conn:new_stream()
      end
      conn:send(PING { stream = stream, "h2probe!" })
      conn:expect(connection_error "PROTOCOL_ERROR")
    end,
  }
end

for _, length in ipairs { 0, 6, 7, 9 } do
  case {
    id = ("length-%d"):format(length),
    title = ("PING of %d octets, without and with ACK"):format(length),
    req = "RFC9113-6.7-6",
    h2spec = length == 6 and "http2/6.7/4" or nil,
    each = { { label = "without ACK", ack = false }, { label = "with ACK", ack = true } },
    run = function(conn, row)
      conn:send(PING { ack = row.ack, payload = octets(length) })
      conn:expect(connection_error "FRAME_SIZE_ERROR")
    end,
  }
end

case {
  id = "while-content-waits",
  title = "PING is answered while a response waits for the window",
  req = { "RFC9113-5.2.2-1", "RFC9113-5.2.1-2" },
  violate = { "RFC9113-5.2.2-1", "RFC9113-5.2.1-2" },
  needs = { "content" },
  auto = { window = false },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 1 }
    local stream = conn:request { path = target.paths.content }
    eventually(function() return conn:data_octets(stream) == 1 end, "the first octet of the response")
    conn:send(PING "waiting!")
    check(conn:recv { name = "PING", ack = true, data = "waiting!" }, "a PING with ACK", "no PING with ACK")
  end,
}

case {
  id = "during-a-response",
  title = "PING is answered before a large response has ended",
  req = "RFC9113-6.7-3",
  needs = { "large" },
  auto = { window = false },
  run = function(conn)
    local stream = conn:request { path = target.paths.large }
    conn:send(PING "h2probe!")
    check(conn:recv { name = "PING", ack = true, data = "h2probe!" }, "a PING with ACK", "no PING with ACK")
    check(conn:data_octets(stream) <= 65535, "no more than the window", "more than the window")
  end,
}
