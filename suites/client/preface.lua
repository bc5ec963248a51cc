-- The connection preface as a client has to send and take it (RFC 9113 sections 3.4, 6.5 and 6.8).
suite { "preface", title = "Clients: connection preface", rfc = 9113, section = "3.4",
  role = "server", start = "preface" }

-- What the client sends ------------------------------------------------------------------------------------------

case {
  id = "magic",
  title = "the first octets are the 24 of the client preface",
  req = { "RFC9113-3.4-1", "RFC7540-3.4-1" },
  h2spec = "client/1/1",
  run = function(conn)
    conn:send_preface()
    local ok, _, message = conn:expect_preface()
    check(ok, "the 24 octets", message)
  end,
}

case {
  id = "nothing-before",
  title = "nothing comes before the 24 octets",
  req = { "RFC9113-3.4-3", "RFC7540-3.5-1" },
  run = function(conn)
    conn:send_preface()
    local ok, _, message = conn:expect_preface()
    check(ok, "the 24 octets as the first ones", message)
  end,
}

case {
  id = "prior-knowledge",
  title = "with prior knowledge the preface is sent at once",
  req = "RFC9113-3.3-1",
  modes = { "prior" },
  start = "tcp",
  run = function(conn)
    local octets = conn:recv_octets(3)
    check(octets == "PRI", "the preface", octets and "an HTTP/1.1 request" or "nothing")
  end,
}

case {
  id = "settings-first",
  title = "the first frame is SETTINGS without ACK on stream 0",
  req = { "RFC9113-3.4-2", "RFC7540-3.5-4" },
  h2spec = "client/1/1",
  violate = { "RFC9113-3.4-2", "RFC9113-3.4-2=ack" },
  run = function(conn)
    conn:send_preface()
    local first = conn:recv()
    check(first, "SETTINGS as the first frame", "no frame")
    check(first.name == "SETTINGS" and not first.ack and first.stream == 0, "SETTINGS as the first frame",
      first.name .. (first.ack and " with ACK" or "") .. " as the first frame")
  end,
}

case {
  id = "settings-in-range",
  title = "the MAX_FRAME_SIZE that the client announces is in its range",
  req = "RFC9113-6.5.2-11",
  violate = { "RFC9113-6.5.2-11", "RFC9113-6.5.2-11=large" },
  run = function(conn)
    conn:send_preface()
    local first = check(conn:recv { name = "SETTINGS", ack = false }, "SETTINGS", "none")
    for _, setting in ipairs(first.settings or {}) do
      check(setting.name ~= "MAX_FRAME_SIZE" or setting.value >= 16384 and setting.value <= 16777215,
        "MAX_FRAME_SIZE from 16384 to 16777215", tostring(setting.value))
    end
  end,
}

case {
  id = "settings-acknowledged",
  title = "the server's SETTINGS are acknowledged, after the client's own",
  req = "RFC9113-3.4-5",
  run = function(conn)
    conn:send_preface { MAX_CONCURRENT_STREAMS = 100 }
    local ack = check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "none")
    local own = conn:last { name = "SETTINGS", ack = false }
    check(own, "the client's SETTINGS before its ACK", "the ACK first")
    check(own.seq < ack.seq, "the client's SETTINGS before its ACK", "the ACK first")
  end,
}

case {
  id = "empty-settings",
  title = "SETTINGS without any setting are acknowledged",
  req = "RFC9113-3.4-5",
  violate = { "RFC9113-3.4-5", "RFC9113-3.4-5=empty" },
  run = function(conn)
    conn:send_preface {}
    check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "none")
  end,
}

case {
  id = "one-ack-each",
  title = "each SETTINGS frame is acknowledged once",
  req = { "RFC9113-6.5.3-2", "RFC9113-6.5.3-8" },
  run = function(conn)
    conn:send_preface()
    conn:send(SETTINGS { MAX_CONCURRENT_STREAMS = 50 }, SETTINGS { MAX_CONCURRENT_STREAMS = 60 })
    if not conn:barrier() then inconclusive "the client ended the connection" end
    local acks = conn:count { name = "SETTINGS", ack = true }
    check(acks == 3, "three SETTINGS ACKs for three SETTINGS", acks .. " of them")
  end,
}

