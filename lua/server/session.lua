-- One HTTP/2 connection of the reference server: frames in, frames out (RFC 9113 sections 3 to 6).
--
-- Every rule carries its requirement at the one place where it is kept: `enforce` for what the server demands of
-- the client, `keep` for what it owes. See rules.lua for the ways to bend them.
local engine = require "h2probe.engine"
local demands = require "h2probe.server.demands"
local hpack_table = require "h2probe.server.hpack_table"
local tolerances = require "h2probe.server.tolerances"
local messages = require "h2probe.server.messages"
local priorities = require "h2probe.server.priorities"
local push = require "h2probe.server.push"
local manners = require "h2probe.server.manners"
local spoil = require "h2probe.server.spoil"
local writer = require "h2probe.server.writer"

local PREFACE <const> = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
local IDLE <const> = 30 -- seconds without anything from the client
local LINGER <const> = 1 -- seconds that the client gets to read our GOAWAY

local session = {}
session.__index = session

--- conn: an engine connection whose next octets are the client preface. options: { rules =, settings = a
--- SETTINGS payload from HTTP2-Settings, request = the upgraded request }.
function session.new(conn, options)
  local self = setmetatable({
    conn = conn, rules = options.rules, upgraded = options.request ~= nil,
    requests = {}, client_reset = {}, promised = {}, pushed = {}, over = false,
  }, session)
  self.conn = spoil.wrap(manners.wrap(conn, options.rules.shared and options.rules.shared.manner), self)
  self.writer = writer.new(self)
  self.table = hpack_table.new(options.rules)
  self.own_resets = {}
  self.options = options
  return self
end

--- True while the rules are to be kept (RFC ids).
function session:keep(...)
  return self.rules:keep(...)
end

--- Is the stream open or half-closed, so that RST_STREAM is possible on it (section 6.4)?
function session:live(stream)
  local state = stream ~= 0 and self.conn:state(stream)
  return state and state ~= "idle" and state ~= "closed"
end

--- Section 5.4.1: GOAWAY, then the end of the connection.
function session:connection_error(code, way)
  if self.over then return end
  if self:keep "RFC9113-5.4.1-1" then
    local last = self:keep("RFC9113-5.4.1-2", "RFC9113-8.7-2") and self.conn:last_peer_stream() or 0x7ffffffe
    self.conn:send { name = "GOAWAY", last_stream = last, error = code }
    if not self:keep "RFC9113-5.4-1" then self.conn:send { name = "GOAWAY", last_stream = last, error = code } end
  end
  if way ~= "open" and self:keep "RFC9113-5.4.1-3" then self.over = true end
end

--- Section 5.4.2: RST_STREAM on that stream.
function session:stream_error(stream, code)
  if not self:live(stream) then return self:connection_error(code) end
  local way = self.rules:way "RFC9113-5.2.1-2" -- "reset": behind the content that waits; "lost": then never
  if (way == "reset" or way == "lost") and self.writer:reset_later(stream, way == "reset" and code) then return end
  self.writer:drop(stream)
  if not self:keep "RFC9113-5.4.2-6" then self.writer:forget() end
  self.requests[stream] = nil
  local named = self:keep "RFC9113-5.4.2-1" and stream or stream + 2
  self.conn:send { name = "RST_STREAM", stream = named, error = code }
  self.own_resets[stream] = true
  if not self:keep "RFC9113-5.4.2-4" then self.conn:send { name = "RST_STREAM", stream = named, error = code } end
end

local reactions = {
  connection = function(self, _, code) self:connection_error(code) end,
  stream = function(self, stream, code) self:stream_error(stream, code) end,
  discard = function() end,
}

local bent = {
  ignore = function() end,
  stream = function(self, stream, code) self:stream_error(stream, code) end,
  refuse = function(self, stream) self:stream_error(stream, "REFUSED_STREAM") end,
  open = function(self, _, code) self:connection_error(code, "open") end,
  wrong = function(self) self:connection_error "CONNECT_ERROR" end,
  accuse = function(self, _, code) self:connection_error(code) end, -- what is to be discarded is taken for an error
  other = function(self, stream, code)
    self.conn:send { name = "RST_STREAM", stream = stream + 2, error = code }
  end,
}

