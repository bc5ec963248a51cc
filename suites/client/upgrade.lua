-- The Upgrade to h2c as a client has to ask for it and take it (RFC 7540 section 3.2, RFC 9110 section 7.8).
suite { "upgrade", title = "Clients: Upgrade to h2c", rfc = 7540, section = "3.2",
  role = "server", modes = { "upgrade" }, start = "tcp" }

local MAX_FRAME_SIZE <const> = 5

local function values(head, name)
  local list = {}
  for _, pair in ipairs(head.fields) do
    if pair[1]:lower() == name then list[#list + 1] = pair[2] end
  end
  return list
end

-- The request that asks for the Upgrade.
local function request_of(conn)
  local head, _, message = conn:recv_head()
  return check(head, "an HTTP/1.1 request", "no request: " .. tostring(message))
end

local function connection_options(head)
  local options = {}
  for _, value in ipairs(values(head, "connection")) do
    for option in value:gmatch "[^,%s]+" do options[option:lower()] = true end
  end
  return options
end

-- The value of HTTP2-Settings.
local function settings_of(conn)
  local found = values(request_of(conn), "http2-settings")
  return check(found[1], "an HTTP2-Settings field", "none")
end

local function decoded(value)
  local bits, count, octets = 0, 0, {}
  for c in value:gmatch "[%w_-]" do
    local digit = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"):find(c, 1, true) - 1
    bits, count = (bits << 6 | digit) & 0xffffff, count + 6
    if count >= 8 then
      count = count - 8
      octets[#octets + 1] = string.char(bits >> count & 0xff)
    end
  end
  return table.concat(octets)
end

case {
  id = "one-settings-field",
  title = "the request has exactly one HTTP2-Settings field",
  req = "RFC7540-3.2-1",
  violate = { "RFC7540-3.2-1", "RFC7540-3.2-1=two" },
  run = function(conn)
    local found = values(request_of(conn), "http2-settings")
    check(#found == 1, "one HTTP2-Settings field", #found .. " of them")
  end,
}

case {
  id = "settings-listed",
  title = "HTTP2-Settings is listed in Connection",
  req = "RFC7540-3.2.1-8",
  run = function(conn)
    local head = request_of(conn)
    check(connection_options(head)["http2-settings"], "the connection option HTTP2-Settings",
      "Connection: " .. table.concat(values(head, "connection"), ", "))
  end,
}

case {
  id = "upgrade-listed",
  title = "Upgrade is listed in Connection",
  req = "RFC9110-7.8-11",
  run = function(conn)
    local head = request_of(conn)
    check(connection_options(head).upgrade, "the connection option Upgrade",
      "Connection: " .. table.concat(values(head, "connection"), ", "))
  end,
}

case {
  id = "token",
  title = "the request asks for h2c, the name for cleartext TCP, and not for h2",
  req = "RFC7540-3.2-17",
  violate = { "RFC7540-3.2-17", "RFC7540-3.2-17=both" },
  run = function(conn)
    local found = table.concat(values(request_of(conn), "upgrade"), ", ")
    local set = {}
    for token in found:gmatch "[^,%s]+" do set[token:lower()] = true end
    check(set.h2c and not set.h2, "Upgrade: h2c", "Upgrade: " .. found)
  end,
}

case {
  id = "settings-alphabet",
  title = "HTTP2-Settings is in the base64url alphabet",
  req = "RFC7540-3.2.1-4",
  violate = "RFC7540-3.2.1-4=alphabet",
  run = function(conn)
    local value = settings_of(conn)
    check(not value:find "[^%w_=-]", "letters, digits, - and _", "HTTP2-Settings: " .. value)
  end,
}

case {
  id = "settings-unpadded",
  title = "HTTP2-Settings has no padding",
  req = "RFC7540-3.2.1-4",
  run = function(conn)
    local value = settings_of(conn)
    check(not value:find "=", "no = at the end", "HTTP2-Settings: " .. value)
  end,
}

case {
  id = "settings-whole",
  title = "HTTP2-Settings decodes to whole settings of 6 octets",
  req = "RFC7540-3.2.1-4",
  violate = "RFC7540-3.2.1-4=length",
  run = function(conn)
    local value = settings_of(conn)
    check(#value:gsub("=", "") % 4 ~= 1, "whole octets", #value .. " characters")
    local payload = decoded(value)
    check(#payload % 6 == 0, "a multiple of 6 octets", #payload .. " octets")
  end,
}

case {
  id = "settings-in-range",
  title = "MAX_FRAME_SIZE in HTTP2-Settings is in its range",
  req = "RFC9113-6.5.2-11",
  run = function(conn)
    local payload = decoded(settings_of(conn))
    for at = 1, #payload - 5, 6 do
      local id, value = string.unpack(">I2I4", payload, at)
      check(id ~= MAX_FRAME_SIZE or value >= 16384 and value <= 16777215, "MAX_FRAME_SIZE from 16384 to 16777215",
        tostring(value))
    end
  end,
}

case {
  id = "preface-after-101",
  title = "the 24 octets follow the 101",
  req = { "RFC7540-3.2-9", "RFC7540-3.5-1" },
  violate = { "RFC7540-3.2-9", "RFC9113-3.4-3" },
  run = function(conn)
    conn:accept_upgrade()
    conn:send_preface()
    local ok, _, message = conn:expect_preface()
    check(ok, "the client preface after the 101", message)
  end,
}

case {
  id = "settings-after-preface",
  title = "SETTINGS follow the 24 octets",
  req = "RFC7540-3.5-4",
  run = function(conn)
    conn:accept_upgrade()
    conn:send_preface()
    local first = conn:recv()
    check(first, "SETTINGS", "no frame")
    check(first.name == "SETTINGS" and not first.ack, "SETTINGS", first.name)
  end,
}

case {
  id = "settings-acknowledged",
  title = "the server's SETTINGS are acknowledged after a 101 too",
  req = "RFC9113-3.4-5",
  run = function(conn)
    conn:accept_upgrade()
    conn:send_preface { MAX_CONCURRENT_STREAMS = 100 }
    check(conn:recv { name = "SETTINGS", ack = true }, "a SETTINGS ACK", "none")
  end,
}

case {
  id = "stream-1-not-reused",
  title = "no request is sent on stream 1, which the upgraded request has",
  req = { "RFC7540-5.1.1-1", "RFC7540-3.2-16" },
  run = function(conn)
    conn:accept_upgrade()
    conn:send_preface()
    conn:barrier()
    check(conn:count { name = "HEADERS", stream = 1 } == 0, "no HEADERS on stream 1", "HEADERS on stream 1")
  end,
}

case {
  id = "response-on-stream-1",
  title = "the response to the upgraded request is taken from stream 1",
  req = "RFC7540-3.2-16",
  violate = "RFC7540-3.2-16=other",
  run = function(conn)
    conn:accept_upgrade()
    conn:send_preface()
    conn:expect_success(function(_, stream)
      if stream == 1 then conn:respond { stream = 1, body = "h2probe\n" } end
    end)
  end,
}

case {
  id = "response-with-101",
  title = "101, SETTINGS and the response in one segment",
  req = "RFC7540-3.2-16",
  violate = "RFC7540-3.2-16=other",
  run = function(conn)
    conn:accept_upgrade()
    conn:send_preface()
    conn:respond { stream = 1, body = "h2probe\n" }
    conn:expect_success(function() end)
  end,
}

case {
  id = "other-upgrade",
  title = "a 101 whose Upgrade names something else",
  req = "RFC9110-7.8-16",
  run = function(conn)
    conn:accept_upgrade { fields = { { "Connection", "Upgrade" }, { "Upgrade", "websocket" } } }
    check(not conn:expect_preface(), "the end of the connection", "the HTTP/2 preface")
  end,
}

case {
  id = "no-upgrade-field",
  title = "a 101 without an Upgrade field",
  req = "RFC9110-7.8-16",
  run = function(conn)
    conn:accept_upgrade { fields = {} }
    check(not conn:expect_preface(), "the end of the connection", "the HTTP/2 preface")
  end,
}

case {
  id = "interim-responses",
  title = "interim responses before the 101",
  req = "RFC9110-15.2-1",
  each = {
    { label = "100", "HTTP/1.1 100 Continue\r\n\r\n" },
    { label = "103", "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" },
    { label = "100, 103, 103", "HTTP/1.1 100 Continue\r\n\r\n" .. ("HTTP/1.1 103 Early Hints\r\n\r\n"):rep(2) },
  },
  run = function(conn, row)
    conn:accept_upgrade { before = row[1] }
    conn:send_preface()
    conn:expect_success()
  end,
}

case {
  id = "declined",
  title = "a 200 instead of the 101: no HTTP/2 follows",
  req = "RFC7540-3.5-1",
  run = function(conn)
    conn:accept_upgrade { status = 200, fields = { { "Content-Length", "3" } } }
    conn:send_octets "ok\n"
    local octets = conn:recv_octets(3)
    check(octets ~= "PRI", "the end of the connection, or another request in HTTP/1.1", "the HTTP/2 preface")
  end,
}

case {
  id = "no-server-preface",
  title = "an HTTP/1.1 response behind the 101 instead of SETTINGS",
  req = { "RFC7540-3.5-6", "RFC9113-3.4-13" },
  violate = "RFC7540-3.5-6=text",
  caught = "warn",
  run = function(conn)
    conn:accept_upgrade()
    conn:send_octets "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
    conn:give_time(function() return conn:last "GOAWAY" end)
    conn:half_close() -- some wait for a frame of four million octets
    conn:expect_refusal { "PROTOCOL_ERROR", also = { "FRAME_SIZE_ERROR" }, goaway = "optional", unframed = true }
  end,
}

case {
  id = "response-before-settings",
  title = "the response on stream 1 comes before SETTINGS",
  req = { "RFC7540-3.5-6", "RFC9113-3.4-13" },
  run = function(conn)
    conn:accept_upgrade()
    conn:respond { stream = 1, body = "h2probe\n" }
    conn:send_preface()
    conn:expect_refusal { "PROTOCOL_ERROR", goaway = "optional" }
  end,
}