case {
  id = "first-stream",
  title = "the client's streams have odd identifiers",
  req = "RFC9113-5.1.1-1",
  modes = { "alpn", "prior" },
  run = function(conn)
    conn:handshake()
    local headers = conn:recv "HEADERS"
    check(headers, "a request", "none")
    check(headers.stream % 2 == 1, "an odd stream identifier", "stream " .. headers.stream)
  end,
}

case {
  id = "authority",
  title = "the request names its authority",
  req = "RFC9113-8.3.1-2",
  modes = { "alpn", "prior" },
  run = function(conn)
    conn:handshake()
    local request = check(conn:expect_request(), "a request", "none")
    check(request.authority, ":authority " .. target.authority, "no :authority")
    check(request.authority:lower() == target.authority:lower(), ":authority " .. target.authority,
      ":authority " .. request.authority)
  end,
}

-- What the client has to take ------------------------------------------------------------------------------------

local function settings_case(id, title, req, rows, h2spec)
  case {
    id = id,
    title = title,
    req = req,
    h2spec = h2spec,
    each = rows,
    run = function(conn, row)
      conn:send(SETTINGS(row.settings))
      conn:expect_success()
    end,
  }
end

settings_case("unknown-setting", "a setting with an unknown identifier", "RFC9113-6.5.2-17", {
  { label = "0xf0f0", settings = { { 0xf0f0, 1 } } },
  { label = "0 and 0xffff", settings = { { 0, 0xffffffff }, { 0xffff, 0 } } },
}, "client/6.5.2/4")

settings_case("enable-push-0", "ENABLE_PUSH 0 from a server", "RFC9113-6.5.2-6", {
  { label = "0", settings = { ENABLE_PUSH = 0 } },
})

settings_case("initial-window-size", "the least and the greatest INITIAL_WINDOW_SIZE", "RFC9113-6.5.2-10", {
  { label = "0", settings = { INITIAL_WINDOW_SIZE = 0 } },
  { label = "2^31-1", settings = { INITIAL_WINDOW_SIZE = 0x7fffffff } },
})

settings_case("max-frame-size", "the least and the greatest MAX_FRAME_SIZE", "RFC9113-6.5.2-14", {
  { label = "2^14", settings = { MAX_FRAME_SIZE = 16384 } },
  { label = "2^24-1", settings = { MAX_FRAME_SIZE = 16777215 } },
})

settings_case("header-table-size", "the least and the greatest HEADER_TABLE_SIZE", "RFC9113-6.5.2-15", {
  { label = "0", settings = { HEADER_TABLE_SIZE = 0 } },
  { label = "2^32-1", settings = { HEADER_TABLE_SIZE = 0xffffffff } },
})

case {
  id = "settings-again",
  title = "a second SETTINGS frame directly behind the first",
  req = "RFC9113-6.5-2",
  h2spec = "client/6.5.3/1",
  run = function(conn)
    conn:send_preface()
    conn:send(SETTINGS { MAX_CONCURRENT_STREAMS = 10 })
    conn:expect_success()
  end,
}

case {
  id = "unknown-frame",
  title = "a frame of unknown type directly behind SETTINGS",
  req = "RFC9113-4.1-2",
  each = { { label = "on stream 0", 0 }, { label = "on stream 1", 1 } },
  run = function(conn, row)
    conn:send_preface()
    conn:send(FRAME { type = 0xf3, stream = row[1], payload = "h2probe" })
    conn:expect_success()
  end,
}

case {
  id = "ping-at-once",
  title = "PING directly behind SETTINGS is acknowledged with its payload",
  req = "RFC9113-6.7-2",
  violate = { "RFC9113-6.7-2", "RFC9113-6.7-2=payload" },
  run = function(conn)
    conn:send_preface()
    conn:send(PING "at once!")
    local ack = check(conn:recv { name = "PING", ack = true }, "a PING ACK", "none")
    check(ack.data == "at once!", "the same 8 octets", "others")
  end,
}

