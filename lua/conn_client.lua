-- The client's half of `conn`: requests and responses (RFC 9113 section 8.1), the Upgrade (RFC 7540 section 3.2).
local engine = require "h2probe.engine"
local fields = require "h2probe.fields"
local frames = require "h2probe.frames"
local messages = require "h2probe.conn_messages"
local send = require "h2probe.conn_send"

local client = {}
local methods = {}

client.methods = methods

--- The field list of a request to a target: { method =, path =, authority =, scheme =, fields = }. A member that is
-- false is left out. Fields that the user added for the target come last.
function client.request_fields(target, given)
  local function pick(key, default)
    if given[key] == nil then
      return default
    end
    return given[key]
  end
  local connect = given.method == "CONNECT"
  local list = fields.request {
    method = given.method or "GET",
    scheme = pick("scheme", not connect and (target and target.scheme or "https")),
    authority = pick("authority", target and target.authority),
    path = pick("path", not connect and (target and target.path or "/")),
    fields = given.fields,
  }
  return target and target.fields and fields.with(list, table.unpack(target.fields)) or list
end

local REQUEST = {
  method = true, path = true, authority = true, scheme = true, fields = true, body = true, trailers = true,
  end_stream = true, stream = true,
}

--- Sends a request, legal in all that the peer announced: { method =, path =, authority =, scheme =, fields =, body =,
-- trailers =, end_stream = false, stream = }. The stream; content larger than the window waits for WINDOW_UPDATE.
function methods:request(given)
  given = given or {}
  for key in pairs(given) do
    if not REQUEST[key] then
      error(("request has no member '%s'"):format(tostring(key)), 2)
    end
  end
  send.wait_for_slot(self)
  self:_stimulus()
  self:_need_h2()
  local stream = given.stream or self:new_stream()
  send.message(self, stream, {
    fields = client.request_fields(self.target, given), body = given.body, trailers = given.trailers,
    end_stream = given.end_stream,
  })
  return stream
end

local function result(state, stream)
  local record = state.streams[stream]
  if not record then
    return nil
  end
  local response = record.response or {}
  local reset = record.resets[1]
  return {
    stream = stream, status = response.status, fields = response.fields, body = messages.body(record),
    size = record.body_size, trailers = record.trailers, interim = record.interim,
    reset = reset and reset.error or nil, ended = record.ended or false,
  }
end

function methods:_wait_response(stream, seconds)
  self:_need_h2()
  local state = self._
  local ok, code, message = self:_wait(function() return send.over(self, stream) end, seconds)
  if ok then
    self:_take(function(event) return (event.block_stream or event.stream) == stream end)
  end
  local response = result(state, stream)
  if not response then
    return nil, code, message
  end
  return response, code, message
end

--- A GET request and its response: waits. Or nil, code, message.
function methods:get(path)
  return self:_wait_response(self:request { path = path })
end

-- Upgrade (RFC 7540 section 3.2, RFC 9110 section 7.8) ---------------------------------------------------------

local UPGRADE = {
  settings = true, method = true, path = true, fields = true, body = true, http2_settings = true, connection = true,
  upgrade = true, version = true, authority = true, withhold_body = true,
}

local function settings_payload(self, settings)
  if type(settings) == "string" then
    return settings
  end
  local list = self:_settings_frame(settings).settings
  return engine.frame_encode(frames.SETTINGS { settings = list }):sub(10)
end

local function line(lines, name, value)
  if value then
    lines[#lines + 1] = name .. ": " .. value
  end
end

local function or_default(value, default)
  if value == nil then
    return default
  end
  return value
end

local function http2_settings(lines, value, payload)
  if type(value) == "table" then
    for _, each in ipairs(value) do
      line(lines, "HTTP2-Settings", each)
    end
  else
    line(lines, "HTTP2-Settings", or_default(value, engine.base64url(payload)))
  end
end

--- The head of the request that asks for the Upgrade.
function client.upgrade_request(target, given, payload)
  local lines = { ("%s %s HTTP/%s"):format(given.method or "GET", given.path or target.path or "/",
    given.version or "1.1") }
  line(lines, "Host", or_default(given.authority, target.authority))
  line(lines, "Connection", or_default(given.connection, "Upgrade, HTTP2-Settings"))
  line(lines, "Upgrade", or_default(given.upgrade, "h2c"))
  http2_settings(lines, given.http2_settings, payload)
  for _, list in ipairs { given.fields or {}, target.fields or {} } do
    for _, field in ipairs(list) do
      line(lines, field[1], field[2])
    end
  end
  if given.body then
    line(lines, "Content-Length", tostring(#given.body))
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local MAX_INTERIM = 20

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

--- Asks for the Upgrade to h2c and reads the response head: conn.response, with the statuses before it in
-- `interim`; without a status, and
-- code and message behind it, when none came. On 101 both directions speak HTTP/2; the preface is still to be sent.
function methods:upgrade(given)
  given = given or {}
  for key in pairs(given) do
    if not UPGRADE[key] and key ~= "label" then
      error(("upgrade has no member '%s'"):format(tostring(key)), 2)
    end
  end
  local payload = settings_payload(self, given.settings)
  local head = client.upgrade_request(self.target or {}, given, payload)
  local body = given.body or ""
  self:send_octets(given.withhold_body and head or head .. body)
  local ok, code, message = read_heads(self, given.withhold_body and body or nil)
  if ok and self.response.status == 101 then
    self:_upgraded(payload)
  end
  return self.response, code, message
end

--- After 101: stream 1 is half-closed (local), the next one is 3 (RFC 7540 section 3.2).
function methods:_upgraded(payload)
  local state = self._
  state.wire:upgraded(payload)
  self:start_h2()
  state.out.opened[1] = true
  state.next_id = math.max(state.next_id or 3, 3)
end

return client
