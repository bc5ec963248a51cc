-- The core of `conn`: octets, frames and waiting (docs/scripting.md, "Three depths"). conn.lua adds the rest.
--
-- Members that start with an underscore are the runtime's own; `conn._` is the state. What the peer sends is
-- recorded by conn_messages.lua.
local context = require "h2probe.context"
local engine = require "h2probe.engine"
local frames = require "h2probe.frames"
local messages = require "h2probe.conn_messages"
local output = require "h2probe.conn_output"
local watch = require "h2probe.watch"

local Conn = {}

local PREFACE = output.PREFACE

-- Events that conn.events keeps; beyond that the older half goes (conn.events.dropped counts).
local MAX_EVENTS, MAX_EVENT_OCTETS = 10000, 16 * 1024 * 1024

local getters = {
  mode = function() end,
  target = function() end,
  tls = function(self) return self._.tls or self._.wire:tls() end,
}

local Meta = {
  __metatable = "connection",
  __name = "connection",
  __index = function(self, key)
    local method = Conn[key]
    if method ~= nil then
      return method
    end
    if getters[key] then
      return getters[key](self)
    end
    error(("conn has no '%s'"):format(tostring(key)), 2)
  end,
}

-- conn.response is the HTTP/1.1 head and, called as conn:response(stream), waits for a response.
local function response_value()
  return setmetatable({}, {
    __metatable = "response",
    __call = function(_, self, stream, seconds)
      return self:_wait_response(stream, seconds)
    end,
  })
end

