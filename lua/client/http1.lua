-- The HTTP/1.1 side of the reference client: a request, with or without an offer to upgrade to h2c (RFC 9112,
-- RFC 7540 section 3.2, RFC 9110 section 7.8).
local engine = require "h2probe.engine"

local LARGEST_BODY <const> = 16 * 1024 * 1024
local MAX_INTERIM <const> = 20

local http1 = {}

--- The settings that this client announces: as a SETTINGS frame has them, and for HTTP2-Settings.
http1.SETTINGS = { { "ENABLE_PUSH", 0 }, { "MAX_CONCURRENT_STREAMS", 100 } }

-- What a guilty peer asks for.
local TOKENS <const> = { ignore = "h2", both = "h2, h2c" }

local function payload_of(kept)
  local settings = kept:keep "RFC9113-6.5.2-11" and http1.SETTINGS or { { "MAX_FRAME_SIZE", 16383 } }
  local payload = engine.frame_encode { name = "SETTINGS", settings = settings }:sub(10)
  local way = kept:way "RFC7540-3.2.1-4"
  if way == "length" then return payload:sub(1, -2), way end
  return payload, way
end

-- HTTP2-Settings of this payload (RFC 7540 section 3.2.1); a guilty peer encodes it otherwise.
local function encoded(payload, way)
  local value = engine.base64url(payload)
  if way == "ignore" then return value .. ("="):rep(-#value % 4 == 0 and 4 or -#value % 4) end
  if way == "alphabet" then return engine.base64url(payload:sub(1, -7) .. "\0\4\0\0\251\255"):gsub("[-_]", "+") end
  return value
end

local function connection_options(kept)
  local options = {}
  if kept:keep "RFC9110-7.8-11" then options[#options + 1] = "Upgrade" end
  if kept:keep "RFC7540-3.2.1-8" then options[#options + 1] = "HTTP2-Settings" end
  return table.concat(options, ", ")
end

local function offer(lines, kept)
  local payload, way = payload_of(kept)
  lines[#lines + 1] = "Connection: " .. connection_options(kept)
  lines[#lines + 1] = "Upgrade: " .. (TOKENS[kept:way "RFC7540-3.2-17"] or "h2c")
  local count = kept:way "RFC7540-3.2-1"
  local field = "HTTP2-Settings: " .. encoded(payload, way)
  for _ = 1, count == "two" and 2 or count and 0 or 1 do lines[#lines + 1] = field end
  return payload
end

local function read_chunks(conn, left)
  local parts, size = {}, 0
  while true do
    local line = ""
    while not line:find "\r\n$" do
      local octet = #line < 200 and conn:recv_octets(1, left())
      if not octet then return nil end
      line = line .. octet
    end
    local length = tonumber(line:match "^%x+" or "", 16)
    size = size + (length or 0)
    if not length or size > LARGEST_BODY then return nil end
    if length == 0 then return conn:recv_octets(2, left()) and table.concat(parts) end
    parts[#parts + 1] = conn:recv_octets(length, left())
    if conn:recv_octets(2, left()) ~= "\r\n" then return nil end
  end
end

local function read_to_end(conn, left)
  local parts, size = {}, 0
  while size <= LARGEST_BODY do
    local octets, code = conn:recv_octets(nil, left())
    if not octets then return code == "closed" and table.concat(parts) or nil end
    parts[#parts + 1], size = octets, size + #octets
  end
end

local function read_body(conn, head, left)
  local kind, length = engine.http1_body(head, "GET")
  if kind == "none" or length == 0 then return "" end
  if kind == "length" then return length <= LARGEST_BODY and conn:recv_octets(length, left()) or nil end
  if kind == "chunked" then return read_chunks(conn, left) end
  return kind == "close" and read_to_end(conn, left) or nil
end

local function names_h2c(head)
  for _, field in ipairs(head.fields) do
    if field[1]:lower() == "upgrade" and field[2]:lower() == "h2c" then return true end
  end
  return false
end

-- What a 101 comes to: true, or nil and why it is none that was asked for (RFC 9110 sections 7.8, 15.2.2).
local function switches(head, options)
  local kept = options.rules
  if not options.upgrade then
    if kept:way "RFC9113-3.3-3" == "101" then return true end
    return nil, "101 (Switching Protocols) that nobody asked for"
  end
  if not names_h2c(head) and kept:keep "RFC9110-7.8-16" then return nil, "101 does not say that h2c follows" end
  return true
end

-- The head of the final response, or a 101; or nil and a message (RFC 9110 section 15.2).
local function read_head(conn, options)
  for _ = 1, MAX_INTERIM do
    local head, _, message = conn:recv_head(options.left())
    if not head then return nil, message end
    if head.status == 101 or head.status >= 200 then return head end
    if not options.rules:keep "RFC9110-15.2-1" then return nil, "an interim response was not expected" end
  end
  return nil, "too many interim responses"
end

--- One exchange. options: { rules =, url =, left = function, upgrade = }. { status =, body = }; { switched = true, payload =
-- of HTTP2-Settings } when HTTP/2 follows; or nil and what went wrong.
function http1.exchange(conn, options)
  local url = options.url
  local lines = { ("GET %s HTTP/1.1"):format(url.path), "Host: " .. url.authority }
  local payload = options.upgrade and offer(lines, options.rules)
  conn:send_octets(table.concat(lines, "\r\n") .. "\r\n\r\n")
  local head, message = read_head(conn, options)
  if not head then return nil, message end
  if head.status == 101 then
    local ok, why = switches(head, options)
    return ok and { switched = true, payload = payload or "" } or nil, why
  end
  if options.upgrade and not options.rules:keep "RFC7540-3.5-1" then return { switched = true, payload = payload } end
  local body = read_body(conn, head, options.left)
  if not body then return nil, "the content of the response did not come as announced" end
  return { status = head.status, body = body }
end

return http1