case {
  id = "interim-response",
  title = "an interim response before the final one",
  req = "RFC9113-8.1-3",
  run = function(conn)
    conn:send_preface()
    conn:expect_success(function(_, stream)
      conn:respond { stream = stream, status = 103, fields = { { "link", "</a>; rel=preload" } } }
      conn:respond { stream = stream, body = "h2probe\n" }
    end)
  end,
}

case {
  id = "goaway-with-data",
  title = "GOAWAY(NO_ERROR) with debug data that lets the request come to its end",
  req = "RFC9113-6.8-12",
  run = function(conn)
    conn:send_preface()
    if conn.mode ~= "upgrade" then check(conn:recv "HEADERS", "a request", "none") end
    conn:send(GOAWAY { error = "NO_ERROR", last_stream = 0x7fffffff, "for people" })
    conn:expect_success()
  end,
}

-- What the client must not take -----------------------------------------------------------------------------------

case {
  id = "first-frame",
  title = "another frame than SETTINGS comes first",
  req = { "RFC9113-3.4-13", "RFC7540-3.5-6" },
  each = {
    { label = "PING", PING "too soon" },
    { label = "WINDOW_UPDATE", WINDOW_UPDATE { stream = 0, increment = 1000 } },
    { label = "PRIORITY", PRIORITY { stream = 1, dependency = 0, weight = 15 } },
  },
  run = function(conn, row)
    conn:send(row[1])
    conn:send_preface()
    conn:expect_refusal { "PROTOCOL_ERROR", goaway = "optional" }
  end,
}

case {
  id = "first-frame-unclear",
  title = "what can be read as the SETTINGS that come first, or as nothing, and then SETTINGS",
  req = { "RFC9113-3.4-13", "RFC7540-3.5-6" },
  caught = "warn",
  each = {
    { label = "SETTINGS with ACK", SETTINGS { ack = true }, "section 3.4 asks for a SETTINGS frame and does not name the flag" },
    { label = "unknown type", FRAME { type = 0xf3, stream = 0, payload = "too soon" },
      "section 4.1 says to discard it, section 3.4 that SETTINGS must come first" },
  },
  run = function(conn, row)
    conn:send(row[1])
    conn:send_preface()
    conn:expect_refusal { "PROTOCOL_ERROR", goaway = "optional", tolerated = row[2] }
  end,
}

case {
  id = "no-preface",
  title = "the server ends its side without a single octet",
  req = "RFC9113-3.4-13",
  violate = "RFC9113-3.4-13=closed",
  caught = "warn",
  run = function(conn)
    check(conn:expect_preface(), "the client preface", "another, or none")
    conn:half_close()
    conn:expect_refusal { "PROTOCOL_ERROR", goaway = "optional", unframed = true }
  end,
}

case {
  id = "http1-instead",
  title = "an HTTP/1.1 response instead of the server preface",
  req = "RFC9113-3.4-13",
  violate = "RFC9113-3.4-13=text",
  caught = "warn",
  run = function(conn)
    conn:send_octets "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
    conn:give_time(function() return conn:last "GOAWAY" end)
    conn:half_close() -- some wait for a frame of four million octets
    conn:expect_refusal { "PROTOCOL_ERROR", also = { "FRAME_SIZE_ERROR" }, goaway = "optional", unframed = true }
  end,
}

case {
  id = "settings-on-stream",
  title = "the first SETTINGS on stream 1",
  req = { "RFC9113-6.5-8", "RFC9113-3.4-13" },
  h2spec = "client/6.5/2",
  run = function(conn)
    conn:send(SETTINGS { stream = 1, MAX_CONCURRENT_STREAMS = 100 })
    conn:expect_refusal { "PROTOCOL_ERROR", goaway = "optional" }
  end,
}

case {
  id = "settings-length",
  title = "SETTINGS whose length is no multiple of 6",
  req = "RFC9113-6.5-10",
  h2spec = "client/6.5/3",
  each = { 1, 5, 7 },
  run = function(conn, length)
    conn:send(SETTINGS { payload = octets(length) })
    conn:expect_refusal { "FRAME_SIZE_ERROR", goaway = "optional" }
  end,
}