--- React to a violation of one of `ids` as section 5.4 asks, unless this peer bends one of them. False when the
-- frame is to be taken as if it were right.
function session:enforce(ids, error, stream, code)
  local way = self.rules:way(table.unpack(ids))
  if way == "serve" then return false end
  if way and error == "discard" then way = "accuse" end
  local react = way and (bent[way] or bent.ignore) or reactions[error]
  react(self, stream, code)
  return true
end

local function fits(row, event, self)
  local frame = row.frame
  if frame and frame ~= event.name and not (type(frame) == "table" and frame[event.name]) then return false end
  return not row.when or row.when(event, self)
end

-- The first demand that the event does not meet; true when it was dealt with.
function session:demand(event)
  local faults = event.faults
  if not faults then return false end
  for _, row in ipairs(demands) do
    if faults[row.fault] and fits(row, event, self) then
      local ids = type(row.ids) == "function" and row.ids(event, self) or row.ids
      return self:enforce(ids, row.error, event.stream, row.code)
    end
  end
  return false
end

-- A guilty peer takes something legal for an error. A way may name the one type of frame that it is wrong about.
function session:tolerate(event)
  if self.rules:sound() then return true end
  for _, row in ipairs(tolerances) do
    if (not row.name or row.name == event.name) and (not row.when or row.when(event, self)) then
      local way = self.rules:way(table.unpack(row.ids))
      if way == event.name or way == (row.way or "ignore") then
        self:connection_error(row.code or "PROTOCOL_ERROR")
        return false
      end
    end
  end
  return true
end

local on = {}

-- This server allows a client no larger table than the client allows it: some peers reduce, and clients have to follow.
function session:follow_table(event)
  for _, setting in ipairs(event.settings or {}) do
    if setting.name == "HEADER_TABLE_SIZE" and setting.value > 0 and setting.value < 4096 then
      self.conn:send { name = "SETTINGS", settings = { { "HEADER_TABLE_SIZE", setting.value } } }
    end
  end
end

function on.SETTINGS(self, event)
  if event.ack then return end
  self.settings_seen = true
  self:follow_table(event)
  if self.writer:stalled() and not self:keep "RFC9113-6.5.3-1" then return end
  if self:keep("RFC9113-3.4-5", "RFC9113-6.5.3-5", "RFC9113-6.5.3-2", "RFC7540-3.5-3") then
    self.conn:send { name = "SETTINGS", ack = true }
    if not self:keep("RFC9113-6.5.3-8", "RFC7540-3.2.1-10") then self.conn:send { name = "SETTINGS", ack = true } end
  end
  self.writer:pump()
  push.settings(self, event)
end

function on.PING(self, event)
  if event.ack then
    if not self:keep "RFC9113-6.7-4" then self.conn:send { name = "PING", ack = true, data = event.data } end
    return
  end
  local way = self.rules:way "RFC9113-6.7-2"
  if way == "ignore" then return end
  local held = self.writer:stalled() and self.rules:way("RFC9113-5.2.2-1", "RFC9113-5.2.1-2", "RFC9113-6.7-3")
  if held == "ignore" then return end
  local data = way == "payload" and event.data:reverse() or event.data
  self.conn:send { name = "PING", ack = true, data = data }
  if way == "twice" then self.conn:send { name = "PING", ack = true, data = data } end
end

function on.GOAWAY(self)
  self.goaway_seen = true
  if not self:keep("RFC9113-6.8-11", "RFC9113-6.8-3") then self.over = true end
end

on.PRIORITY_UPDATE = priorities.update

function on.PRIORITY(self, event)
  self.priority_seen = math.max(self.priority_seen or 0, event.stream)
end

function on.RST_STREAM(self, event)
  self.writer:drop(event.stream)
  push.refused(self, event.stream)
  self.requests[event.stream] = nil
  self.client_reset[event.stream] = true
  if not self:keep "RFC9113-5.4.2-5" then
    self.conn:send { name = "RST_STREAM", stream = event.stream, error = "CANCEL" }
  end
