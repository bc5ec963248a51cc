-- The server's half of `conn`: a client is under test (docs/scripting.md, "The server's side").
local engine = require "h2probe.engine"
local messages = require "h2probe.conn_messages"
local output = require "h2probe.conn_output"
local send = require "h2probe.conn_send"

local methods = {}

--- The server's half of the TLS handshake, with the certificate of the run unless another is given: the info table, or
-- nil and the reason.
function methods:accept_tls(options)
  local target = self.target or {}
  local given = { cert_file = target.cert_file, key_file = target.key_file }
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  return self:start_tls(given)
end

--- TLS 1.3: asks for a certificate after the handshake: true, or nil, code, message where the client does not offer that.
function methods:request_certificate() return self._.wire:request_certificate() end

local function header(head, name)
  local values = {}
  for _, field in ipairs(head.fields) do
    if field[1]:lower() == name then
      values[#values + 1] = field[2]
    end
  end
  return values
end

local function head_text(status, list)
  local lines = { ("HTTP/1.1 %d %s"):format(status, status == 101 and "Switching Protocols" or "Answer") }
  for _, field in ipairs(list) do
    lines[#lines + 1] = field[1] .. ": " .. field[2]
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local SWITCHING = { { "Connection", "Upgrade" }, { "Upgrade", "h2c" } }

local function first_request(self, head)
  local stream = messages.stream(self._, 1)
  local list = { { ":method", head.method }, { ":scheme", "http" }, { ":path", head.target } }
  for _, value in ipairs(header(head, "host")) do
    list[#list + 1] = { ":authority", value }
  end
  stream.request = messages.request(stream, list, 0)
  stream.ended, stream.ended_seq = true, 0
  table.insert(self._.requests, 1)
end

--- Reads an HTTP/1.1 request and answers it with { status = 101, fields =, before = octets that go ahead of the answer,
-- interim responses for example }: the request's head, or nil, code, message.
-- With 101 both directions speak HTTP/2 from here on, and the request is the one on stream 1.
function methods:accept_upgrade(given)
  given = given or {}
  local head, code, message = self:recv_head()
  if not head then
    return nil, code, message
  end
  local status = given.status or 101
  local list = given.fields or (status == 101 and SWITCHING or { { "Content-Length", "0" } })
  self:send_octets((given.before or "") .. head_text(status, list))
  if status == 101 then
    local encoded = header(head, "http2-settings")[1]
    self._.wire:upgraded(encoded and engine.unbase64url(encoded) or "")
    self:start_h2()
    first_request(self, head)
  end
  return head
end

local function preface_of(self)
  for _, event in ipairs(self.events) do
    if event.event == "preface" or event.event == "bad_preface" then
      return event
    end
  end
end

--- Reads the client's preface (RFC 9113 section 3.4): true; or nil, "protocol", message when it is another; or nil,
-- code, message when none came.
function methods:expect_preface()
  self:start_h2()
  local event, code, message = self:_wait(function() return preface_of(self) end)
  if not event then
    return nil, code, message
  end
  self._.waited = true
  if event.event == "bad_preface" then
    return nil, "protocol", "the client preface is not the 24 octets " .. ("%q"):format(output.PREFACE)
  end
  self._.preface_seen = true
  return true
end

local function request_of(state, id)
  local stream = state.streams[id]
  local request = stream.request
  request.body, request.trailers, request.ended = messages.body(stream), stream.trailers, stream.ended or false
  request.reset = stream.resets[1] and stream.resets[1].error or nil
  return request
end

--- The next request that was not handed out: { stream, method, path, authority, scheme, fields, body, ended }, or nil,
-- code, message. options.complete: wait for its content too.
function methods:expect_request(options)
  local state = self._
  local id, code, message = self:_wait(function() return state.requests[state.requests_taken + 1] end)
  if not id then
    return nil, code, message
  end
  state.requests_taken = state.requests_taken + 1
  if options and options.complete then
    local ok
    ok, code, message = self:_wait(function() return messages.over(state.streams[id]) end)
    if not ok then
      return nil, code, message
    end
  end
  self:_take(function(event) return (event.block_stream or event.stream) == id end)
  return request_of(state, id)
end

local RESPOND = { stream = true, status = true, fields = true, body = true, trailers = true, end_stream = true }

--- Sends a response within the client's limits: { stream =, status = 200, fields =, body =, trailers =, end_stream =
-- false }. An interim status ends nothing. true, or false and a reason when the stream was reset meanwhile.
function methods:respond(given)
  for key in pairs(given) do
    if not RESPOND[key] then
      error(("respond has no member '%s'"):format(tostring(key)), 2)
    end
  end
  if not given.stream then
    error("respond needs a stream", 2)
  end
  self:_stimulus()
  local status = given.status or 200
  local list = { { ":status", tostring(status) } }
  for _, field in ipairs(given.fields or {}) do
    list[#list + 1] = field
  end
  local end_stream = given.end_stream
  if end_stream == nil then
    end_stream = type(status) ~= "number" or status >= 200
  end
  return send.message(self, given.stream, {
    fields = list, body = given.body, trailers = given.trailers, end_stream = end_stream,
  })
end

return { methods = methods }
