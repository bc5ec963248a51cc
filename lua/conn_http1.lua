-- The client's half of `conn` before HTTP/2: requests and responses of HTTP/1.1, the Upgrade to h2c (RFC 9112,
-- RFC 7540 section 3.2, RFC 9110 section 7.8).
local engine = require "h2probe.engine"
local frames = require "h2probe.frames"
local output = require "h2probe.conn_output"

local methods = {}

local MAX_INTERIM = 20
local MAX_LINE = 1000 -- of a chunk's head
local MAX_BODY, PIECE = 4 * 1024 * 1024, 64 * 1024 -- octets
local MAX_DIGITS = 15 -- of a chunk's length, so that no number wraps around
local CHUNK = 1000 -- octets of a chunk that we send

-- Requests -------------------------------------------------------------------------------------------------------

local REQUEST = {
  method = true, path = true, fields = true, body = true, connection = true, version = true, authority = true,
  chunked = true, followed_by = true,
}
local UPGRADE = { settings = true, http2_settings = true, upgrade = true, withhold_body = true, start_h2 = true }
for key in pairs(REQUEST) do
  UPGRADE[key] = true
end

local function check_keys(name, given, known)
  for key in pairs(given) do
    if not known[key] and key ~= "label" then
      error(("%s has no member '%s'"):format(name, tostring(key)), 3)
    end
  end
end

local function or_default(value, default)
  if value == nil then
    return default
  end
  return value
end