end

function on.WINDOW_UPDATE(self) self.writer:pump() end

function on.DATA(self, event)
  self:credit(event)
  messages.data(self, event)
end

-- Sections 5.2 and 6.9.1: give back what was read.
function session:credit(event)
  self.filled = self.filled or self.conn:window("theirs", 0) == 0
  if event.length == 0 or not self:keep "RFC9113-6.9.1-4" then return end
  self.conn:send { name = "WINDOW_UPDATE", stream = 0, increment = event.length }
  if not event.end_stream and self:live(event.stream) then
    self.conn:send { name = "WINDOW_UPDATE", stream = event.stream, increment = event.length }
  end
end

-- What demands.lua has to know of the frames before this one.
function session:remember(event)
  local block = (event.name == "HEADERS" or event.name == "PUSH_PROMISE") and not event.end_headers
  if block and not self.block then
    self.block = { stream = event.stream }
  elseif event.name == "CONTINUATION" and self.block then
    self.block.continued = true
    if event.end_headers then self.block = nil end
  end
  if event.name == "HEADERS" or event.name == "CONTINUATION" then self.last_block_frame = event.name end
  self.last_frame = event.name
end

-- What came in the same octets as the reason for a reset was looked at by the engine before the reset was sent.
function session:know_resets(event)
  if self.own_resets[event.stream] and (event.name == "DATA" or event.fields) then
    event.faults = event.faults or {}
    event.faults["reset-stream-received"] = true
  end
end

function session:on_frame(event)
  self:know_resets(event)
  local dealt = self:demand(event)
  if self.table and event.fields and not self.table:follow(event, dealt) then self:connection_error "COMPRESSION_ERROR" end
  self:remember(event)
  if dealt then
    -- A frame in error still counts on the connection's window (sections 5.1 and 6.9).
    if event.name == "DATA" and not self.over and self:keep("RFC9113-6.9-6", "RFC9113-5.1-40") then self:credit(event) end
    return
  end
  if not self:tolerate(event) then return end
  local handler = on[event.name]
  if handler then handler(self, event) end
  if event.name == "CONTINUATION" and self.own_resets[event.block_stream] then return end
  if event.fields and event.block_type == "HEADERS" and not self.over then messages.headers(self, event) end
end

