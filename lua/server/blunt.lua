-- Blunt peers: servers that treat everything alike. None of them may come out green.
--
--   close    ends every connection as soon as something came
--   silent   reads and never says anything
--   ok       answers every HEADERS with 200 and every octet of HTTP/1.1 with 200, and knows no error
--   reset    answers every HEADERS with RST_STREAM(INTERNAL_ERROR)
--   goaway   answers every HEADERS with GOAWAY(NO_ERROR) and ends the connection
local IDLE <const> = 30

local blunt = {}

local function drain(conn)
  while conn:next(IDLE) do end
end

local function http2(on_headers)
  return function(conn)
    conn:recv_octets(24, IDLE)
    conn:start_h2(false)
    conn:send { name = "SETTINGS" }
    while true do
      local event = conn:next(IDLE)
      if not event then return end
      if event.name == "HEADERS" and event.stream ~= 0 then on_headers(conn, event.stream) end
    end
  end
end

local peers = {
  close = function(conn) conn:recv_octets(nil, IDLE) end,
  silent = function(conn)
    while conn:recv_octets(nil, IDLE) do end
  end,
  ok = http2(function(conn, stream)
    conn:send { name = "HEADERS", stream = stream, fields = { { ":status", "200" } }, end_stream = true }
  end),
  reset = http2(function(conn, stream)
    conn:send { name = "RST_STREAM", stream = stream, error = "INTERNAL_ERROR" }
  end),
  goaway = http2(function(conn)
    conn:send { name = "GOAWAY", last_stream = 0, error = "NO_ERROR" }
    conn:shutdown()
  end),
}

local ANSWER <const> = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

local function http1_ok(conn)
  while true do
    local head = conn:recv_head(IDLE)
    if not head then return end
    conn:send_octets(ANSWER)
  end
end

-- Cleartext: text gets an HTTP/1.1 answer from the peer that answers everything.
local function clear(name)
  return function(conn)
    local first = conn:peek(IDLE)
    if name == "ok" and first and not first:find "^PRI" then return http1_ok(conn) end
    peers[name](conn)
    if name ~= "close" then drain(conn) end
  end
end

local function tls(name)
  return function(conn)
    if name == "close" then return end
    if not conn:start_tls { alpn = { "h2", "http/1.1" }, tickets = true, timeout = IDLE } then return end
    peers[name](conn)
    drain(conn)
  end
end

--- Names of the blunt peers, in order.
function blunt.names()
  return { "close", "silent", "ok", "reset", "goaway" }
end

--- The two functions that serve a cleartext and a TLS connection.
function blunt.serve(name)
  assert(peers[name], "no such blunt peer")
  return clear(name), tls(name)
end

return blunt
