-- The core of `conn`: octets, frames and waiting (docs/scripting.md, "Three depths"). conn.lua adds the rest.
--
-- Members that start with an underscore are the runtime's own; `conn._` is the state. What the peer sends is
-- recorded by conn_messages.lua. conn_transport.lua and conn_query.lua have the rest of what is no message.
local context = require "h2probe.context"
local engine = require "h2probe.engine"
local messages = require "h2probe.conn_messages"
local output = require "h2probe.conn_output"
local watch = require "h2probe.watch"

local Conn = {}

-- Events that conn.events keeps; beyond that the older half goes (conn.events.dropped counts).
local MAX_EVENTS, MAX_EVENT_OCTETS = 10000, 2 * 1024 * 1024

local optional = { mode = true, target = true }

-- What start_tls came to, with counters that go on (renegotiations, key updates ...).
local function tls_info(self)
  local known, now = self._.tls, self._.wire:tls() -- the same table, unless the handshake did not end in time
  return known and now and known ~= now and setmetatable(now, { __index = known }) or known or now
end

local Meta = {
  __metatable = "connection",
  __name = "connection",
  __index = function(self, key)
    local method = Conn[key]
    if method then
      return method
    elseif key == "tls" then
      return tls_info(self)
    elseif not optional[key] then
      error(("conn has no '%s'"):format(tostring(key)), 2)
    end
  end,
}

-- conn.response is the HTTP/1.1 head and, called as conn:response(stream), waits for a response.
local Response = {
  __metatable = "response",
  __call = function(_, self, stream, seconds)
    return self:_wait_response(stream, seconds)
  end,
}

--- Wraps an engine connection: { wire =, role = "client" | "server", mode =, target =, run =, auto = }.
function Conn.new(given)
  local run = given.run or context.current() or context.new()
  local self = {
    role = given.role or "client",
    mode = given.mode,
    target = given.target,
    events = { dropped = 0 },
    response = setmetatable({}, Response),
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

--- What has come and was not looked at: the watchman wants all of it. Never parks.
function Conn:_drain()
  local event = self._.wire:next(0)
  while event do
    self:_record(event)
    event = self._.wire:next(0)
  end
end

--- The case is over: the watchman's last look.
function Conn:_over()
  self._.watch:over(self)
end

--- Waits until the predicate holds, looking at it after each event: its value, or nil, code, message.
function Conn:_wait(predicate, seconds)
  local limit = engine.waited() + (seconds or context.left(self._.run))
  while true do
    local value = predicate()
    if value then
      return value
    end
    local event, code, message = self:_pump(math.max(0, limit - engine.waited()))
    if not event then
      value = code ~= "timeout" and predicate()
      if value then
        return value
      end
      return nil, code, message
    end
  end
end

function Conn._matches(event, filter)
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

-- A search for the next frame that matches: each call goes on behind the frames that were looked at. Positions count
-- all events, also those that were dropped from the list.
local function search(self, filter)
  local state, events = self._, self.events
  local at = state.cursor
  return function()
    at = math.max(at, events.dropped)
    while at < events.dropped + #events do
      at = at + 1
      local event = events[at - events.dropped]
      if event.event == "frame" and not state.taken[event] and Conn._matches(event, filter) then
        state.cursor = at
        take(self, event)
        return event
      end
    end
  end
end

--- The next frame, or the next that matches: a type's name or members that must be equal. Frames before it are
-- passed over, but `expect` still sees them. nil, code, message when none came: seconds, or the case's time.
function Conn:recv(filter, seconds)
  self:_need_h2()
  return self:_wait(search(self, filter), seconds)
end

--- What came so far is no more for recv, and no answer to what the script sends from here on.
function Conn:_hand_over()
  local state, events = self._, self.events
  state.cursor, state.mark, state.waited = events.dropped + #events, state.last_seq, true
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
  state.watch:sent(frame, state.ping_count, state.out.settings + 1)
  self:_put(engine.frame_encode(frame, frame.fields and state.wire:encode(frame.fields)))
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

return Conn
