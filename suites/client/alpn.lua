-- TLS and ALPN as a client has to do them (RFC 9113 sections 3.2, 3.3 and 9.2, RFC 7301 section 3).
suite { "alpn", title = "Clients: TLS and ALPN", rfc = 9113, section = "3.2",
  role = "server", modes = { "alpn" }, start = "tcp" }

local ALPN <const>, CLIENT_HELLO <const> = 16, 1
local HTTP1 <const> = "http/1.1"
local NAMES <const> = { "h2", "h2c", "h3", "http/1.0", "http/1.1", "http/0.9", "spdy/1", "spdy/2", "spdy/3" }

local function shown(octets)
  return (octets:gsub("[^ -~]", "."))
end

-- The ClientHello (RFC 8446 section 4.1.2) as { compression = octets, extensions = { [number] = content } }.
local function parsed(octets)
  local kind, body = string.unpack(">Bs3", octets)
  check(kind == CLIENT_HELLO, "a ClientHello", "a handshake message of type " .. kind)
  local _, _, compression, at = string.unpack(">s1s2s1", body, 35)
  local hello = { compression = compression, extensions = {}, counts = {} }
  local list = at <= #body and string.unpack(">s2", body, at) or ""
  at = 1
  while at <= #list do
    local number, content, after = string.unpack(">I2s2", list, at)
    hello.extensions[number], at = content, after
    hello.counts[number] = (hello.counts[number] or 0) + 1
  end
  return hello
end

-- The client's ClientHello, whatever comes of the handshake.
local function client_hello(conn)
  conn:accept_tls { alpn = { "h2" } }
  local hello = conn.tls.client_hello
  return check(hello, "a ClientHello", "no TLS handshake: " .. tostring(conn:end_text()))
end

local function has(list, wanted)
  for _, name in ipairs(list) do
    if name == wanted then return true end
  end
  return false
end

-- A handshake that has to work: that of a server as there are many.
local function negotiated(conn, options)
  options = options or {}
  options.alpn = options.alpn or { "h2" }
  local tls, why = conn:accept_tls(options)
  if not tls then skip("the handshake failed: " .. why) end
  check(tls.alpn == "h2", "h2 among the offered names", "h2 is not offered")
  return tls
end

case {
  id = "extension",
  title = "the ClientHello carries the ALPN extension",
  req = "RFC9113-3.2-1",
  run = function(conn)
    check(parsed(client_hello(conn).raw).extensions[ALPN], "the ALPN extension", "a ClientHello without it")
  end,
}

case {
  id = "h2",
  title = "the ClientHello offers h2, in exactly these two octets",
  req = "RFC9113-3.1-1",
  run = function(conn)
    local offered = client_hello(conn).alpn or {}
    check(has(offered, "h2"), "h2 among the offered names", "offered: " .. shown(table.concat(offered, ", ")))
  end,
}

case {
  id = "no-h2c",
  title = "the ClientHello does not offer h2c",
  req = "RFC9113-3.2-2",
  run = function(conn)
    check(not has(client_hello(conn).alpn or {}, "h2c"), "no h2c among the offered names", "h2c is offered")
  end,
}

