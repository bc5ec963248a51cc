-- After the 101 the client owes its preface: what a server does when something else comes, or nothing (RFC 7540 section 3.5).
suite { "preface", title = "Upgrade: the client's preface after the 101", rfc = 7540, section = "3.5",
  modes = { "upgrade" }, start = "tcp", needs = { "upgrade" } }

local function invalid() return connection_error { "PROTOCOL_ERROR", goaway = "optional" } end

-- Octets in place of the preface.
local function instead(id, title, rows, violate)
  case {
    id = id, title = title, req = "RFC7540-3.5-2", violate = violate, each = rows,
    run = function(conn, row)
      conn:upgrade {}
      conn:send_octets(row[1])
      conn:expect(invalid())
    end,
  }
end

local EMPTY_SETTINGS <const> = octets(3) .. "\4" .. octets(5)
local PUSH_0 <const> = hex "000006 04 00 00000000  0002 00000000"

instead("wrong", "24 octets and more that are not the preface", {
  { label = "text", octets(24, "h2probe: not the preface") .. EMPTY_SETTINGS },
  { label = "zeros", octets(24) .. EMPTY_SETTINGS },
  { label = "lower case", PREFACE:lower() .. EMPTY_SETTINGS },
  { label = "CRLF before", "\r\n" .. PREFACE .. EMPTY_SETTINGS },
})
instead("missing", "frames without the 24 octets before them", {
  { label = "SETTINGS", EMPTY_SETTINGS .. PUSH_0 .. EMPTY_SETTINGS },
})
instead("http1-request", "an HTTP/1.1 request", {
  { label = "GET", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" },
  { label = "Upgrade", "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    .. "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n" },
}, "RFC7540-3.5-2=http1")

case {
  id = "pipelined-request",
  title = "an HTTP/1.1 request in one write behind the request that is upgraded",
  req = "RFC7540-3.5-2",
  violate = "RFC7540-3.5-2=http1",
  needs = { "h1" },
  run = function(conn)
    conn:upgrade { followed_by = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" }
    if conn.response.status == 101 then return conn:expect(invalid()) end
    note "not upgraded with a request behind it"
    conn:recv_body()
    check(conn:recv_head() or conn:ended(), "a second HTTP/1.1 response, or the end of the connection", "neither")
  end,
}

case {
  id = "no-settings",
  title = "the 24 octets without SETTINGS behind them",
  req = "RFC7540-3.5-4",
  each = {
    { label = "HEADERS", frame = function() return HEADERS { stream = 3, end_stream = true, fields = get(target.path) } end },
    { label = "WINDOW_UPDATE", frame = function() return WINDOW_UPDATE { stream = 1, increment = 1 } end },
    { label = "PING", frame = function() return PING "h2probe!" end },
  },
  run = function(conn, row)
    conn:upgrade {}
    conn:send_octets(PREFACE)
    conn:send(row.frame())
    conn:expect(invalid())
  end,
}

case {
  id = "silence",
  title = "a client that says nothing after the 101: others are served, and if something comes it is SETTINGS first",
  req = "RFC7540-3.2-8",
  violate = "RFC7540-3.2-8=early",
  run = function(conn)
    conn:upgrade { start_h2 = false }
    local other = connect { start = "open" }
    other:expect(ignored())
    local octets = conn:recv_octets(nil, 0)
    check(not octets or octets:find "^...\4\0\0\0\0\0", "nothing, or SETTINGS without ACK on stream 0",
      ("other octets: %q"):format((octets or ""):sub(1, 20)))
  end,
}

case {
  id = "half-closed",
  title = "a client that ends its side in the middle of the preface",
  req = "RFC7540-3.5-2",
  violate = "RFC7540-3.5-2=open",
  caught = "warn",
  early = true,
  run = function(conn)
    conn:upgrade {}
    conn:send_octets(PREFACE:sub(1, 12))
    conn:half_close()
    local more, code
    repeat more, code = conn:recv() until not more
    if code == "timeout" then warn "the connection stays open, though no preface can come: nothing says how long" end
  end,
}
