-- How octets are cut into TLS records, flights and segments carries no meaning (RFC 8446 section 5.1); how TLS ends (6.1).
suite { "records", title = "ALPN: records, flights, closing", rfc = 8446, section = "5.1", modes = { "alpn" }, start = "tcp" }

-- Sends octets in TLS records of at most n.
local function in_records(conn, sent, n)
  for at = 1, #sent, n do
    conn:send_octets(sent:sub(at, at + n - 1))
    conn:flush()
  end
end

case {
  id = "client-hello-in-pieces",
  title = "the ClientHello in several records",
  req = "RFC8446-5.1-1",
  each = { { label = "100 octets each", 100 }, { label = "16 octets each", 16 } },
  run = function(conn, row)
    conn:start_tls { alpn = { "h2" }, fragment = row[1] }
    conn:expect(selects "h2")
  end,
}

case {
  id = "client-hello-octet-by-octet",
  title = "the ClientHello in records of one octet",
  req = "RFC8446-5.1-1",
  caught = "warn",
  run = function(conn)
    conn:start_tls { alpn = { "h2" }, fragment = 1 }
    conn:expect(any_of { selects "h2", soft(tls_alert(), "hundreds of records for one message are a way to waste time") })
  end,
}

case {
  id = "preface-octet-by-octet",
  title = "the preface and SETTINGS in records of one octet",
  req = "RFC9113-3.2-4",
  violate = "RFC9113-3.2-4=record",
  run = function(conn)
    conn:start_alpn()
    conn:start_h2()
    in_records(conn, PREFACE .. hex "000006 04 00 00000000 0002 00000000", 1)
    check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "no SETTINGS ACK")
    conn:expect(ignored())
  end,
}

case {
  id = "frame-in-pieces",
  title = "the preface, SETTINGS and a request in records that end anywhere",
  req = "RFC9113-3.2-4",
  violate = "RFC9113-3.2-4=record",
  each = { 2, 5, 10, 23 },
  run = function(conn, n)
    conn:start_alpn()
    conn:start_h2()
    local block = conn:encode(get(target.path))
    local header = string.pack(">I3BBI4", #block, 1, 5, 1) -- HEADERS with END_STREAM and END_HEADERS on stream 1
    in_records(conn, PREFACE .. hex "000006 04 00 00000000 0002 00000000" .. header .. block, n)
    conn:expect(response(1))
  end,
}

case {
  id = "one-record",
  title = "the preface, SETTINGS and three requests in one record",
  req = "RFC9113-3.4-6",
  run = function(conn)
    conn:start_alpn()
    conn:send_preface()
    local streams = {}
    for number = 1, 3 do streams[number] = conn:request { path = target.path } end
    for _, stream in ipairs(streams) do conn:expect(response(stream)) end
  end,
}

case {
  id = "preface-with-finished",
  title = "TLS 1.3: the preface and a request in the same flight as Finished",
  req = "RFC9113-3.2-4",
  violate = "RFC9113-3.2-4=lose",
  run = function(conn)
    local stream
    conn:start_alpn { min_version = "1.3", first = function()
      conn:send_preface()
      stream = conn:request { path = target.path }
    end }
    conn:expect(response(stream))
  end,
}

case {
  id = "close-notify-after-request",
  title = "close_notify directly after a request: it is answered or the connection ends",
  req = "RFC8446-6.1-1",
  violate = "RFC8446-6.1-1=hang",
  run = function(conn)
    conn:start_alpn()
    conn:handshake()
    local stream = conn:request { path = target.path }
    conn:close_notify()
    -- Which of the two comes is chance with many servers.
    check(conn:response(stream) or conn:ended(), "a response, or the end of the connection", "neither")
  end,
}

case {
  id = "close-notify-before-preface",
  title = "close_notify instead of the preface: the connection ends",
  req = "RFC8446-6.1-1",
  violate = "RFC8446-6.1-1=hang",
  run = function(conn)
    conn:start_alpn()
    conn:half_close()
    conn:expect(closed())
  end,
}

case {
  id = "server-close-notify",
  title = "the server ends a connection by close_notify",
  req = "RFC8446-6.1-1",
  early = true,
  auto = { settings = false, ping = false, window = false }, -- what came after its end would be answered by RST
  run = function(conn)
    conn:start_alpn()
    conn:send_preface()
    conn:send(PING { stream = 1, "h2probe!" })
    conn:expect(closed())
    local how = conn:ended().how
    if how == "rst" or how == "error" then return note "a TCP reset: close_notify may have been lost" end
    check(how ~= "fin", "close_notify before the end of the TCP connection", "FIN without close_notify")
  end,
}
