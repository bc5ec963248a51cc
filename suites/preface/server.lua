-- The connection preface as a server sends it, and as it has to take a right one (RFC 9113 section 3.4).
suite { "server", title = "Connection preface", rfc = 9113, section = "3.4", start = "preface" }

-- Lets the server read what was sent before: what a connection that it accepted later is answered comes after that.
local function let_it_read()
  local other = connect { start = "open" }
  for _ = 1, 6 do other:ping() end
  return other
end

local function served(conn)
  check(conn:recv { name = "SETTINGS", ack = false }, "the server's SETTINGS", "no SETTINGS")
end

-- The server's own preface ------------------------------------------------------------------------------------------

case {
  id = "settings-first",
  title = "the first frame from the server is SETTINGS without ACK on stream 0",
  req = "RFC9113-3.4-4",
  h2spec = { "http2/3.5/1", "generic/1/1" },
  violate = { "RFC9113-3.4-4", "RFC9113-3.4-4=ping", "RFC9113-3.4-4=ack" },
  run = function(conn)
    conn:send_preface()
    local first = check(conn:recv(), "SETTINGS as the first frame", "no frame")
    check(first.name == "SETTINGS" and not first.ack and first.stream == 0, "SETTINGS as the first frame",
      first.name .. (first.ack and " with ACK" or "") .. " as the first frame")
  end,
}

case {
  id = "no-octets-before",
  title = "the first octets from the server are a SETTINGS frame: the 24 octets are the client's alone",
  req = "RFC9113-3.4-4",
  violate = { "RFC9113-3.4-4=octets", "RFC9113-3.4-4=http1" },
  start = "secure",
  modes = { "alpn", "prior" },
  run = function(conn)
    conn:send_octets(PREFACE)
    conn:send_settings()
    local octets = check(conn:recv_octets(9), "a SETTINGS frame", "nothing")
    check(octets:find "^...\4\0\0\0\0\0", "SETTINGS without ACK on stream 0", ("other octets: %q"):format(octets))
  end,
}

case {
  id = "settings-acknowledged",
  title = "the SETTINGS of the client preface are acknowledged",
  req = "RFC9113-3.4-5",
  run = function(conn)
    conn:send_preface()
    served(conn)
    check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "no SETTINGS ACK")
  end,
}

case {
  id = "acknowledged-after-settings",
  title = "the client's SETTINGS are acknowledged after the server's own",
  req = "RFC9113-3.4-5",
  violate = "RFC9113-3.4-5=early",
  run = function(conn)
    conn:send_preface()
    local first = check(conn:recv "SETTINGS", "the server's SETTINGS", "no SETTINGS")
    check(not first.ack, "the server's SETTINGS before its ACK", "a SETTINGS ACK first")
    check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "no SETTINGS ACK")
  end,
}

case {
  id = "acknowledged-once",
  title = "the SETTINGS of the client preface are acknowledged once",
  req = "RFC9113-6.5.3-8",
  run = function(conn)
    conn:send_preface()
    conn:barrier()
    local acks = conn:count { name = "SETTINGS", ack = true }
    check(acks <= 1, "one SETTINGS ACK", acks .. " SETTINGS ACKs")
  end,
}

-- A request at once ----------------------------------------------------------------------------------------------------

case {
  id = "request-at-once",
  title = "a request in the same write as the preface, before the server's SETTINGS were seen",
  req = "RFC9113-3.4-6",
  run = function(conn)
    conn:send_preface()
    local stream = conn:request { path = target.path }
    conn:expect(response(stream))
  end,
}

case {
  id = "several-requests-at-once",
  title = "five requests in the same write as the preface",
  req = "RFC9113-3.4-6",
  run = function(conn)
    conn:send_preface()
    local streams = {}
    for i = 1, 5 do
      streams[i] = conn:new_stream()
      conn:send(HEADERS { stream = streams[i], end_stream = true, fields = get(target.path) })
    end
    for _, stream in ipairs(streams) do conn:expect(response(stream)) end
  end,
}

case {
  id = "settings-not-acknowledged-yet",
  title = "a request before the client has acknowledged the server's SETTINGS",
  req = "RFC9113-3.4-6",
  auto = { settings = false },
  run = function(conn)
    conn:send_preface()
    served(conn)
    check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "no SETTINGS ACK")
    local stream = conn:request { path = target.path }
    conn:expect(response(stream))
    conn:send(SETTINGS { ack = true })
    conn:expect(ignored())
  end,
}

case {
  id = "ping-at-once",
  title = "PING in the same write as the preface",
  req = "RFC9113-3.4-6",
  violate = "RFC9113-6.7-2",
  run = function(conn)
    conn:send_preface()
    conn:send(PING "h2probe!")
    check(conn:recv { name = "PING", ack = true, data = "h2probe!" }, "a PING ACK", "no PING ACK")
  end,
}

-- In pieces ------------------------------------------------------------------------------------------------------------

case {
  id = "split",
  title = "the preface in two pieces, at each of its octets",
  req = "RFC9113-3.3-5",
  modes = { "prior" },
  each = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24 },
  run = function(conn, offset)
    conn:send_octets(PREFACE:sub(1, offset))
    conn:flush()
    let_it_read()
    conn:send_octets(PREFACE:sub(offset + 1))
    conn:send_settings()
    served(conn)
  end,
}

