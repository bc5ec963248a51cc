-- One HTTP/2 connection of the reference client: preface, one request, its response (RFC 9113 sections 3.4 to 8.1).
local demands = require "h2probe.client.demands"
local engine = require "h2probe.engine"
local fields = require "h2probe.fields"
local http1 = require "h2probe.client.http1"
local spoil = require "h2probe.client.spoil"

local PREFACE <const> = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
local LINGER <const> = 1 -- seconds that the server gets to read our GOAWAY
local LARGEST_BODY <const> = 16 * 1024 * 1024
local HEAD <const>, SETTINGS <const>, MAX_FRAME_SIZE <const> = 9, 4, 16384

local session = {}
session.__index = session

--- conn: an engine connection that speaks HTTP/2 from here on. options: { rules =, url =, left = function, tls = info |
-- nil, payload = of HTTP2-Settings after an Upgrade }.
function session.new(conn, options)
  return setmetatable({
    conn = conn, rules = options.rules, url = options.url, left = options.left, tls = options.tls,
    payload = options.payload, body = {}, size = 0, over = false,
    stream = options.payload and 1 or nil,
  }, session)
end

function session:keep(...)
  return self.rules:keep(...)
end

--- The exchange is over: good or not, and the content or what went wrong.
function session:finish(good, text)
  if self.over then return end
  self.over, self.good, self.text = true, good, text
end

--- Section 5.4.1: GOAWAY, then the end of the connection.
function session:connection_error(code, text)
  if self.over then return end
  if self:keep "RFC9113-5.4.1-1" then self.conn:send { name = "GOAWAY", last_stream = 0, error = code } end
  self:finish(false, ("%s: %s"):format(code, text))
end

-- The preface (section 3.4) ----------------------------------------------------------------------------------

-- The 24 octets as this peer sends them.
function session:magic()
  if self.tls and not self:keep "RFC9113-3.2-5" then return "" end
  if self.payload and not self:keep "RFC7540-3.2-9" then return nil end
  if not self:keep "RFC9113-3.4-1" then return PREFACE:gsub("SM", "sm") end
  if not self:keep "RFC9113-3.4-3" then return "\r\n" .. PREFACE end
  return PREFACE
end

-- The first frame: SETTINGS.
function session:first_frame()
  local way = self.rules:way("RFC9113-3.4-2", "RFC7540-3.5-4")
  if way == "ack" then return { name = "SETTINGS", ack = true } end
  if way then return { name = "PING", data = "too soon" } end
  local bent = self.rules:way "RFC9113-6.5.2-11"
  if bent then return { name = "SETTINGS", settings = { { "MAX_FRAME_SIZE", bent == "large" and 16777216 or 16383 } } } end
  if not self:keep "RFC9113-6.5.2-3" then return { name = "SETTINGS", settings = { { "ENABLE_PUSH", 2 } } } end
  return { name = "SETTINGS", settings = http1.SETTINGS }
end

-- What the server begins with is looked at before it is read as frames: text would be a frame that never comes to its
-- end. True when it can be one.
function session:look()
  local head, _, message = self.conn:recv_octets(HEAD, self.left())
  if not head then
    self:finish(self.rules:way "RFC9113-3.4-13" == "closed", message)
    return false
  end
  self.conn:unread(head)
  local length, kind = string.unpack(">I3B", head)
  if length <= MAX_FRAME_SIZE or kind == SETTINGS then return true end
  local way = self.rules:way("RFC9113-3.4-13", "RFC7540-3.5-6")
  if way == "text" then self:finish(true, "an HTTP/1.1 response is as good") end
  return way ~= nil
end

-- The preface of both sides.
function session:start()
  local magic = self:magic()
  if magic then self.conn:send_octets(magic .. engine.frame_encode(self:first_frame())) end
  local sound = self:look()
  self.conn:start_h2(false)
  self.conn:auto { settings = false, ping = false, window = false }
  if self.payload then self.conn:upgraded(self.payload) end
  if not sound then self:connection_error("PROTOCOL_ERROR", "what the server sends is no HTTP/2") end