-- The ProtocolNameList without its own length, which has to be right.
local function name_list(conn)
  local content = parsed(client_hello(conn).raw).extensions[ALPN]
  if not content then skip "the ClientHello has no ALPN extension" end
  check(#content >= 2 and string.unpack(">I2", content) == #content - 2, "a ProtocolNameList as long as it says",
    ("%d octets, of which it says %d"):format(#content - 2, #content >= 2 and string.unpack(">I2", content) or 0))
  return content:sub(3)
end

case {
  id = "list-lengths",
  title = "the lengths in the ProtocolNameList are right",
  req = "RFC7301-3.1-1",
  run = function(conn)
    local list, at = name_list(conn), 1
    check(#list >= 2, "at least one name", "an empty list")
    while at <= #list do
      local length = list:byte(at)
      check(at + length <= #list, "names that fit into the list", "a name that reaches past its end")
      at = at + 1 + length
    end
  end,
}

case {
  id = "no-empty-name",
  title = "the ProtocolNameList holds no empty name",
  req = "RFC7301-3.1-2",
  run = function(conn)
    local list, at = name_list(conn), 1
    while at <= #list do
      check(list:byte(at) > 0, "names of 1 to 255 octets", "an empty name")
      at = at + 1 + list:byte(at)
    end
  end,
}

case {
  id = "whole-names",
  title = "no offered name is a registered one cut short",
  req = "RFC7301-3.1-3",
  run = function(conn)
    for _, offered in ipairs(client_hello(conn).alpn or {}) do
      local known, cut = false, nil
      for _, name in ipairs(NAMES) do
        known = known or name == offered
        cut = #offered < #name and name:sub(1, #offered) == offered and name or cut
      end
      check(known or not cut, "whole names", ("'%s', which is '%s' cut short"):format(shown(offered), tostring(cut)))
    end
  end,
}

case {
  id = "server-name",
  title = "the ClientHello names the server (SNI)",
  req = { "RFC9113-9.2-5", "RFC7540-9.2-1" },
  run = function(conn)
    local host = target.host
    if host:find ":" or not host:find "%a" then skip "the server is named by an address" end
    local name = client_hello(conn).sni
    check(name, "server_name " .. host, "no server_name extension")
    check(name:lower() == host:lower(), "server_name " .. host, "server_name " .. shown(name))
  end,
}

case {
  id = "no-compression",
  title = "the ClientHello offers no TLS compression",
  req = "RFC9113-9.2.1-1",
  run = function(conn)
    local methods = parsed(client_hello(conn).raw).compression
    check(methods == "\0", "the null compression method alone", ("%d methods: %s"):format(#methods,
      methods:gsub(".", function(c) return (" %d"):format(c:byte()) end)))
  end,
}

case {
  id = "extensions-once",
  title = "the ClientHello has no extension twice",
  req = "RFC8446-4.2-2",
  run = function(conn)
    for number, count in pairs(parsed(client_hello(conn).raw).counts) do
      check(count == 1, "each extension once", ("extension %d %d times"):format(number, count))
    end
  end,
}

case {
  id = "preface-after-handshake",
  title = "once h2 is selected the client sends its preface",
  req = { "RFC9113-3.2-5", "RFC7540-3.5-1" },
  violate = { "RFC9113-3.2-5", "RFC9113-3.4-3" },
  run = function(conn)
    negotiated(conn)
    conn:start_h2()
    conn:send_preface()
    local ok, _, message = conn:expect_preface()
    check(ok, "the 24 octets of the client preface", message)
  end,
}

-- Selects this name if it is offered (nil: none); the info table, or nil when the client gave up.
local function select_offered(conn, wanted)
  local offered
  local tls = conn:accept_tls { select = function(names)
    offered = has(names, wanted)
    if wanted and not offered then return "h2" end
    return wanted
  end }
  if wanted and not offered then skip(wanted .. " is not offered") end
  return tls
end

case {
  id = "only-when-selected",
  title = "no HTTP/2 when another name or none was selected",
  req = { "RFC9113-3.3-3", "RFC7540-3.4-3" },
  each = { { label = "http/1.1 selected", name = HTTP1 }, { label = "nothing selected" } },
  run = function(conn, row)
    if not select_offered(conn, row.name) then return note "the client gave the handshake up" end
    local octets = conn:recv_octets(3)
    check(octets ~= "PRI", "an HTTP/1.1 request, or the end of the connection", "the HTTP/2 preface")
  end,
}

case {
  id = "selected-is-used",
  title = "the protocol that was selected is the one that is spoken",
  req = "RFC7301-3.2-6",
  each = { { label = "h2", name = "h2", wanted = true }, { label = HTTP1, name = HTTP1, wanted = false } },
  run = function(conn, row)
    if not select_offered(conn, row.name) then return note "the client gave the handshake up" end
    local octets = conn:recv_octets(5)
    check(not octets or octets:find "^%u%u%u" and (octets:sub(1, 3) == "PRI") == row.wanted, row.name .. ", or the end of the connection",
      octets and ("'%s' as the first octets"):format(shown(octets)))
  end,
}

case {
  id = "unasked-101",
  title = "101 (Switching Protocols) to h2c over TLS with http/1.1, which nobody asked for, and a 200",
  req = "RFC9113-3.3-3",
  violate = "RFC9113-3.3-3=101",
  run = function(conn)
    if not select_offered(conn, HTTP1) then return note "the client gave the handshake up" end
    local head = conn:recv_head()
    if not head then return note "no HTTP/1.1 request" end
    conn:send_octets("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
      .. "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
    conn:half_close() -- some wait for more after a 101 that they do not know
    local octets = conn:recv_octets(3)
    check(octets ~= "PRI", "the end of the connection, or HTTP/1.1", "the HTTP/2 preface")
  end,
}

case {
  id = "interim-responses",
  title = "with http/1.1 selected, interim responses before the 200",
  req = "RFC9110-15.2-1",
  each = {
    { label = "100", "HTTP/1.1 100 Continue\r\n\r\n" },
    { label = "103", "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" },
    { label = "103, 100, 103", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" },
  },
  run = function(conn, row)
    if not select_offered(conn, HTTP1) or not conn:recv_head() then skip "the client sends no HTTP/1.1 request" end
    conn:send_octets(row[1] .. "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")
    conn:half_close()
    local exit = check(conn:client_exit(), "the client's end after its response", nil)
    check(exit.success, "the client's success", "its request was answered, but the client failed: " .. exit.text)
  end,
}

-- A name that is not in the list.
local function other_name(offered)
  local set = {}
  for _, name in ipairs(offered) do set[name] = true end
  return not set["spdy/3.1"] and "spdy/3.1" or "h2-14"
end

case {
  id = "not-offered",
  title = "a name is selected that the client did not offer",
  req = "RFC7301-3.2-7",
  run = function(conn)
    local name
    local tls = conn:accept_tls { select = function(offered)
      name = other_name(offered)
      return name
    end }
    if not tls then return note("the client gave the handshake up: " .. tostring(conn.tls.alert or conn:end_text())) end
    local octets = conn:recv_octets()
    check(not octets, "a TLS alert, or the end of the connection",
      octets and ("'%s' after %s was selected"):format(shown(octets:sub(1, 24)), name))
    if not conn:ended() then warn "the client took the selection, but sent nothing" end
  end,
}

case {
  id = "alert-120",
  title = "the alert no_application_protocol",
  req = "RFC7301-3.2-8",
  caught = "warn",
  run = function(conn)
    local tls = conn:accept_tls { select = function() return false end }
    check(not tls, "the end of the handshake", "a handshake that was completed")
    local exit = conn:client_exit()
    if not exit then return note "the client goes on running" end
    if exit.success then warn("the client reports success without a connection: " .. exit.text) end
  end,
}

-- After a handshake that HTTP/2 must not follow: no preface, or INADEQUATE_SECURITY.
local function no_good_http2(conn, what)
  local octets = conn:recv_octets(3)
  if octets ~= "PRI" then return note "the client sent no HTTP/2" end
  fail("the HTTP/2 preface over " .. what)
end

case {
  id = "tls-versions",
  title = "TLS 1.1 and 1.0 carry no HTTP/2",
  req = "RFC9113-9.2-2",
  each = { { label = "TLS 1.1", "1.1" }, { label = "TLS 1.0", "1.0" } },
  run = function(conn, row)
    local tls = conn:accept_tls { alpn = { "h2" }, min_version = "1.0", max_version = row[1] }
    if not tls then return note "the handshake failed" end
    no_good_http2(conn, row.label)
  end,
}

case {
  id = "prohibited-suites",
  title = "TLS 1.2 with cipher suites of appendix A alone",
  req = "RFC9113-9.2.2-1",
  run = function(conn)
    local tls = conn:accept_tls { alpn = { "h2" }, max_version = "1.2",
      ciphers = "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:AES128-SHA" }
    if not tls then return note "the handshake failed" end
    conn:start_h2()
    conn:send_preface()
    conn:expect_refusal { "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED" }
  end,
}

case {
  id = "permitted-suite",
  title = "TLS 1.2 with ECDHE and AES-GCM on P-256 is secure enough",
  req = "RFC9113-9.2.2-3",
  run = function(conn)
    negotiated(conn, { max_version = "1.2", groups = "P-256",
      ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256" })
    conn:start_h2()
    conn:send_preface()
    conn:expect_success()
  end,
}

case {
  id = "renegotiation",
  title = "TLS 1.2: the server asks for a renegotiation",
  req = "RFC9113-9.2.1-2",
  run = function(conn)
    negotiated(conn, { max_version = "1.2" })
    check(conn:handshake(), "SETTINGS and its acknowledgement", "HTTP/2 did not start")
    conn:barrier() -- idle: some notice a renegotiation only when they write
    conn:renegotiate()
    conn:give_time(function() return conn.tls.renegotiated > 0 or conn.tls.warning end)
    local went_on = conn:barrier()
    check(not (went_on and conn.tls.renegotiated > 0), "the alert no_renegotiation, or the end of the connection",
      "the renegotiation was completed, and HTTP/2 goes on: PING acknowledged twice")
  end,
}

case {
  id = "key-update",
  title = "TLS 1.3: KeyUpdate between frames",
  req = { "RFC8740-4-1", "RFC9113-9.2.3-3" },
  each = { { label = "one way", false }, { label = "both ways", true } },
  run = function(conn, row)
    local tls = negotiated(conn)
    if tls.version ~= "TLSv1.3" then skip "the client does not speak TLS 1.3" end
    conn:start_h2()
    conn:send_preface()
    conn:flush()
    conn:key_update(row[1])
    conn:expect_success()
  end,
}

case {
  id = "certificate-request",
  title = "TLS 1.3: a CertificateRequest after the handshake",
  req = { "RFC9113-9.2.3-2", "RFC8740-3-2" },
  run = function(conn)
    local tls = negotiated(conn)
    if tls.version ~= "TLSv1.3" then skip "the client does not speak TLS 1.3" end
    conn:start_h2()
    conn:send_preface()
    conn:flush()
    if not conn:request_certificate() then skip "the client does not offer post_handshake_auth" end
    conn:expect_refusal "PROTOCOL_ERROR"
  end,
}

case {
  id = "close-notify",
  title = "the client sends close_notify before it ends the connection",
  req = "RFC8446-6.1-1",
  run = function(conn)
    negotiated(conn)
    conn:start_h2()
    conn:send_preface()
    conn:expect_success()
    local ended = conn:ended()
    check(not ended or ended.how ~= "fin", "close_notify", "the end of TCP without it")
  end,
}