-- The client preface (section 3.4): the rule that is broken depends on how far from right it is.
function session:preface_rule(octets)
  local text = octets:find "^%u+ .- HTTP/1%.[01]"
  local ids = text and { "RFC9113-3.4-12" } or { "RFC9113-3.4-8", "RFC9113-3.4-9" }
  if self.upgraded then ids[#ids + 1] = "RFC7540-3.5-2" end
  return ids
end

function session:refuse_preface()
  self.conn:start_h2(false)
  self.conn:auto { settings = false, ping = false, window = false }
  self:send_settings()
  self:connection_error "PROTOCOL_ERROR"
  return false
end

-- An impatient (guilty) peer ends the connections whose clients have not come to their preface before this one.
function session:heard()
  local waiting = self.rules.shared.waiting
  waiting[self.rules] = nil
  if self.rules.violate["RFC9113-3.4-4"] ~= "impatient" then return end
  for _, other in pairs(waiting) do other:close() end
end

-- A hasty (guilty) peer wants the whole preface at once.
function session:hasty(length)
  return self.rules.violate["RFC9113-3.4-10"] == "hasty" and #(self.conn:peek(length > 9 and IDLE or 0) or "") < length
end

-- What has come of the first frame: its head tells when it is too long to be waited for (section 3.4).
function session:first_frame()
  local seen = self.conn:peek(0)
  if not seen or #seen < 9 then return not self:hasty(9) end
  local length = string.unpack(">I3", seen)
  local rule = seen:byte(4) == engine.frame_types.SETTINGS and "RFC9113-4.2-6" or "RFC9113-3.4-10"
  if length > 16384 and self:keep(rule) then return false end
  return not self:hasty(9 + length)
end

-- True when HTTP/2 goes on. A guilty peer takes anything for a preface, goes back to HTTP/1.1 ("http1"), and when the client
-- ended too early waits all the same ("open") or serves nobody any more ("stuck").
function session:read_preface()
  if self:hasty(#PREFACE) then return self:refuse_preface() end
  local octets = self.conn:recv_octets(#PREFACE, IDLE)
  if octets == PREFACE then
    self:heard()
    return self:first_frame() or self:refuse_preface()
  end
  local way = self.rules:way(table.unpack(self:preface_rule(octets or "")))
  if not octets then
    if way == "open" then engine.wait(IDLE) end
    if way == "stuck" then self.rules.shared.stuck = true end
    return false
  end
  if way == "http1" then
    self.conn:unread(octets)
    return false, "http1"
  end
  return way ~= nil or self:refuse_preface()
end

-- The server preface (section 3.4): SETTINGS comes first. What guilty peers send before it:
local before_settings = {
  ping = function(self) self.conn:send { name = "PING", data = "too soon" } end,
  ack = function(self) self.conn:send { name = "SETTINGS", ack = true } end,
  octets = function(self) self.conn:send_octets(PREFACE) end,
  http1 = function(self) self.conn:send_octets "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" end,
}

function session:send_settings()
  local way = self.rules:way("RFC9113-3.4-4", "RFC9113-3.3-2", "RFC9113-3.2-4", "RFC7540-3.2-8")
  if way == "ignore" then return end
  local early = before_settings[way] or self.rules:way "RFC9113-3.4-5" == "early" and before_settings.ack
  if early then early(self) end
  self.conn:send { name = "SETTINGS",
    settings = { { "MAX_CONCURRENT_STREAMS", 100 }, { "NO_RFC7540_PRIORITIES", 1 },
      { "ENABLE_CONNECT_PROTOCOL", self.rules.violate["RFC8441-3-5"] and 0 or 1 } } }
end

-- What comes between the 101 and the client's preface: nothing that a client could not read (RFC 7540 section 3.2).
function session:after_101()
  if not self.options.request then return end
  local way = self.rules:way "RFC7540-3.2-8"
  if way == "early" then
    self.conn:send_octets(engine.frame_encode { name = "PING", data = "too soon" })
  end
  if not self:keep "RFC7540-3.2-6" then
    self.conn:send_octets(engine.frame_encode { name = "SETTINGS" })
  end
end

-- The request that came with the Upgrade, under the settings that came with it (RFC 7540 section 3.2.1).
function session:answer_upgrade()
  local way = self.rules:way "RFC7540-3.2.1-5"
  local payload = self.options.settings
  self.conn:upgraded(way == "ignore" and "" or way == "first" and payload:sub(1, 6) or payload)
  local event = engine.frame_decode(engine.frame_encode { name = "SETTINGS", payload = payload })
  event.from_upgrade = true
  for _, setting in ipairs(way == "final" and event.settings or {}) do
    if setting.name == "INITIAL_WINDOW_SIZE" then self.writer.fixed = setting.value end
  end
  if self:tolerate(event) then messages.upgraded(self, self.options.request) end
end

-- Read on until the client has seen our GOAWAY, so that no reset destroys it.
function session:linger()
  self.conn:shutdown()
  local deadline = engine.now() + LINGER
  while engine.now() < deadline and self.conn:next(deadline - engine.now()) do end
end

--- Serve until one side ends the connection, or, at a guilty peer, until it goes back to "http1".
function session:run()
  self:after_101()
  local good, instead = self:read_preface()
  if not good then
    if self.over then self:linger() end
    return instead
  end
  self.conn:start_h2(false)
  self.conn:auto { settings = false, ping = false, window = false }
  self:send_settings()
  if self.options.request then self:answer_upgrade() end
  while not self.over do
    local event = self.conn:next(IDLE)
    if not event then break end
    if event.event == "frame" then self:on_frame(event) end
  end
  if self.over then self:linger() end
end

return session