case {
  id = "split-in-tls",
  title = "the preface in two TLS records, of which the second comes later",
  req = "RFC9113-3.4-4",
  violate = "RFC9113-3.4-10=hasty",
  modes = { "alpn" },
  each = { 1, 3, 14, 18, 23, 24 },
  run = function(conn, offset)
    conn:send_octets(PREFACE:sub(1, offset))
    conn:flush()
    let_it_read()
    conn:send_octets(PREFACE:sub(offset + 1))
    conn:send_settings()
    conn:expect(ignored())
  end,
}

case {
  id = "octet-by-octet",
  title = "the preface and SETTINGS in writes (over TLS: records) of one octet",
  req = "RFC9113-3.4-4",
  modes = { "alpn", "upgrade" },
  run = function(conn)
    for octet in (PREFACE .. octets(3) .. "\4" .. octets(5)):gmatch "." do
      conn:send_octets(octet)
      conn:flush()
    end
    served(conn)
    conn:expect(ignored())
  end,
}

case {
  id = "octet-by-octet-at-once",
  title = "the preface in segments of one octet on a port that may also speak HTTP/1.x",
  req = "RFC9113-3.3-5",
  modes = { "prior" },
  alone = true,
  run = function(conn)
    local other
    for octet in PREFACE:gmatch "." do
      conn:send_octets(octet)
      conn:flush()
      other = other or let_it_read()
      for _ = 1, 5 do other:ping() end -- so that each is most likely read alone
    end
    conn:send_settings()
    served(conn)
    conn:expect(ignored())
  end,
}

case {
  id = "settings-in-pieces",
  title = "the SETTINGS frame of the preface in two pieces",
  req = "RFC9113-3.4-4",
  violate = "RFC9113-3.4-10=hasty",
  each = { { label = "in its head", 4 }, { label = "behind its head", 9 }, { label = "in a setting", 11 } },
  run = function(conn, row)
    local frame = hex "00000c 04 00 00000000  0002 00000000  0003 00000064"
    conn:send_octets(PREFACE .. frame:sub(1, row[1]))
    conn:flush()
    let_it_read()
    conn:send_octets(frame:sub(row[1] + 1))
    conn:expect(ignored())
  end,
}

case {
  id = "late",
  title = "a client that waits while another one is served",
  req = "RFC9113-3.4-4",
  violate = "RFC9113-3.4-4=impatient",
  alone = true,
  run = function(conn)
    let_it_read()
    conn:send_preface()
    served(conn)
    conn:expect(ignored())
  end,
}

-- The client's SETTINGS --------------------------------------------------------------------------------------------------

-- The first SETTINGS, which are right: acknowledged, and then the connection works.
local function first_settings(id, title, req, rows, more)
  more = more or {}
  case {
    id = id, title = title, req = req, violate = more.violate, modes = more.modes, each = rows,
    run = function(conn, row)
      conn:send_octets(PREFACE)
      conn:send(SETTINGS(row[1]))
      conn:expect(ignored())
      check(conn:count { name = "SETTINGS", ack = true } > 0, "a SETTINGS ACK", "no SETTINGS ACK")
    end,
  }
end

first_settings("empty-settings", "an empty SETTINGS frame", "RFC9113-3.4-5", { { label = "empty", {} } })
first_settings("known-settings", "SETTINGS with every setting of RFC 9113", "RFC9113-6.5-3", {
  { label = "all", { HEADER_TABLE_SIZE = 4096, ENABLE_PUSH = 0, MAX_CONCURRENT_STREAMS = 100, INITIAL_WINDOW_SIZE = 65535,
    MAX_FRAME_SIZE = 16384, MAX_HEADER_LIST_SIZE = 65536 } },
}, { modes = { "alpn", "prior" } }) -- for upgrades there is upgrade/request/settings-known
first_settings("unknown-settings", "SETTINGS with settings that nobody knows", "RFC9113-6.5.2-17", {
  { label = "three", { { 0x0a0a, 1 }, { 0xffff, 0xffffffff }, { 0, 0 } } },
})
first_settings("repeated-settings", "SETTINGS with one setting ten times", "RFC9113-6.5-4", {
  { label = "ten values", { { "INITIAL_WINDOW_SIZE", 1 }, { "INITIAL_WINDOW_SIZE", 2 }, { "INITIAL_WINDOW_SIZE", 3 },
    { "INITIAL_WINDOW_SIZE", 4 }, { "INITIAL_WINDOW_SIZE", 5 }, { "INITIAL_WINDOW_SIZE", 6 }, { "INITIAL_WINDOW_SIZE", 7 },
    { "INITIAL_WINDOW_SIZE", 8 }, { "INITIAL_WINDOW_SIZE", 9 }, { "INITIAL_WINDOW_SIZE", 65535 } } },
}, { violate = "RFC9113-6.5.3-2" })
first_settings("extreme-settings", "SETTINGS with the largest and smallest values that are allowed", "RFC9113-6.5.2-14", {
  { label = "largest", { INITIAL_WINDOW_SIZE = 0x7fffffff, MAX_FRAME_SIZE = 16777215 } },
  { label = "smallest", { MAX_CONCURRENT_STREAMS = 0, MAX_FRAME_SIZE = 16384 } },
})