end

-- The request ------------------------------------------------------------------------------------------------

function session:request(stream)
  local authority = self:keep "RFC9113-8.3.1-2" and self.url.authority or nil
  local list = { { ":method", "GET" }, { ":scheme", self.url.scheme }, { ":path", self.url.path } }
  if authority then list[#list + 1] = { ":authority", authority } end
  list = spoil.request(self.rules, list)
  self.conn:send { name = "HEADERS", stream = stream, fields = list, end_stream = true }
  for _, frame in ipairs(spoil.behind(self.rules, stream)) do self.conn:send(frame) end
end

-- Opened when the server's settings are known and allow it (sections 5.1.2, 6.5.3).
function session:open()
  if self.stream or self.goaway_seen then return end
  if self.conn:setting("theirs", "MAX_CONCURRENT_STREAMS") < 1 and self:keep("RFC9113-5.1.2-1", "RFC9113-3.4-7") then
    return
  end
  self.stream = self.conn:next_stream() + (self:keep "RFC9113-5.1.1-1" and 0 or 1)
  self:request(self.stream)
end

-- Frames -----------------------------------------------------------------------------------------------------

local on = {}

function on.SETTINGS(self, event)
  if event.ack then return end
  self.settings_seen = true
  local way = self.rules:way("RFC9113-3.4-5", "RFC9113-6.5.3-5")
  if way == "empty" and event.length == 0 then return self:connection_error("PROTOCOL_ERROR", "SETTINGS without any") end
  if way ~= "ignore" then self.conn:send { name = "SETTINGS", ack = true } end
  if not self:keep "RFC9113-6.5.3-2" then self.conn:send { name = "SETTINGS", ack = true } end
  if self.payload and not self.reopened then
    local again = self.rules:way("RFC7540-3.2-16", "RFC7540-5.1.1-1")
    self.reopened = true
    if again == "other" then self.stream = nil end -- the response on stream 1 is not waited for
    if again == "ignore" then self:request(1) end
  end
  self:open()
end

function on.PING(self, event)
  if event.ack then return end
  local way = self.rules:way "RFC9113-6.7-2"
  if way == "ignore" then return end
  self.conn:send { name = "PING", ack = true, data = way and event.data:reverse() or event.data }
  if self.goaway_seen and not self.tried_again then
    self.tried_again, self.stream = true, (self.stream or -1) + 2
    self:request(self.stream)
  end
end

-- Section 6.8: streams above Last-Stream-ID were not looked at; nothing new is opened. A guilty peer tries once more, when
-- it has time.
function on.GOAWAY(self, event)
  self.goaway_seen = true
  if not self:keep "RFC9113-6.8-1" then return end
  local ours = self.stream and self.stream <= event.last_stream
  if event.error ~= "NO_ERROR" or not ours then
    self:finish(false, ("GOAWAY(%s) from the server"):format(event.error))
  end
end

-- ENABLE_PUSH was 0.
function on.PUSH_PROMISE(self)
  self:connection_error("PROTOCOL_ERROR", "PUSH_PROMISE")
end

function on.RST_STREAM(self, event)
  if event.stream == self.stream then
    self:finish(false, ("RST_STREAM(%s) from the server"):format(event.error))
  end
end

function on.DATA(self, event)
  if event.stream ~= self.stream or not self.status then return end
  self.size = self.size + #event.data
  if self.size > LARGEST_BODY then return self:connection_error("ENHANCE_YOUR_CALM", "too much content") end
  self.body[#self.body + 1] = event.data
  if event.length > 0 then
    self.conn:send { name = "WINDOW_UPDATE", stream = 0, increment = event.length }
    if not event.end_stream then
      self.conn:send { name = "WINDOW_UPDATE", stream = event.stream, increment = event.length }
    end
  end
end

-- The first fault of a response whose rule is kept (section 8.1.1).
function session:fault_of(event)
  local faults = fields.validate_response(event.fields, { end_stream = event.block_end_stream })
  for _, fault in ipairs(faults) do
    if self:keep(fault.req) then return fault end
  end
end

function session:malformed(text)
  self.conn:send { name = "RST_STREAM", stream = self.stream, error = "PROTOCOL_ERROR" }
  self:finish(false, "malformed response: " .. text)
end

function session:response(event)
  if event.block_stream ~= self.stream or self.status then return end
  local fault = self:fault_of(event)
  if fault then return self:malformed(fault.text) end
  local status = tonumber(fields.get(event.fields, ":status") or 200) or 200 -- a guilty peer takes what is none
  if status == 101 then return self:finish(true, "switched to another protocol") end
  if status >= 200 then
    self.status = status
  elseif not self:keep "RFC9113-8.1-3" then
    self:malformed "an interim response was not expected"
  end
end

-- TLS says these beside the frames (sections 9.2.1 and 9.2.3).
function session:look_at_tls()
  local info = self.tls and self.conn:tls()
  if not info then return end
  if info.key_updates > 0 and not self:keep("RFC9113-9.2.3-3", "RFC8740-4-1") then
    self:connection_error("PROTOCOL_ERROR", "KeyUpdate")
  elseif info.certificate_requests > 0 and self:keep("RFC9113-9.2.3-2", "RFC8740-3-2") then
    self:connection_error("PROTOCOL_ERROR", "a CertificateRequest after the handshake")
  end
end

-- True when the frame is an error, or is passed over by a guilty peer.
function session:demand(event)
  for _, row in ipairs(demands.errors) do
    if demands.fits(row, event, self) then
      if self:keep(table.unpack(row.ids)) then
        self:connection_error(row.code, row.fault or "a setting out of its range")
      elseif event.name == "SETTINGS" and not event.ack then
        on.SETTINGS(self, event) -- as if nothing were wrong
      end
      return true
    end
  end
  for _, fault in ipairs(demands.fatal) do
    if event.faults and event.faults[fault] then
      self:connection_error(fault == "compression" and "COMPRESSION_ERROR" or "PROTOCOL_ERROR", fault)
      return true
    end
  end
end

-- A guilty peer takes something legal for an error.
function session:refuses(event)
  for _, row in ipairs(demands.accepted) do
    if demands.fits(row, event, self) and not self:keep(table.unpack(row.ids)) then
      self:connection_error("PROTOCOL_ERROR", "nothing that was wrong")
      return true
    end
  end
end

function session:on_frame(event)
  if self:demand(event) or self:refuses(event) then return end
  local handler = on[event.name]
  if handler then handler(self, event) end
  if event.fields and event.block_type == "HEADERS" then self:response(event) end
  local ended = event.end_stream or event.block_end_stream
  if ended and self.status and (event.block_stream or event.stream) == self.stream then
    self:finish(self.status < 400, table.concat(self.body))
  end
end

-- The end ----------------------------------------------------------------------------------------------------

-- Section 6.8: GOAWAY before the end, which is read on to so that no reset destroys it.
function session:linger()
  if self.good then self.conn:send { name = "GOAWAY", last_stream = 0, error = "NO_ERROR" } end
  self.conn:shutdown(not self:keep "RFC8446-6.1-1")
  local ends = engine.now() + LINGER
  while engine.now() < ends and self.conn:next(ends - engine.now()) do end
end

--- The whole exchange: good or not, and the content or what went wrong.
function session:run()
  self:start()
  if self.tls and self.tls.version == "TLSv1.2" and not self:keep "RFC9113-9.2.2-3" then
    self:connection_error("INADEQUATE_SECURITY", self.tls.cipher)
  end
  while not self.over do
    local event, _, message = self.conn:next(self.left())
    if not event then
      self:finish(false, message or "the connection ended without a response")
    else
      if event.event == "frame" then self:on_frame(event) end
      self:look_at_tls()
    end
  end
  self:linger()
  return self.good, self.text
end

return session
