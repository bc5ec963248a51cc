-- What is not the client connection preface (RFC 9113 section 3.4). A cleartext port that also speaks HTTP/1.x answers in
-- HTTP/1.x and closes; CRLF CRLF ends what such a server may take for a request, since it waits for that otherwise.
suite { "wrong", title = "Connection preface: wrong ones", rfc = 9113, section = "3.4", start = "secure" }

-- In mode upgrade the preface is due after the 101.
local function begin(conn)
  if conn.mode ~= "upgrade" then return end
  conn:upgrade {}
  if conn.response.status ~= 101 then skip "the request was not upgraded" end
end

local SETTINGS_FRAME <const> = octets(3) .. "\4" .. octets(5)
local END <const> = "\r\n\r\n"

-- A port for both may take what it gets for HTTP/1.x, whatever it then says or waits for: not right, but not HTTP/2.
local function expected(conn)
  if conn.mode ~= "prior" then return invalid_preface() end
  return any_of { invalid_preface(), soft(no_http2(), "taken for HTTP/1.x") }
end

-- Octets in place of the preface; then SETTINGS, which only a server that took them for the preface acknowledges.
local function instead(id, title, req, rows, more)
  more = more or {}
  case {
    id = id, title = title, req = req, each = rows, modes = more.modes, h2spec = more.h2spec, violate = more.violate,
    run = function(conn, row)
      begin(conn)
      conn:send_octets((type(row) == "table" and row[1] or row) .. SETTINGS_FRAME .. END)
      conn:expect((more.expect or expected)(conn))
    end,
  }
end

local function changed(at, octet) return PREFACE:sub(1, at - 1) .. octet .. PREFACE:sub(at + 1) end

local flipped = {}
for at = 1, #PREFACE do
  flipped[at] = { label = "octet " .. at, changed(at, string.char(PREFACE:byte(at) ~ 1)) }
end

instead("wrong-octet", "one wrong octet, at each of the 24 places", "RFC9113-3.4-9", flipped)
instead("zero-octet", "the preface with an octet 0 in it", "RFC9113-3.4-9", {
  { label = "first", changed(1, "\0") }, { label = "middle", changed(12, "\0") }, { label = "last", changed(24, "\0") },
})
instead("lower-case", "the preface in lower case, and in part", "RFC9113-3.4-9", {
  { label = "all", PREFACE:lower() }, { label = "pri", "pri" .. PREFACE:sub(4) }, { label = "sm", changed(19, "s") },
})
instead("version", "the preface with another version", "RFC9113-3.4-9", {
  { label = "HTTP/2.1", changed(14, "1") }, { label = "HTTP/3.0", changed(12, "3") },
})
instead("target", "the preface with another request target", "RFC9113-3.4-9", { { label = "/", changed(5, "/") } })
instead("lf-for-crlf", "the preface with spaces for CR", "RFC9113-3.4-9", {
  { label = "first line", changed(15, " ") }, { label = "last line", changed(23, " ") },
})
instead("octet-missing", "the preface without its first, and without its last octet", "RFC9113-3.4-9", {
  { label = "first", PREFACE:sub(2) }, { label = "last", PREFACE:sub(1, 23) },
})
instead("crlf-before", "CRLF before the preface", "RFC9113-3.4-8", {
  { label = "one", "\r\n" .. PREFACE }, { label = "two", "\r\n\r\n" .. PREFACE },
})
instead("space-before", "a space before the preface", "RFC9113-3.4-8", { " " .. PREFACE })
instead("without-sm", "PRI * HTTP/2.0 without SM", "RFC9113-3.4-8", {
  { label = "nothing in its place", "PRI * HTTP/2.0\r\n\r\n" }, { label = "only CRLF", "PRI * HTTP/2.0\r\n\r\n\r\n\r\n" },
})
instead("with-fields", "PRI * HTTP/2.0 with a header field", "RFC9113-3.4-8", {
  { label = "Host", "PRI * HTTP/2.0\r\nHost: localhost\r\n\r\nSM\r\n\r\n" },
})
instead("settings-alone", "frames without the 24 octets before them", "RFC9113-3.4-8", {
  { label = "SETTINGS", SETTINGS_FRAME .. hex "000006 04 00 00000000  0002 00000000" },
})
instead("zeros", "24 octets 0", "RFC9113-3.4-8", { octets(24) })
instead("garbage", "octets that are neither the preface nor HTTP/1.x", "RFC9113-3.4-8", {
  octets(28, "INVALID CONNECTION PREFACE ") .. END,
}, { h2spec = "http2/3.5/2" })