case {
  id = "ack-with-payload",
  title = "SETTINGS with ACK and a payload",
  req = "RFC9113-6.5-6",
  h2spec = "client/6.5/1",
  run = function(conn)
    conn:send_preface()
    conn:send(SETTINGS { ack = true, payload = octets(6) })
    conn:expect_refusal "FRAME_SIZE_ERROR"
  end,
}

case {
  id = "settings-too-long",
  title = "SETTINGS longer than the client's MAX_FRAME_SIZE",
  req = "RFC9113-4.2-6",
  run = function(conn)
    check(conn:expect_preface(), "the client preface", "another")
    local own = check(conn:recv { name = "SETTINGS", ack = false }, "SETTINGS", "none")
    local size = 16384
    for _, setting in ipairs(own.settings or {}) do
      if setting.name == "MAX_FRAME_SIZE" then size = setting.value end
    end
    if size > 1000000 then skip("the client takes frames of " .. size .. " octets") end
    conn:send(SETTINGS {}, SETTINGS { payload = octets((size // 6 + 1) * 6, "\0\3\0\0\0\100") })
    conn:expect_refusal "FRAME_SIZE_ERROR"
  end,
}

local function value_case(id, title, req, code, rows, h2spec)
  case {
    id = id,
    title = title,
    req = req,
    h2spec = h2spec,
    each = rows,
    run = function(conn, row)
      conn:send(SETTINGS(row.settings))
      conn:expect_refusal { code, goaway = "optional" }
    end,
  }
end

value_case("enable-push-1", "ENABLE_PUSH other than 0 from a server", { "RFC9113-6.5.2-4", "RFC7540-8.2-1" },
  "PROTOCOL_ERROR", { { label = "1", settings = { ENABLE_PUSH = 1 } }, { label = "2", settings = { ENABLE_PUSH = 2 } } })

value_case("initial-window-too-large", "INITIAL_WINDOW_SIZE 2^31", "RFC9113-6.5.2-9", "FLOW_CONTROL_ERROR",
  { { label = "2^31", settings = { INITIAL_WINDOW_SIZE = 0x80000000 } } }, "client/6.5.2/1")

value_case("max-frame-size-too-small", "MAX_FRAME_SIZE below 2^14", "RFC9113-6.5.2-12", "PROTOCOL_ERROR",
  { { label = "2^14-1", settings = { MAX_FRAME_SIZE = 16383 } }, { label = "0", settings = { MAX_FRAME_SIZE = 0 } } },
  "client/6.5.2/2")

value_case("max-frame-size-too-large", "MAX_FRAME_SIZE above 2^24-1", "RFC9113-6.5.2-13", "PROTOCOL_ERROR",
  { { label = "2^24", settings = { MAX_FRAME_SIZE = 16777216 } } }, "client/6.5.2/3")

-- Limits and the end ------------------------------------------------------------------------------------------------

case {
  id = "no-streams-yet",
  title = "MAX_CONCURRENT_STREAMS 0 holds once it is acknowledged",
  req = { "RFC9113-5.1.2-1", "RFC9113-3.4-7" },
  modes = { "alpn", "prior" },
  run = function(conn)
    conn:send_preface { MAX_CONCURRENT_STREAMS = 0 }
    local ack = conn:recv { name = "SETTINGS", ack = true }
    if not ack then return note "the client ended the connection" end
    conn:barrier()
    local headers = conn:last "HEADERS"
    check(not headers or headers.seq < ack.seq, "no request after the ACK",
      headers and "HEADERS on stream " .. headers.stream)
    if headers then note "the client sent its request before it knew the setting" end
  end,
}

case {
  id = "goaway-at-once",
  title = "GOAWAY that processed nothing, directly behind SETTINGS: no stream is opened after it",
  req = "RFC9113-6.8-1",
  run = function(conn)
    conn:send_preface()
    conn:send(GOAWAY { error = "NO_ERROR", last_stream = 0 })
    if not conn:ping() then return note "the client ended the connection" end
    local last = conn.events[#conn.events]
    conn:barrier()
    local headers = conn:last "HEADERS"
    check(not headers or headers.seq <= last.seq, "no HEADERS after GOAWAY was read",
      headers and "HEADERS on stream " .. headers.stream)
  end,
}
