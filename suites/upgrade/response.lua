-- What a server says when it upgrades: 101, and the HTTP/2 that follows (RFC 7540 section 3.2).
suite { "response", title = "Upgrade: 101 and what follows", rfc = 7540, section = "3.2",
  modes = { "upgrade" }, start = "tcp", needs = { "upgrade" } }

-- All values of a field, as one list (RFC 9110 section 5.2); nil where there is none.
local function values(head, name)
  local list = {}
  for _, pair in ipairs(head.fields) do
    if pair[1]:lower() == name then list[#list + 1] = pair[2] end
  end
  return list[1] and table.concat(list, ", ")
end

case {
  id = "names-h2c",
  title = "the 101 carries Upgrade: h2c, and no other protocol",
  req = "RFC9110-7.8-3",
  violate = { "RFC9110-7.8-3", "RFC9110-7.8-3=websocket", "RFC9110-7.8-3=several" },
  run = function(conn)
    local value = values(conn:upgrade {}, "upgrade")
    check(value, "Upgrade: h2c in the 101", "no Upgrade field in the 101")
    check(value:lower() == "h2c", "Upgrade: h2c in the 101", "Upgrade: " .. value)
  end,
}

case {
  id = "connection-upgrade",
  title = "the 101 lists upgrade in Connection",
  req = "RFC9110-7.6.1-1",
  run = function(conn)
    local value = values(conn:upgrade {}, "connection") or ""
    local listed = (", " .. value:lower() .. ","):find ",%s*upgrade%s*,"
    check(listed, "Connection: Upgrade in the 101", "Connection: " .. value)
  end,
}

case {
  id = "no-http2-settings",
  title = "the 101 has no HTTP2-Settings field",
  req = "RFC7540-3.2.1-3",
  run = function(conn)
    check(not field(conn:upgrade {}.fields, "http2-settings"), "no HTTP2-Settings in the 101", "an HTTP2-Settings field")
  end,
}

case {
  id = "status-line",
  title = "an upgrade is accepted with HTTP/1.1 101 and with no other status",
  req = "RFC7540-3.2-6",
  run = function(conn)
    conn:upgrade { start_h2 = false }
    if conn.response.status ~= 101 then conn:expect(no_upgrade()) end
    check(conn.response.raw:find "^HTTP/1%.1 101%f[%D]", "the status line HTTP/1.1 101", conn.response.raw:match "^[^\r\n]*")
  end,
}

case {
  id = "no-content-length",
  title = "the 101 has no Content-Length",
  req = "RFC9110-8.6-1",
  run = function(conn)
    local value = field(conn:upgrade {}.fields, "content-length")
    check(not value, "no Content-Length in the 101", "Content-Length: " .. (value or ""))
  end,
}

case {
  id = "no-transfer-encoding",
  title = "the 101 has no Transfer-Encoding",
  req = "RFC9112-6.1-1",
  run = function(conn)
    local value = field(conn:upgrade {}.fields, "transfer-encoding")
    check(not value, "no Transfer-Encoding in the 101", "Transfer-Encoding: " .. (value or ""))
  end,
}

-- What follows the 101 ----------------------------------------------------------------------------------------------

case {
  id = "settings-first",
  title = "the first octets after the 101 are a SETTINGS frame: no HTTP/1.1, no preface of a client",
  req = "RFC7540-3.2-8",
  violate = { "RFC7540-3.2-8", "RFC7540-3.2-8=ping", "RFC7540-3.2-8=http1", "RFC7540-3.2-8=octets" },
  run = function(conn)
    conn:upgrade { start_h2 = false }
    conn:send_octets(PREFACE)
    conn:send_settings()
    local octets = check(conn:recv_octets(9), "a SETTINGS frame", "no frame")
    check(octets:find "^...\4\0\0\0\0\0", "SETTINGS without ACK on stream 0", ("other octets: %q"):format(octets))
  end,
}

case {
  id = "response-on-stream-1",
  title = "the upgraded request is answered on stream 1",
  req = "RFC7540-3.2-7",
  violate = { "RFC7540-3.2-7", "RFC7540-3.2-7=stream-3" },
  run = function(conn)
    conn:upgrade {}
    conn:send_preface()
    conn:expect(response(1))
  end,
}

case {
  id = "of-the-request",
  title = "the response on stream 1 is that of the same request on stream 3",
  req = "RFC7540-3.2-12",
  each = { { label = "a path that is not there", path = "/h2probe/no/such/page" }, { label = "OPTIONS", method = "OPTIONS" } },
  run = function(conn, row)
    local path = row.path or target.path
    conn:upgrade { method = row.method, path = path }
    if conn.response.status ~= 101 then return note "not upgraded" end
    conn:send_preface()
    conn:expect(response(1))
    local stream = conn:request { method = row.method, path = path }
    conn:expect(response(stream))
    local first, second = conn:response(1).status, conn:response(stream).status
    check(first == second, ("status %d on stream 1, as on stream %d"):format(second, stream), ("status %d"):format(first))
  end,
}

case {
  id = "large",
  title = "a large resource comes whole on stream 1",
  req = { "RFC7540-3.2-12", "RFC7540-3.2-7" },
  needs = { "upgrade", "large" },
  run = function(conn)
    conn:upgrade { path = target.paths.large }
    conn:send_preface()
    conn:expect(response(1))
    local got = conn:data_octets(1)
    check(got == target.large_size, ("%d octets"):format(target.large_size), ("%d octets"):format(got))
  end,
}

case {
  id = "head",
  title = "HEAD with Upgrade gets no content on stream 1",
  req = { "RFC9113-8.1-18", "RFC9110-7.8-10" },
  run = function(conn)
    conn:upgrade { method = "HEAD" }
    if conn.response.status ~= 101 then skip "HEAD is not upgraded" end
    conn:send_preface()
    conn:expect(response(1))
    local got = conn:data_octets(1)
    check(got == 0, "no content in the response to HEAD", got .. " octets of content")
  end,
}

-- Acknowledgements --------------------------------------------------------------------------------------------------

case {
  id = "settings-acknowledged",
  title = "the SETTINGS of the client preface are acknowledged",
  req = "RFC7540-3.5-3",
  run = function(conn)
    conn:upgrade { settings = { INITIAL_WINDOW_SIZE = 1000 } }
    conn:send_preface()
    check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "no SETTINGS ACK")
  end,
}

case {
  id = "http2-settings-not-acknowledged",
  title = "HTTP2-Settings is not acknowledged: the 101 does that",
  req = "RFC7540-3.2.1-10",
  run = function(conn)
    conn:upgrade { settings = { INITIAL_WINDOW_SIZE = 1000 } }
    conn:send_preface()
    conn:barrier()
    local acks = conn:count { name = "SETTINGS", ack = true }
    check(acks <= 1, "one SETTINGS ACK", acks .. " SETTINGS ACKs")
  end,
}
