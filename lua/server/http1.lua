-- The HTTP/1.1 side of the reference server: plain requests, and Upgrade to h2c (RFC 9112, RFC 7540 section 3.2).
local engine = require "h2probe.engine"
local resources = require "h2probe.server.resources"
local session = require "h2probe.server.session"

local IDLE <const> = 30
local LARGEST_BODY <const> = 16 * 1024 * 1024
local REASONS <const> = { [200] = "OK", [204] = "No Content", [400] = "Bad Request", [404] = "Not Found",
  [405] = "Method Not Allowed", [413] = "Content Too Large", [501] = "Not Implemented",
  [505] = "HTTP Version Not Supported" }

local http1 = {}

local function values(head, name)
  local out = {}
  for _, field in ipairs(head.fields) do
    if field[1]:lower() == name then out[#out + 1] = field[2] end
  end
  return out
end

local function tokens(head, name)
  local out = {}
  for _, value in ipairs(values(head, name)) do
    for token in value:gmatch "[^,]+" do out[#out + 1] = token:match "^%s*(.-)%s*$" end
  end
  return out
end

local function lists(head, name, wanted)
  for _, token in ipairs(tokens(head, name)) do
    if token:lower() == wanted then return true end
  end
  return false
end

local function send_response(conn, response, request)
  local body = request.method ~= "HEAD" and response.body or ""
  local lines = { ("HTTP/1.1 %d %s"):format(response.status, REASONS[response.status] or "") }
  local has_length = false
  for _, field in ipairs(response.fields or {}) do
    lines[#lines + 1] = field[1] .. ": " .. field[2]
    has_length = has_length or field[1] == "content-length"
  end
  if not has_length and response.status ~= 204 then lines[#lines + 1] = "content-length: " .. #body end
  if request.close then lines[#lines + 1] = "connection: close" end
  conn:send_octets(table.concat(lines, "\r\n") .. "\r\n\r\n" .. body)
end

local function chunked(conn)
  local parts, size = {}, 0
  while true do
    local line = ""
    while not line:find "\r\n$" do
      local octet = conn:recv_octets(1, IDLE)
      if not octet or #line > 200 then return nil end
      line = line .. octet
    end
    local digits = line:match "^%x+" or ""
    local length = #digits < 16 and tonumber(digits, 16)
    size = size + (length or 0)
    if not length or size > LARGEST_BODY then return nil end
    if length == 0 then
      return conn:recv_octets(2, IDLE) == "\r\n" and table.concat(parts) or nil
    end
    parts[#parts + 1] = conn:recv_octets(length, IDLE)
    if conn:recv_octets(2, IDLE) ~= "\r\n" then return nil end
  end
end

-- The content of a request, after 100 (Continue) where it is asked for; nil when it does not come as announced.
local function read_body(conn, head, keep)
  local kind, length = engine.http1_body(head, head.method)
  if kind == "invalid" or kind == "close" then return nil end
  if kind == "none" or length == 0 then return "" end
  if keep and lists(head, "expect", "100-continue") then conn:send_octets "HTTP/1.1 100 Continue\r\n\r\n" end
  if kind == "chunked" then return chunked(conn) end
  if length > LARGEST_BODY then return nil end
  return conn:recv_octets(length, IDLE)
end

-- HTTP2-Settings (RFC 7540 section 3.2.1): the SETTINGS payload, or nil when it is not one.
local function decode_settings(value)
  local payload = engine.unbase64url(value)
  if not payload or #payload % 6 ~= 0 then return nil end
  local frame = engine.frame_decode(engine.frame_encode { name = "SETTINGS", payload = payload })
  if frame.faults then return nil end
  return payload
end

-- The rules of a well-formed offer, one after the other: { ids, holds }.
local function offer_rules(head, options)
  local settings = values(head, "http2-settings")
  local upgrade = {}
  local any_case = options.rules:keep "RFC9110-7.8-2"
  for _, token in ipairs(tokens(head, "upgrade")) do upgrade[any_case and token:lower() or token] = true end
  local named = upgrade.h2c
  local other = next(upgrade) ~= nil and not named
  return {
    { { "RFC9110-7.8-12" }, head.version ~= "1.0" },
    { { "RFC7540-3.2-15" }, not options.tls },
    { { "RFC7540-3.2-5" }, not (other and upgrade.h2) },
    { { "RFC9110-7.8-5" }, not (other and not upgrade.h2) },
    { { "RFC9110-7.6.1-2" }, lists(head, "connection", "upgrade") },
    { { "RFC7540-3.2.1-1" }, #settings > 0 },
    { { "RFC7540-3.2.1-2" }, #settings < 2 },
    { { "RFC7540-3.2.1-6" }, #settings == 0 or decode_settings(settings[1]) ~= nil },
  }, decode_settings(settings[1] or "") or ""
end

-- The SETTINGS payload of an offer to upgrade that is taken, or nil.
local function accepted_offer(head, options)
  if options.no_upgrade then return nil end
  if #tokens(head, "upgrade") == 0 and options.rules:way "RFC9110-7.8-5" ~= "unasked" then return nil end
  local rows, payload = offer_rules(head, options)
  for _, row in ipairs(rows) do
    if not row[2] and options.rules:keep(table.unpack(row[1])) then return nil end
  end
  return payload
end

-- The 101 (RFC 9110 section 7.8). Ways of a guilty peer with RFC9110-7.8-3: "first" and "all" name the first token or all
-- of them that the client sent, "several" names one more in a field of its own, another way is the name itself.
local function upgrade_field(head, rules)
  local way = rules:way "RFC9110-7.8-3"
  if way == "ignore" then return nil end
  if way == "several" then return "Upgrade: h2c\r\nUpgrade: websocket" end
  local asked = tokens(head, "upgrade")
  return "Upgrade: " .. (way == "first" and asked[1] or way == "all" and table.concat(asked, ", ") or way or "h2c")
end

local function switch(conn, options, head)
  local rules = options.rules
  local lines = { rules:keep "RFC7540-3.2-6" and "HTTP/1.1 101 Switching Protocols" or "HTTP/1.1 200 OK" }
  if rules:keep "RFC9110-7.6.1-1" then lines[#lines + 1] = "Connection: Upgrade" end
  lines[#lines + 1] = upgrade_field(head, rules)
  if not rules:keep "RFC7540-3.2.1-3" then lines[#lines + 1] = "HTTP2-Settings: AAAA" end
  if not rules:keep "RFC9110-8.6-1" then lines[#lines + 1] = "Content-Length: 0" end
  if not rules:keep "RFC9112-6.1-1" then lines[#lines + 1] = "Transfer-Encoding: chunked" end
  conn:send_octets(table.concat(lines, "\r\n") .. "\r\n\r\n")
end

local function bad_request(conn, status)
  send_response(conn, { status = status, body = "" }, { close = true })
end

-- The request and its content; the content stays unread where a guilty peer switches too early.
local function read_request(conn, head, options, settings)
  local hasty = settings and not options.rules:keep "RFC9110-7.8-14"
  if hasty then switch(conn, options, head) end
  local body = ""
  if not settings or options.rules:keep "RFC7540-3.2-3" then
    body = read_body(conn, head, not hasty)
  end
  if body and settings and not hasty then switch(conn, options, head) end
  return body and { method = head.method, path = head.target, fields = head.fields, body = body }
end

-- Guilty peers: an offer that is not taken is held against the client.
local function takes_offence(conn, head, options, settings)
  if settings and not lists(head, "connection", "http2-settings") and not options.rules:keep "RFC7540-3.2.1-9" then
    return true
  end
  if settings or #tokens(head, "upgrade") == 0 or options.rules:keep "RFC7540-3.2-4" then return false end
  bad_request(conn, 400)
  return true
end

local function valid_head(conn, head, code)
  if head and head.version:find "^1%." and (head.version == "1.0" or #values(head, "host") == 1) then return true end
  if head and not head.version:find "^1%." then
    bad_request(conn, 505)
  elseif head or code == "protocol" then
    bad_request(conn, 400)
  end
  return false
end

--- Serve HTTP/1.1 on `conn` until it ends or switches to HTTP/2. options: { rules =, tls = }.
function http1.serve(conn, options)
  while true do
    local head, code = conn:recv_head(IDLE)
    if not valid_head(conn, head, code) then return end
    local settings = accepted_offer(head, options)
    if takes_offence(conn, head, options, settings) then return end
    if settings and not options.rules:keep "RFC9110-7.8-7" then return bad_request(conn, 426) end
    local request = read_request(conn, head, options, settings)
    if not request then return bad_request(conn, 400) end
    if settings then
      local switched = session.new(conn, { rules = options.rules, request = request, settings = settings })
      if switched:run() ~= "http1" then return end
    else
      request.close = head.version == "1.0" or lists(head, "connection", "close")
      send_response(conn, resources.answer(request), request)
      if request.close then return end
    end
  end
end

return http1
