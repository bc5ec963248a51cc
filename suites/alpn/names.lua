-- Server Name Indication, and authorities (RFC 9113 sections 9.2 and 9.1.1, RFC 9110 section 7.4).
suite { "names", title = "ALPN: names of servers", rfc = 9113, section = "9.2", modes = { "alpn" }, start = "tcp" }

local UNKNOWN = "h2probe.invalid"

-- The certificate is no matter here: the names are wrong on purpose.
local function start(conn, name, verify_name)
  return conn:start_tls { alpn = { "h2" }, sni = name, verify = false, verify_name = verify_name }
end

case {
  id = "known",
  title = "a handshake with the server's name",
  req = "RFC9113-9.2-4",
  run = function(conn)
    local name = target.sni or target.host:find "%a" and not target.host:find ":" and target.host
    start(conn, name or "localhost")
    if not name and conn.tls.alert == "unrecognized_name" then skip "the target is an address, and not called localhost" end
    conn:expect(selects "h2")
  end,
}

-- The server refuses the handshake, or takes itself for meant; then requests are answered (421 too) or the connection ends.
local function taken_or_refused(conn, name)
  local tls = start(conn, name)
  if not tls then return conn:expect(tls_alert("unrecognized_name", "missing_extension", "handshake_failure")) end
  if tls.alpn ~= "h2" then return end
  conn:send_preface()
  local stream = conn:request { path = target.path }
  conn:expect(any_of { response(stream, { "2xx", "3xx", "4xx", "5xx" }), stream_error(stream, "REFUSED_STREAM"), closed() })
end

case {
  id = "none",
  title = "a handshake without a name",
  req = "RFC9113-9.2-4",
  violate = "RFC9113-9.2-4=none",
  run = function(conn) taken_or_refused(conn, false) end,
}

case {
  id = "unknown",
  title = "a handshake with a name that is not the server's",
  req = "RFC9113-9.2-4",
  violate = "RFC9113-9.2-4=unknown",
  each = { UNKNOWN, octets(60, "h2probe") .. "." .. UNKNOWN, "xn--h2probe-n2a.invalid" },
  run = taken_or_refused,
}

case {
  id = "unknown-authority",
  title = "a request for an authority that the certificate does not cover",
  req = "RFC9113-9.1.1-2",
  run = function(conn)
    conn:start_alpn()
    conn:send_preface()
    local stream = conn:request { path = target.path, authority = UNKNOWN }
    conn:expect(any_of { response(stream, { "2xx", "3xx", "4xx", "5xx" }), stream_error(stream, "REFUSED_STREAM") })
  end,
}

case {
  id = "other-sites-certificate",
  title = "a request for the server, after a handshake in which another site's certificate came",
  req = "RFC9110-7.4-1",
  run = function(conn)
    local host = target.authority:gsub(":%d+$", ""):gsub("[%[%]]", "")
    local usual, tls = connect {}:start_alpn { verify = false, verify_name = host }, start(conn, UNKNOWN, host)
    if not usual.covers then skip("the server's usual certificate is not for " .. host .. " either") end
    if not tls or tls.alpn ~= "h2" or tls.covers then return end
    conn:send_preface()
    local answer = conn:get(target.path)
    local status = answer and answer.status
    check(not status or status >= 300, "421 (Misdirected Request), or another refusal",
      ("another site's certificate (%s), and %d for our authority"):format(tls.subject or "none", status or 0))
  end,
}

case {
  id = "other-name-than-authority",
  title = "a request for the server, after a handshake with a name that is not the server's",
  req = "RFC9113-9.1.1-2",
  violate = "RFC9113-9.1.1-2=sni",
  run = function(conn)
    local tls = start(conn, UNKNOWN)
    if not tls or tls.alpn ~= "h2" then return note "the handshake is refused, or h2 not selected" end
    conn:send_preface()
    local answer = conn:get(target.path)
    check(answer and (answer.status or answer.reset), "an answer: 421 (Misdirected Request), or the usual one", "no answer")
  end,
}
