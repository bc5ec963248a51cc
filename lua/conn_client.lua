-- The client's half of `conn`: requests and responses (RFC 9113 section 8.1).
local fields = require "h2probe.fields"
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

return client
