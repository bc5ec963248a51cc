-- A connection whose peer follows a script, and a clock that only waits move: outcomes are tested without a socket.
--
-- A script is a list: frames (tables made by the functions below), "ack" (the next PING of ours is acknowledged),
-- "answer" or { answer = 503 } (the next witness request is answered), { reset_witness = "CODE" }, { ended = "fin" },
-- { wait = seconds }. What comes after its end: nothing, or with alive = true acknowledgements and answers.
local real = require "h2probe.engine"

local peer = {}

local clock = 1000

-- Modules of the runtime that see this clock.
function peer.load(...)
  local kept = {}
  for name, module in pairs(package.loaded) do
    if name:find "^h2probe%." then
      kept[name], package.loaded[name] = module, nil
    end
  end
  package.loaded["h2probe.engine"] = setmetatable({
    now = function() return clock end,
    waited = function() return clock end,
    current = function() return nil end,
  }, { __index = real })
  local modules = {}
  for index, name in ipairs { ... } do
    modules[index] = require("h2probe." .. name)
  end
  for name in pairs(package.loaded) do
    if name:find "^h2probe%." then
      package.loaded[name] = kept[name]
    end
  end
  for name, module in pairs(kept) do
    package.loaded[name] = module
  end
  return table.unpack(modules)
end

local function frame(name, stream, more)
  local event = { event = "frame", name = name, stream = stream, length = 0 }
  for key, value in pairs(more or {}) do
    event[key] = value
  end
  return event
end

peer.frame = frame

function peer.goaway(code, last)
  return frame("GOAWAY", 0, { error = code, last_stream = last or 1 })
end

function peer.reset(stream, code)
  return frame("RST_STREAM", stream, { error = code })
end

function peer.head(stream, status, more)
  local event = frame("HEADERS", stream, { fields = { { ":status", tostring(status) } }, block_stream = stream,
    block_type = "HEADERS", block_end_stream = true, end_stream = true })
  for key, value in pairs(more or {}) do
    event[key] = value
  end
  return event
end

local Wire = {}
Wire.__index = Wire

-- What we send: PINGs to be acknowledged, and requests of ours.
function Wire:send_octets(octets)
  self.pending = self.pending .. octets
  if self.pending:sub(1, 3) == "PRI" then
    self.pending = self.pending:sub(25)
  end
  local sent, used = real.frame_decode(self.pending)
  while sent do
    self.sent[#self.sent + 1] = sent
    if sent.name == "PING" and not sent.ack then
      table.insert(self.pings, sent.data)
    elseif sent.name == "HEADERS" then
      table.insert(self.requests, sent.stream)
      self.states[sent.stream] = sent.end_stream and "half-closed (local)" or "open"
    end
    self.pending = self.pending:sub(used + 1)
    sent, used = real.frame_decode(self.pending)
  end
  return true
end

local steps = {}

function steps.ack(self)
  local data = table.remove(self.pings, 1)
  return data and frame("PING", 0, { ack = true, data = data, length = 8 })
end

function steps.answer(self, status)
  local stream = self.requests[#self.requests]
  if stream and stream ~= self.answered then
    self.answered = stream
    self.states[stream] = "closed"
    return peer.head(stream, status or 200)
  end
end

function steps.reset_witness(self, code)
  local stream = self.requests[#self.requests]
  return stream and stream ~= self.answered and peer.reset(stream, code)
end

-- The event of a step; nil while it waits for something of ours.
local function event_of(self, step)
  if type(step) == "string" then
    return steps[step](self)
  elseif step.answer then
    local event = steps.answer(self, step.answer)
    if event and step.broken then
      event.field_error = { status = "index-range", offset = 0, message = "no such index" }
    end
    return event
  elseif step.reset_witness then
    return steps.reset_witness(self, step.reset_witness)
  end
  return step
end

function Wire:following()
  local step = self.script[1]
  if step then
    local event = event_of(self, step)
    if event then
      table.remove(self.script, 1)
    end
    return event
  end
  return self.alive and (steps.ack(self) or steps.answer(self)) or nil
end

function Wire:next(timeout)
  if self.over then
    return nil, "closed", "the peer closed the connection"
  end
  local step = self.script[1]
  if type(step) == "table" and step.wait then
    local passed = math.min(step.wait, timeout)
    clock, step.wait = clock + passed, step.wait - passed
    if step.wait <= 0 then
      table.remove(self.script, 1)
    end
    return nil, "timeout"
  end
  local event = self:following()
  if not event then
    clock = clock + math.max(timeout, 0.001)
    return nil, "timeout"
  elseif event.ended then
    self.over = { how = event.ended, alert_name = event.alert, text = "it ended" }
    return nil, "closed", "the peer closed the connection"
  end
  self.seq = self.seq + 1
  event.seq = self.seq
  return event
end

function Wire:ended() return self.over end
function Wire:state(stream) return self.states[stream] or "idle" end
function Wire:setting(_, name) return self.settings[name] or real.settings_initial[name] end
function Wire:window() return 65535 end
function Wire:unacknowledged() return self.withheld and 1 or 0 end
function Wire:next_stream() return self.first_free end
function Wire:encode() return "block" end
function Wire:tls() return self.tls_info end
function Wire:peek() return self.raw end
function Wire:recv_octets() return nil, "timeout" end

-- What left up to now.
function Wire:flush()
  self.flushed = #self.sent
  return true
end

for _, name in ipairs { "start_h2", "upgraded", "close", "reset", "shutdown", "unread" } do
  Wire[name] = function() end
end
function Wire:auto(given) return given end

--- A fake engine connection: { script..., alive =, settings =, withheld =, states =, raw = }.
function peer.wire(given)
  return setmetatable({
    script = given, alive = given.alive, settings = given.settings or {}, withheld = given.withheld,
    states = given.states or { [1] = "open" }, raw = given.raw, tls_info = given.tls, first_free = 3, seq = 0,
    sent = {}, pings = {}, requests = {}, pending = "",
  }, Wire)
end

function peer.clock()
  return clock
end

return peer