--- Wraps an engine connection: { wire =, role = "client" | "server", mode =, target =, run =, auto = }.
function Conn.new(given)
  local run = given.run or context.current() or context.new()
  local self = {
    role = given.role or "client",
    mode = given.mode,
    target = given.target,
    events = { dropped = 0 },
    response = response_value(),
  }
  self._ = {
    wire = given.wire, role = self.role, run = run, out = output.new(self.role),
    streams = {}, stream_count = 0, bodies = 0, requests = {}, requests_taken = 0,
    goaways = {}, pings = {}, ping_count = 0, acked = {}, settings_acks = 0, peer_settings = 0,
    last_seq = 0, cursor = 0, mark = 0, waited = true, event_octets = 0,
    taken = setmetatable({}, { __mode = "k" }), auto = {}, started = false, watch = watch.new(run.findings),
  }
  setmetatable(self, Meta)
  if given.auto then
    self:auto(given.auto)
  end
  local opened = run.connections
  opened[#opened + 1] = self
  return self
end

-- Receiving --------------------------------------------------------------------------------------------------

local function keep_event(self, event)
  local state, events = self._, self.events
  events[#events + 1] = event
  state.event_octets = state.event_octets + (event.length or 0)
  if #events > MAX_EVENTS or state.event_octets > MAX_EVENT_OCTETS then
    local half = #events // 2
    for index = 1, half do
      state.event_octets = state.event_octets - (events[index].length or 0)
    end
    table.move(events, half + 1, #events + half, 1)
    events.dropped = events.dropped + half
  end
end

function Conn:_record(event)
  local state = self._
  state.last_seq = event.seq
  keep_event(self, event)
  messages.event(state, event)
  state.watch:event(self, event)
end

--- The next event, recorded, or nil and a code. seconds: at most what the case has left.
function Conn:_pump(seconds)
  local state = self._
  local left = context.left(state.run)
  local event, code, message = state.wire:next(math.min(seconds or left, left))
  if event then
    self:_record(event)
    return event
  end
  if code ~= "timeout" and not state.ended then
    state.ended = state.wire:ended() or { how = "error", text = message or code }
    state.ended_seq = state.last_seq + 0.5
  end
  return nil, code, message
end

--- Waits until the predicate holds, looking at it after each event: its value, or nil, code, message.
function Conn:_wait(predicate, seconds)
  local limit = engine.now() + (seconds or context.left(self._.run))
  while true do
    local value = predicate()
    if value then
      return value
    end
    local event, code, message = self:_pump(math.max(0, limit - engine.now()))
    if not event then
      value = code ~= "timeout" and predicate()
      if value then
        return value
      end
      return nil, code, message
    end
  end
end

local function matches(event, filter)
  if type(filter) == "string" then
    return event.name == filter
  end
  for key, wanted in pairs(filter or {}) do
    local value = event[key]
    if value ~= wanted and not (wanted == false and value == nil) then
      return false
    end
  end
  return true
end

local function take(self, event)
  local state = self._
  state.taken[event] = true
  state.waited = true
end

-- The first frame after the cursor that was not taken and matches.
local function find(self, filter)
  local state = self._
  for _, event in ipairs(self.events) do
    if event.seq > state.cursor and event.event == "frame" and not state.taken[event] and matches(event, filter) then
      state.cursor = event.seq
      take(self, event)
      return event
    end
  end
end

--- The next frame, or the next that matches: a type's name or members that must be equal. Frames before it are
-- passed over, but `expect` still sees them. nil, code, message when none came: seconds, or the case's time.
function Conn:recv(filter, seconds)
  self:_need_h2()
  return self:_wait(function() return find(self, filter) end, seconds)
end

--- Marks frames that a call waited for, so that recv does not hand them out again.
function Conn:_take(predicate)
  local state = self._
  state.waited = true
  for _, event in ipairs(self.events) do
    if predicate(event) then
      state.taken[event] = true
    end
  end
end

-- Sending ----------------------------------------------------------------------------------------------------

--- What the script sends after it waited begins a new stimulus: earlier errors are no answer to it.
function Conn:_stimulus()
  local state = self._
  if state.waited then
    state.mark = state.ended and math.huge or state.last_seq
    state.waited = false
  end
end

function Conn:_put(octets)
  local state = self._
  if state.started then
    output.track(state.out, octets)
  end
  state.wire:send_octets(octets)
end

function Conn:_put_frame(frame)
  local state = self._
  if frame.fields then
    local copy = {}
    for key, value in pairs(frame) do
      copy[key] = value
    end
    copy.fragment, copy.fields = state.wire:encode(frame.fields), nil
    frame = copy
  end
  self:_put(engine.frame_encode(frame))
end

--- Sends frames (tables) and octets (strings). They leave with everything that is sent before the next wait.
function Conn:send(...)
  self:_stimulus()
  for index = 1, select("#", ...) do
    local value = select(index, ...)
    if type(value) == "string" then
      self:_put(value)
    elseif type(value) == "table" then
      self:_need_h2()
      self:_put_frame(value)
    else
      error(("send: value %d is neither a frame nor octets"):format(index), 2)
    end
  end
end

--- Sends octets as they are.
function Conn:send_octets(octets)
  self:_stimulus()
  self:_put(octets)
end

--- Ends a write: what was sent since the last flush or wait leaves now, as one write.
function Conn:flush()
  self._.wire:flush()
end

-- Octets and the transport -------------------------------------------------------------------------------

--- Before HTTP/2: n octets (nil: what comes next), or nil, code, message.
function Conn:recv_octets(n, seconds)
  local state = self._
  state.waited = true
  return state.wire:recv_octets(n, math.min(seconds or math.huge, context.left(state.run)))
end

--- Before HTTP/2: what has come, at least n octets of it, without taking it; or nil, code, message.
function Conn:_look(n)
  local state, seen = self._, ""
  repeat
    local octets, code, message = state.wire:recv_octets(n - #seen, context.left(state.run))
    if not octets then
      state.wire:unread(seen)
      return nil, code, message
    end
    seen = seen .. octets
  until #seen >= n
  state.wire:unread(seen)
  return seen
end

--- Before HTTP/2: an HTTP/1.1 head; also in conn.response (client). Or nil, code, message.
function Conn:recv_head(seconds)
  local state = self._
  local head, code, message = state.wire:recv_head(math.min(seconds or math.huge, context.left(state.run)))
  if not head then
    return nil, code, message
  end
  state.waited = true
  if self.role == "client" then
    for key in pairs(self.response) do
      self.response[key] = nil
    end
    for key, value in pairs(head) do
      self.response[key] = value
    end
    return self.response
  end
  return head
end

--- Ends our side of the TCP connection (after close_notify on TLS).
function Conn:half_close() self._.wire:shutdown() end
--- TLS close_notify alone.
function Conn:close_notify() self._.wire:close_notify() end
--- Ends the connection with a TCP reset.
function Conn:reset() self._.wire:reset() end
--- Closes the connection.
function Conn:close() self._.wire:close() end
--- What was sent and received so far, as in docs/engine.md; lua/transcript.lua makes it readable.
function Conn:transcript() return self._.wire:transcript() end

local function is_address(host)
  return host:find(":", 1, true) ~= nil or host:find "^%d+%.%d+%.%d+%.%d+$" ~= nil
end

-- What the target asks for. A host that is an address has no SNI (RFC 6066 section 3).
local function tls_defaults(target)
  local sni = target.sni
  if sni == nil then
    sni = target.host and not is_address(target.host) and target.host or false
  end
  return {
    sni = sni, verify = target.verify ~= false, verify_name = sni or target.host, ca_file = target.ca_file,
    cert_file = target.cert_file, key_file = target.key_file,
  }
end

--- TLS on top of what there is, with the options of docs/engine.md; those of the target (SNI, verification, files) hold
-- unless given. The info table, or nil and the reason (conn.tls.alert names the alert).
function Conn:start_tls(options)
  local state = self._
  local given = self.role == "client" and tls_defaults(self.target or {}) or {}
  given.timeout = context.left(state.run)
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  local info, code, message, failed = state.wire:start_tls(given)
  state.waited = true
  if not info then
    state.tls = failed or {}
    state.ended = state.ended or state.wire:ended() or { how = "tls_error", text = message }
    state.ended_seq = state.last_seq + 0.5
    return nil, message or code
  end
  state.tls, state.secure = info, true
  return info
end

--- Reads HTTP/2 from here on, without having sent anything.
function Conn:start_h2()
  local state = self._
  if not state.started then
    state.wire:start_h2()
    state.started = true
  end
end

function Conn:_need_h2()
  if not self._.started then
    self:start_h2()
  end
end

-- The start of HTTP/2 -----------------------------------------------------------------------------------

local function names_push(settings)
  for _, pair in ipairs(settings) do
    if pair[1] == "ENABLE_PUSH" or pair[1] == engine.settings.ENABLE_PUSH then
      return true
    end
  end
end

--- A SETTINGS frame of the tester: ENABLE_PUSH 0 is added by a client unless given. settings: as for SETTINGS { }.
function Conn:_settings_frame(settings)
  local list = frames.settings_list(settings or {})
  if self.role == "client" and not names_push(list) then
    table.insert(list, 1, { "ENABLE_PUSH", 0 })
  end
  return { name = "SETTINGS", settings = list }
end

--- The first SETTINGS alone: for those who send PREFACE themselves.
function Conn:send_settings(settings)
  self:_stimulus()
  self:_put_frame(self:_settings_frame(settings))
end

--- The 24 octets and SETTINGS, in one write with what follows (RFC 9113 section 3.4). A server sends SETTINGS alone.
function Conn:send_preface(settings)
  self:_stimulus()
  self:start_h2()
  if self.role == "client" then
    self:_put(PREFACE)
  end
  self:_put_frame(self:_settings_frame(settings))
  self._.preface_sent = true
end

--- send_preface (unless sent), then waits for the peer's SETTINGS and the ACK of ours: true, or nil, code, message.
function Conn:handshake(settings)
  local state = self._
  if self.role == "server" and not state.preface_seen then
    local ok, code, message = self:expect_preface()
    if not ok then
      return nil, code, message
    end
  end
  if not state.preface_sent then
    self:send_preface(settings)
  end
  local begun = engine.now()
  local ok, code, message = self:_wait(function()
    return state.peer_settings > 0 and state.settings_acks >= state.out.settings
  end)
  if ok then
    state.rtt = state.rtt or engine.now() - begun
    self:_take(function(event) return event.name == "SETTINGS" end)
  end
  return ok, code, message
end

-- Round trips -----------------------------------------------------------------------------------------------

--- Sends a PING with a payload of its own (the same in every run): the payload.
function Conn:_send_ping()
  local state = self._
  state.ping_count = state.ping_count + 1
  local payload = ("h2p%05d"):format(state.ping_count % 100000)
  state.pings[payload], state.acked[payload] = true, nil
  self:_put_frame { name = "PING", data = payload }
  return payload
end

--- One PING round trip (RFC 9113 section 6.7): its seconds, or nil, code, message.
function Conn:ping(seconds)
  self:_need_h2()
  local state = self._
  local payload, begun = self:_send_ping(), engine.now()
  local acked, code, message = self:_wait(function() return state.acked[payload] end, seconds)
  if not acked then
    return nil, code, message
  end
  for _, event in ipairs(self.events) do
    if event.seq == acked then
      state.taken[event] = true
    end
  end
  state.rtt = engine.now() - begun
  return state.rtt
end

--- Two PING round trips, one after the other: true, or nil, code, message.
function Conn:barrier(seconds)
  local first, code, message = self:ping(seconds)
  if not first then
    return nil, code, message
  end
  local second
  second, code, message = self:ping(seconds)
  return second and true, code, message
end

--- Sends SETTINGS { ... } and waits for its ACK (6.5.3): true, or nil, code, message.
function Conn:settings(given, seconds)
  self:send(frames.SETTINGS(given))
  local state = self._
  local wanted = state.out.settings
  local ok, code, message = self:_wait(function() return state.settings_acks >= wanted end, seconds)
  if ok then
    self:_take(function(event) return event.name == "SETTINGS" and event.ack end)
  end
  return ok, code, message
end

-- What came so far -----------------------------------------------------------------------------------------

--- How many frames came that match (a name, or members that must be equal).
function Conn:count(filter)
  local count = 0
  for _, event in ipairs(self.events) do
    if event.event == "frame" and matches(event, filter) then
      count = count + 1
    end
  end
  return count
end

--- The last frame that came and matches, or nil.
function Conn:last(filter)
  for index = #self.events, 1, -1 do
    local event = self.events[index]
    if event.event == "frame" and matches(event, filter) then
      return event
    end
  end
end

--- Octets of content that came in DATA frames of a stream, without padding.
function Conn:data_octets(stream)
  local record = self._.streams[stream]
  return record and record.body_size or 0
end

--- Did the peer end the connection by a TCP reset (which may have destroyed what it sent before)?
function Conn:ended_by_reset()
  local ended = self:ended()
  return ended ~= nil and ended.how == "rst"
end

-- Bookkeeping (docs/engine.md) ------------------------------------------------------------------------------

--- The state of a stream as seen from our side: "idle", "open", "half-closed (local)" ... (5.1)
function Conn:state(stream) return self._.wire:state(stream) end
--- Octets that "ours" or "theirs" may still send on a stream (0: the connection). (6.9.1)
function Conn:window(by, stream) return self._.wire:window(by, stream) end
--- A setting that "ours" or "theirs" announced and the other acknowledged. (6.5.2)
function Conn:setting(by, name) return self._.wire:setting(by, name) end
--- SETTINGS frames of "ours" or "theirs" that were not acknowledged yet. (6.5.3)
function Conn:unacknowledged(by) return self._.wire:unacknowledged(by) end
--- A field list as a field block, by the connection's encoder. (RFC 7541)
function Conn:encode(list) return self._.wire:encode(list) end
--- The dynamic table of the field blocks that "ours" or "theirs" sends. (RFC 7541 section 2.3.2)
function Conn:table(by) return self._.wire:table(by) end

--- Automatic replies on or off: { settings =, ping =, window = }; the former ones.
function Conn:auto(given)
  for key, value in pairs(given) do
    self._.auto[key] = value
  end
  return self._.wire:auto(given)
end

--- How the peer ended its side: nil while it did not, or { how =, ... } as in docs/engine.md.
function Conn:ended()
  return self._.ended or self._.wire:ended()
end

--- The next free stream identifier, reserved (5.1.1).
function Conn:new_stream()
  local state = self._
  local id = math.max(state.next_id or 1, state.wire:next_stream())
  state.next_id = id + 2
  return id
end

return Conn