-- A value: one line; a list: a line for each; false or nil: none.
local function line(lines, name, value)
  for _, each in ipairs(type(value) == "table" and value or { value or nil }) do
    lines[#lines + 1] = name .. ": " .. each
  end
end

local function request_head(target, given)
  local lines = { ("%s %s HTTP/%s"):format(given.method or "GET", given.path or target.path or "/",
    given.version or "1.1") }
  line(lines, "Host", or_default(given.authority, target.authority))
  line(lines, "Connection", given.connection)
  line(lines, "Upgrade", given.upgrade)
  line(lines, "HTTP2-Settings", given.http2_settings)
  for _, list in ipairs { given.fields or {}, target.fields or {} } do
    for _, field in ipairs(list) do
      line(lines, field[1], field[2])
    end
  end
  if given.chunked then
    line(lines, "Transfer-Encoding", "chunked")
  elseif given.body then
    line(lines, "Content-Length", tostring(#given.body))
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local function request_body(given)
  local body = given.body or ""
  if not given.chunked then
    return body
  end
  local parts = {}
  for at = 1, #body, CHUNK do
    local part = body:sub(at, at + CHUNK - 1)
    parts[#parts + 1] = ("%x\r\n%s\r\n"):format(#part, part)
  end
  return table.concat(parts) .. "0\r\n\r\n"
end

-- Responses ------------------------------------------------------------------------------------------------------

-- Reads heads up to the one that is not interim; on 100 the content that was held back follows.
local function read_heads(self, held_back)
  local interim = {}
  for _ = 1, MAX_INTERIM do
    local head, code, message = self:recv_head()
    if not head then
      return false, code, message
    elseif head.status == 101 or head.status < 100 or head.status >= 200 then
      head.interim = interim
      return true
    end
    interim[#interim + 1] = head.status
    if head.status == 100 and held_back then
      self:send_octets(held_back)
      held_back = nil
    end
  end
  return false, "protocol", ("more than %d interim responses"):format(MAX_INTERIM)
end

local function read_octets(self, length, parts)
  while length > 0 do
    local octets, code, message = self:recv_octets(math.min(length, PIECE))
    if not octets then
      return nil, code, message
    end
    parts[#parts + 1], length = octets, length - #octets
  end
  return true
end

local function too_long()
  return nil, "protocol", ("content of more than %d octets"):format(MAX_BODY)
end

local function read_line(self)
  local octets = ""
  while not octets:find "\r\n$" do
    local octet, code, message = self:recv_octets(1)
    if not octet then
      return nil, code, message
    elseif #octets > MAX_LINE then
      return nil, "protocol", "a line without an end in chunked content"
    end
    octets = octets .. octet
  end
  return octets:sub(1, -3)
end

-- Chunks, and the trailer section (RFC 9112 section 7.1).
local function read_chunks(self, parts)
  local size = 0
  while true do
    local head, code, message = read_line(self)
    local digits = head and head:match "^%x+"
    local length = digits and (#digits > MAX_DIGITS and math.huge or tonumber(digits, 16))
    size = size + (length or 0)
    if not length then
      return nil, code or "protocol", message or "a chunk without a length"
    elseif size > MAX_BODY then
      return too_long()
    elseif length == 0 then
      break
    end
    local ok
    ok, code, message = read_octets(self, length, parts)
    if not ok or not read_line(self) then
      return nil, code or "protocol", message or "a chunk without an end"
    end
  end
  repeat
    local trailer, code, message = read_line(self)
    if not trailer then
      return nil, code, message
    end
  until trailer == ""
  return true
end

local function read_to_end(self, parts)
  local size = 0
  while true do
    local octets, code, message = self:recv_octets()
    if not octets then
      return code == "closed" or nil, code, message
    end
    parts[#parts + 1], size = octets, size + #octets
    if size > MAX_BODY then
      return too_long()
    end
  end
end

--- Before HTTP/2: the content of conn.response, as its head frames it (RFC 9112 section 6.3); also in
-- conn.response.body. Or nil, code, message.
function methods:recv_body()
  local head, parts = self.response, {}
  if not head.status then
    return nil, "protocol", "there is no HTTP/1.1 response"
  end
  local kind, length = engine.http1_body(head, self._.h1_method or "GET")
  local ok, code, message = true, nil, nil
  if kind == "length" and length > MAX_BODY then
    return too_long()
  elseif kind == "length" then
    ok, code, message = read_octets(self, length, parts)
  elseif kind == "chunked" then
    ok, code, message = read_chunks(self, parts)
  elseif kind == "close" then
    ok, code, message = read_to_end(self, parts)
  elseif kind == "invalid" then
    return nil, "protocol", "the content of the response has no valid length"
  end
  if not ok then
    return nil, code, message
  end
  head.body = table.concat(parts)
  return head.body
end

-- Sends a request and reads the head of its response: true, or false, code, message.
local function exchange(self, given)
  local body = request_body(given)
  self._.h1_method = given.method or "GET"
  self:send_octets(request_head(self.target or {}, given) .. (given.withhold_body and "" or body)
    .. (given.followed_by or ""))
  return read_heads(self, given.withhold_body and body or nil)
end

--- An HTTP/1.1 request and its whole response: { method =, path =, fields =, body =, chunked =, connection =, version =,
-- authority = }: conn.response with `body`. Or nil, code, message.
function methods:h1_request(given)
  given = given or {}
  check_keys("h1_request", given, REQUEST)
  local ok, code, message = exchange(self, given)
  if not ok then
    return nil, code, message
  elseif self.response.status == 101 then
    return self.response
  end
  local body
  body, code, message = self:recv_body()
  if not body then
    return nil, code, message
  end
  return self.response
end

-- Upgrade --------------------------------------------------------------------------------------------------------

local function settings_payload(self, settings)
  if type(settings) == "string" then
    return settings
  end
  local list = self:_settings_frame(settings).settings
  return engine.frame_encode(frames.SETTINGS { settings = list }):sub(10)
end

--- Asks for the Upgrade to h2c and reads the response head: conn.response, with the statuses before it in
-- `interim`; without a status, and code and message behind it, when none came. On 101 both directions speak HTTP/2; the
-- preface is still to be sent, unless `followed_by` began with its 24 octets.
function methods:upgrade(given)
  given = given or {}
  check_keys("upgrade", given, UPGRADE)
  local payload = settings_payload(self, given.settings)
  local request = {
    connection = "Upgrade, HTTP2-Settings", upgrade = "h2c", http2_settings = engine.base64url(payload),
  }
  for key, value in pairs(given) do
    request[key] = value
  end
  local ok, code, message = exchange(self, request)
  if ok and self.response.status == 101 and given.start_h2 ~= false then
    self._.watch:upgrade(given.method or "GET")
    self:_upgraded(payload, given.followed_by == output.PREFACE)
  end
  return self.response, code, message
end

--- After 101: stream 1 is half-closed (local), the next one is 3 (RFC 7540 section 3.2).
function methods:_upgraded(payload, preface_sent)
  local state = self._
  state.wire:upgraded(payload)
  if preface_sent then
    state.wire:start_h2(false)
    state.started, state.out.preface = true, nil
  else
    self:start_h2()
  end
  output.upgraded(state.out)
  state.next_id = math.max(state.next_id or 3, 3)
end

return { methods = methods }
