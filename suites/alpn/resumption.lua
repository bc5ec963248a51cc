-- Resumed sessions and early data (RFC 7301 section 3.1, RFC 9113 sections 3.2 and 9.2.3, RFC 8470).
suite { "resumption", title = "ALPN: resumption", rfc = 7301, section = "3.1", modes = { "alpn" }, start = "tcp" }

local VERSIONS = { "1.2", "1.3" }

-- The session of another connection on which a request was answered, in the protocol that this name stands for. It stays
-- open: many servers forget a session whose connection ends without close_notify.
local function session_with(name, version)
  local other = connect {}
  local tls = other:start_tls { alpn = { name }, max_version = version }
  if not tls or tls.alpn ~= name then skip(name .. " is not selected") end
  if name == "h2" then
    other:handshake()
    other:get(target.path)
  else
    other:send_octets(("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n"):format(target.path, target.authority))
    other:recv_head()
  end
  return other:session() or skip "the server gives no session to resume"
end

case {
  id = "starts-anew",
  title = "a resumed session begins with SETTINGS like every other",
  req = "RFC9113-3.2-4",
  violate = "RFC9113-3.2-4=resumed",
  each = VERSIONS,
  run = function(conn, version)
    local session = session_with("h2", version)
    local tls = conn:start_alpn { session = session, max_version = version }
    if not tls.resumed then skip "the server does not resume sessions" end
    conn:send_preface()
    local first = conn:recv()
    check(first, "SETTINGS as the first frame", "no frame")
    check(first.name == "SETTINGS" and not first.ack, "SETTINGS as the first frame", first.name .. " as the first frame")
    conn:expect(response(conn:request { path = target.path }))
  end,
}

-- The offers that belong to a session are of no consequence for a connection that resumes it.
local function other_offer(id, title, before, now, ...)
  local allowed = { now, ... }
  case {
    id = id, title = title, req = "RFC7301-3.1-9", each = VERSIONS,
    run = function(conn, version)
      local session = session_with(before, version)
      conn:start_tls { session = session, alpn = { now }, max_version = version }
      conn:expect(any_of { selects(allowed), no_alpn(), tls_alert() })
    end,
  }
end

other_offer("h2-then-http1", "a session of h2 is resumed with http/1.1 alone", "h2", "http/1.1")
other_offer("http1-then-h2", "a session of http/1.1 is resumed with h2 alone", "http/1.1", "h2")
other_offer("h2-then-unknown", "a session of h2 is resumed with an unknown name alone", "h2", "x-h2probe", "http/1.1")

local function speaks_http2_anyway(version)
  local other = connect {}
  if not other:start_tls { alpn = { "http/1.1" }, max_version = version } then return false end
  other:send_octets(PREFACE)
  other:send_settings()
  local first = other:recv_octets(9)
  return first ~= nil and first:find "^...\4[\0\1]\0\0\0\0" ~= nil
end

case {
  id = "http1-spoken-after-h2",
  title = "a session of h2 is resumed with http/1.1, and a request is not answered with HTTP/2",
  req = "RFC7301-3.1-9",
  violate = "RFC7301-3.1-9=speak",
  each = VERSIONS,
  run = function(conn, version)
    local session = session_with("h2", version)
    if speaks_http2_anyway(version) then skip "after http/1.1 HTTP/2 is spoken without resumption, too" end
    local tls = conn:start_tls { session = session, alpn = { "http/1.1" }, max_version = version }
    if not tls then return conn:expect(tls_alert()) end
    conn:send_octets(PREFACE)
    conn:send_settings()
    conn:expect(no_http2())
  end,
}

case {
  id = "early-data",
  title = "the preface and a request as early data",
  req = "RFC9113-9.2.3-4",
  run = function(conn)
    local session = session_with("h2", "1.3")
    local stream
    local tls = conn:start_alpn { session = session, early_data = true, first = function()
      conn:send_preface()
      stream = conn:request { path = target.path }
    end }
    if not tls.early_data then skip "the server does not allow early data" end
    if tls.early_data == "rejected" then note "the early data was rejected, and sent again after the handshake" end
    conn:expect(response(stream, { "2xx", "3xx", "4xx" })) -- 425 (Too Early) too
  end,
}
