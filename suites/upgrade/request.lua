-- The ways to ask for the Upgrade, and what becomes of the request (RFC 7540 section 3.2, RFC 9110 section 7.8). A server may
-- stay on HTTP/1.1 (RFC 9113 section 3.1): then it has to answer there.
suite { "request", title = "Upgrade: the request", rfc = 7540, section = "3.2",
  modes = { "upgrade" }, start = "tcp", needs = { "h1" } }

-- The answer to the request, in the protocol in which it comes.
local function answer(conn)
  if conn:ended_by_reset() then inconclusive "a TCP reset, which may have destroyed the answer" end
  local status = check(conn.response.status, "an answer to the request", "none")
  if status == 101 then
    conn:send_preface()
    conn:expect(response(1))
    return conn:response(1)
  end
  note(("not upgraded: HTTP/1.1 response %d"):format(status))
  check(conn:recv_body(), "the HTTP/1.1 response to its end", ("no end of the content of response %d"):format(status))
  return conn.response
end

-- Cases -----------------------------------------------------------------------------------------------------------
-- request: what is asked (as for conn:upgrade), or a function that returns it, as for each of the rows.
-- echo: what comes back from the target's /echo, if it has one.

local function good(given)
  case {
    id = given.id, title = given.title, req = given.req, violate = given.violate, caught = given.caught,
    each = given.rows,
    run = function(conn, row)
      local asked = row or given.request
      if type(asked) == "function" then asked = asked() end
      conn:upgrade(asked)
      local got = answer(conn)
      if given.echo and target.paths.echo then
        check(got.body == given.echo, "the content that was sent comes back", ("%d other octets"):format(#(got.body or "")))
      end
    end,
  }
end

local function post(more)
  return function()
    local asked = { method = "POST", path = target.paths.echo or target.path }
    for key, value in pairs(more) do asked[key] = value end
    return asked
  end
end

good { id = "get", title = "GET", req = "RFC7540-3.2-7", request = {} }

good { id = "options", title = "OPTIONS *", req = "RFC7540-3.2-13", request = { method = "OPTIONS", path = "*" } }

good { id = "options-path", title = "OPTIONS of a path", req = "RFC7540-3.2-13",
  request = function() return { method = "OPTIONS", path = target.path } end }

good { id = "unknown-method", title = "a method that nobody knows", req = "RFC7540-3.2-7",
  request = { method = "H2PROBE" } }

good { id = "post", title = "POST with Content-Length: the content comes before HTTP/2", req = "RFC7540-3.2-3",
  request = post { body = "12345678" }, echo = "12345678" }

good { id = "post-empty", title = "POST with Content-Length 0", req = "RFC7540-3.2-7",
  request = post { body = "" } }

good { id = "post-chunked", title = "POST in chunks: the last chunk comes before HTTP/2", req = "RFC7540-3.2-3",
  request = post { body = octets(2500, "chunked "), chunked = true }, echo = octets(2500, "chunked ") }

good { id = "post-large", title = "POST of 100,000 octets, more than a window of HTTP/2", req = "RFC7540-3.2-3",
  request = post { body = octets(100000, "0123456789abcdef") }, echo = octets(100000, "0123456789abcdef") }

good { id = "content-like-frames", title = "content that looks like the preface and SETTINGS is content all the same",
  req = "RFC7540-3.2-3", request = post { body = PREFACE .. octets(3) .. "\4" .. octets(5) },
  echo = PREFACE .. octets(3) .. "\4" .. octets(5) }

-- Header fields ---------------------------------------------------------------------------------------------------

local function names_h2c(conn)
  local named = {}
  for _, pair in ipairs(conn.response.fields) do
    if pair[1]:lower() == "upgrade" then named[#named + 1] = pair[2] end
  end
  local value = table.concat(named, ", ")
  check(value:lower() == "h2c", "Upgrade: h2c in the 101", "Upgrade: " .. value)
end

-- A list of protocols: what the 101 names is h2c, and only that.
local function list(id, title, violate, rows)
  case {
    id = id, title = title, req = { "RFC9110-7.8-3", "RFC9110-7.8-6" }, violate = violate, each = rows,
    run = function(conn, row)
      conn:upgrade(row)
      if conn.response.status == 101 then names_h2c(conn) end
      answer(conn)
    end,
  }
end

list("token-list-last", "h2c is the last of several protocols in Upgrade", "RFC9110-7.8-3=first", {
  { label = "websocket, h2c", upgrade = "websocket, h2c" }, { label = "h2, h2c", upgrade = "h2, h2c" },
  { label = "empty elements", upgrade = "websocket, , h2c" },
})
list("token-list-first", "h2c is the first of several protocols in Upgrade", "RFC9110-7.8-3=all", {
  { label = "h2c, websocket", upgrade = "h2c, websocket" }, { label = "no space", upgrade = "h2c,websocket" },
})
list("token-lines", "several Upgrade fields", "RFC9110-7.8-3=first", {
  { label = "websocket, h2c", upgrade = { "websocket", "h2c" } },
  { label = "TLS/1.0, h2c", upgrade = { "TLS/1.0", "h2c" } },
})

case {
  id = "token-case",
  title = "protocol names are compared without regard to case",
  req = "RFC9110-7.8-2",
  needs = { "upgrade" },
  each = { { upgrade = "H2C", label = "H2C" }, { upgrade = "h2C", label = "h2C" } },
  run = function(conn, row)
    conn:upgrade(row)
    if conn.response.status ~= 101 then warn(("Upgrade: %s is not taken for h2c"):format(row.upgrade)) end
  end,
}

good { id = "connection-options", title = "connection options in other order, case and number of fields",
  req = "RFC7540-3.2-7", rows = {
    { label = "other order", connection = "HTTP2-Settings, Upgrade" },
    { label = "lower case", connection = "upgrade, http2-settings" },
    { label = "two fields", connection = { "Upgrade", "HTTP2-Settings" } },
    { label = "keep-alive", connection = "keep-alive, Upgrade, HTTP2-Settings" },
  } }

good { id = "settings-not-listed", title = "Connection does not list HTTP2-Settings", req = "RFC7540-3.2.1-9",
  request = { connection = "Upgrade" } }

good { id = "settings-empty", title = "an empty HTTP2-Settings", req = "RFC7540-3.2.1-7",
  request = { http2_settings = "" } }

good { id = "settings-known", title = "HTTP2-Settings with every setting of RFC 9113", req = "RFC9113-6.5-3",
  request = { settings = { HEADER_TABLE_SIZE = 4096, ENABLE_PUSH = 0, MAX_CONCURRENT_STREAMS = 100,
    INITIAL_WINDOW_SIZE = 65535, MAX_FRAME_SIZE = 16384, MAX_HEADER_LIST_SIZE = 65536 } } }

good { id = "settings-unknown", title = "HTTP2-Settings with settings that nobody knows", req = "RFC9113-6.5.2-17",
  request = { settings = { { 0x0a0a, 1 }, { 0xffff, 0xffffffff }, { 0, 0 } } } }

-- Expect ------------------------------------------------------------------------------------------------------------

case {
  id = "continue-first",
  title = "with Expect: 100-continue the 100 comes before the 101",
  req = "RFC9110-7.8-14",
  run = function(conn)
    conn:upgrade { method = "POST", path = target.path, fields = { { "Expect", "100-continue" } }, body = "12345678",
      withhold_body = true }
    if conn.response.status == 101 then
      check(conn.response.interim[1] == 100, "100 (Continue), or an answer without an upgrade",
        "101 without 100 (Continue) before it")
      answer(conn)
    else
      check(conn.response.status, "100 (Continue), or an answer", "neither")
      note(("not upgraded: HTTP/1.1 response %d"):format(conn.response.status))
    end
  end,
}

good { id = "continue-not-waited-for", title = "Expect: 100-continue, and the content comes without waiting",
  req = "RFC7540-3.2-3", request = post { body = "12345678", fields = { { "Expect", "100-continue" } } } }

-- When the preface comes -------------------------------------------------------------------------------------------

case {
  id = "preface-at-once",
  title = "the preface in one write with the request, before the 101",
  req = "RFC7540-3.2-7",
  caught = "warn",
  needs = { "upgrade" },
  run = function(conn)
    conn:upgrade { followed_by = PREFACE }
    if conn.response.status ~= 101 then return note "not upgraded when the preface comes at once" end
    conn:send_settings()
    if not conn:recv { name = "HEADERS", stream = 1 } then
      warn "no response on stream 1: the preface belongs after the 101 (RFC 7540 section 3.5)"
    end
    conn:expect(response(1))
  end,
}

-- Lets the server read what was sent before: what a connection that it accepted later is answered comes after that.
local function let_it_read()
  local other = connect { mode = "prior", start = "open", may_fail = true } or connect { mode = "upgrade", start = "open" }
  for _ = 1, 6 do other:ping() end
end

case {
  id = "preface-in-pieces",
  title = "the preface in pieces after the 101",
  req = "RFC7540-3.2-7",
  needs = { "upgrade" },
  each = { 1, 14, 18, 23, 24 },
  run = function(conn, offset)
    conn:upgrade {}
    conn:start_h2()
    conn:send_octets(PREFACE:sub(1, offset))
    conn:flush()
    let_it_read()
    conn:send_octets(PREFACE:sub(offset + 1))
    conn:send_settings()
    conn:expect(response(1))
  end,
}

case {
  id = "preface-after-response",
  title = "the preface only when the server had the time to begin its response",
  req = "RFC7540-3.2-7",
  violate = "RFC9113-3.4-4=impatient",
  alone = true,
  needs = { "upgrade" },
  run = function(conn)
    conn:upgrade {}
    let_it_read()
    conn:send_preface()
    conn:expect(response(1))
  end,
}

-- HTTP/1.1 beside it --------------------------------------------------------------------------------------------------

case {
  id = "second-request",
  title = "Upgrade in the second request of a connection",
  req = "RFC7540-3.2-7",
  run = function(conn)
    local first = check(conn:h1_request {}, "an HTTP/1.1 response", "no response")
    if (field(first.fields, "connection") or ""):lower() == "close" then skip "the server keeps no connection open" end
    conn:upgrade {}
    answer(conn)
  end,
}

case {
  id = "usable-afterwards",
  title = "a connection that was not upgraded serves the next request, which may upgrade it",
  req = "RFC7540-3.2-4",
  each = {
    { label = "no HTTP2-Settings", http2_settings = false }, { label = "websocket", upgrade = "websocket" },
    { label = "h2", upgrade = "h2" },
  },
  run = function(conn, row)
    conn:upgrade(row)
    local status = check(conn.response.status, "an HTTP/1.1 response", "none")
    if status == 101 then return note "upgraded" end
    check(status ~= 400, "an answer as if Upgrade were absent", "HTTP/1.1 response 400")
    conn:recv_body()
    if (field(conn.response.fields, "connection") or ""):lower() == "close" then return note "closed after the response" end
    conn:upgrade {}
    answer(conn)
  end,
}

good { id = "connection-close", title = "Connection: close beside Upgrade", req = "RFC7540-3.2-7",
  request = { connection = "close, Upgrade, HTTP2-Settings" } }