-- A ClientHello of TLS 1.2 without extensions.
local CLIENT_HELLO <const> = hex "16 0301 002d  01 000029 0303" .. octets(32, "\r\n\r\n") .. hex "00 0002 002f 01 00"

instead("tls", "a TLS ClientHello on a cleartext port", "RFC9113-3.4-8", { CLIENT_HELLO }, { modes = { "prior" } })
instead("tls-twice", "a second TLS ClientHello inside TLS", "RFC9113-3.4-8", { CLIENT_HELLO }, { modes = { "alpn" } })

-- HTTP/1.x on a port for both is no error: these requests of 24 octets fail only where they are taken for the preface.
local function http1_or_error() return any_of { invalid_preface(), no_http2() } end

instead("http-1.1", "an HTTP/1.1 request of 24 octets is not taken for the preface", "RFC9113-3.4-12", {
  { label = "GET", "GET /h2prob HTTP/1.1\r\n\r\n" }, { label = "OPTIONS", "OPTIONS * HTTP/1.1\r\n\r\n\r\n" },
}, { modes = { "prior" }, expect = http1_or_error, violate = "RFC9113-3.4-12=preface" })
instead("http-1.0", "an HTTP/1.0 request of 24 octets is not taken for the preface", "RFC9113-3.4-12", {
  { label = "GET", "GET /h2prob HTTP/1.0\r\n\r\n" },
}, { modes = { "prior" }, expect = http1_or_error, violate = "RFC9113-3.4-12=preface" })

case {
  id = "http-1-in-h2",
  title = "an HTTP/1.1 or HTTP/1.0 request on a connection that negotiated h2",
  req = "RFC9113-3.4-12",
  modes = { "alpn" },
  each = { "1.1", "1.0" },
  run = function(conn, version)
    conn:send_octets(("GET %s HTTP/%s\r\nHost: %s\r\n\r\n"):format(target.path, version, target.authority))
    conn:expect(invalid_preface())
  end,
}

-- Twice ------------------------------------------------------------------------------------------------------------------

case {
  id = "twice",
  title = "the 24 octets twice: read as a frame they are not SETTINGS, and 5,263,945 octets long",
  req = "RFC9113-3.4-10",
  early = true,
  run = function(conn)
    begin(conn)
    local limit = connect { start = "open" }:setting("theirs", "MAX_FRAME_SIZE")
    if limit >= 0x505249 then skip(("the server may wait for a frame of %d octets"):format(0x505249)) end
    conn:send_octets(PREFACE .. PREFACE .. SETTINGS_FRAME)
    conn:expect(connection_error { "PROTOCOL_ERROR", goaway = "optional" })
  end,
}

-- Not to its end ----------------------------------------------------------------------------------------------------------

case {
  id = "half-closed",
  title = "the first octets of the preface, and then the end of the client's side",
  req = "RFC9113-3.4-8",
  violate = "RFC9113-3.4-8=open",
  caught = "warn",
  modes = { "alpn", "prior" },
  early = true,
  each = { 0, 1, 3, 12, 23 },
  run = function(conn, count)
    conn:send_octets(PREFACE:sub(1, count))
    conn:half_close()
    local more, code
    repeat more, code = conn:recv_octets() until not more
    if code == "timeout" then warn "the connection stays open, though no preface can come: nothing says how long" end
  end,
}

-- The client goes; the server has to serve the next one.
local function gone(id, title, leave)
  case {
    id = id, title = title, req = "RFC9113-3.4-8", violate = "RFC9113-3.4-8=stuck", modes = { "prior" },
    each = { 3, 12, 23 }, alone = true,
    run = function(conn, count)
      conn:send_octets(PREFACE:sub(1, count))
      leave(conn)
      local other = connect { start = "open", may_fail = true }
      check(other ~= nil, "the next connection is served", "the next connection is not served")
    end,
  }
end

gone("closed", "the first octets of the preface, and then the connection is closed", function(conn) conn:close() end)
gone("reset", "the first octets of the preface, and then the connection is reset", function(conn) conn:reset() end)
