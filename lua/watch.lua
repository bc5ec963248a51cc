-- The watchman: what a peer sends in breach of a rule, with the requirement's id (docs/design.md).
--
-- Facts about frames are the engine's (src/h2/tables.h). Which of them are violations of the sender, and which the tester
-- itself may have brought about, is in lua/watch/: tables of rules by subject.
local faults = require "h2probe.watch.faults"
local hpack = require "h2probe.watch.hpack"
local messages = require "h2probe.watch.messages"
local settings = require "h2probe.watch.settings"
local streams = require "h2probe.watch.streams"
local transport = require "h2probe.watch.transport"

local watch = {}

local TABLE_SIZE <const> = 4096

local Watch = {}
Watch.__index = Watch

--- A watchman for one connection. Findings { requirement =, text =, conn =, event =, soft = } are appended to the list.
-- What it keeps: `methods` of our requests and `resets` of ours (PINGs that had been sent by then) by stream, `pings` and
-- `acks` that were acknowledged, `settings` of the peer, `answered`: the highest stream that the application answered.
function watch.new(findings)
  return setmetatable({
    list = findings or {}, seen = {}, methods = {}, resets = {}, pings = 0, acks = 0, settings = {}, settings_frames = 0,
    tables = {}, reset_at = {}, answered = 0,
  }, Watch)
end

--- The findings so far.
function Watch:findings()
  return self.list
end

--- A violation; each requirement once on a connection. soft: with a defence, so only a warning.
function Watch:report(conn, event, requirement, text, soft)
  local key = requirement .. (soft and " soft" or "")
  if not self.seen[key] then
    self.seen[key] = true
    self.list[#self.list + 1] = { requirement = requirement, text = text, conn = conn, event = event,
      soft = soft or false }
  end
end

-- What each fault says; from the engine when it is there.
watch.texts = setmetatable({}, { __index = function(_, slug)
  return require("h2probe.engine").faults[slug]
end })

local function name_of(event)
  local name = event.name == "UNKNOWN" and ("frame of type 0x%02x"):format(event.type) or event.name
  return ("%s on stream %d"):format(name, event.stream)
end

local function sorted_faults(set)
  local list = {}
  for slug in pairs(set) do
    list[#list + 1] = slug
  end
  table.sort(list)
  return list
end

local function check_faults(self, conn, event)
  local view = { watch = self, out = conn._.out, block = self.block }
  for _, slug in ipairs(sorted_faults(event.faults)) do
    local row = faults.row(slug, event, conn.role, view)
    if row then
      self:report(conn, event, row[2], ("%s: %s"):format(name_of(event), watch.texts[slug] or slug), row.soft)
    end
  end
end

-- By frame: what there is to see beside the engine's faults.
local on = { DATA = messages.data, RST_STREAM = streams.reset, GOAWAY = streams.goaway }

function on.SETTINGS(self, conn, event)
  if not event.ack then
    return settings.frame(self, conn, event)
  end
  self.acks = self.acks + 1
end

function on.PING(self, conn, event)
  if event.ack and event.data and conn._.pings[event.data] then
    self.pings = self.pings + 1
  end
end

-- Two round trips after our GOAWAY the peer has read it (RFC 9113 section 6.8).
function on.PUSH_PROMISE(self, conn, event)
  if self.goaway and self.pings >= self.goaway + 2 then
    self:report(conn, event, "RFC9113-6.8-1", ("a promise of stream %d after our GOAWAY"):format(event.promised_stream or 0))
  end
  self.promised = math.max(self.promised or 0, event.promised_stream or 0)
end

function on.PRIORITY_UPDATE(self, conn, event)
  if conn.role == "client" then
    self:report(conn, event, "RFC9218-7.1-10", "a server sent PRIORITY_UPDATE")
  end
end

-- RFC 7838 section 4: an origin on stream 0, and none elsewhere.
function on.ALTSVC(self, conn, event)
  if conn.role == "client" and event.origin and (event.stream == 0) == (event.origin == "") then
    self:report(conn, event, "RFC7838-4-6", ("ALTSVC on stream %d with %s origin"):format(event.stream,
      event.origin == "" and "no" or "an"))
  end
end

local function check_block(self, conn, event)
  if event.field_error then
    return hpack.broken(self, conn, event)
  end
  if event.fields[1] and event.fields[1].kind == "size_update" then
    hpack.updates(self, conn, event)
  end
  messages.fields(self, conn, event)
end

-- The field block that is open after this frame: { stream, last = name of its last frame }.
local function follow_block(self, event)
  local name = event.name
  if event.end_headers == false and (name == "HEADERS" or name == "PUSH_PROMISE") then
    self.block = { stream = event.stream, last = name }
  elseif self.block and event.stream == self.block.stream then
    if name == "CONTINUATION" and not event.end_headers then
      self.block.last = name
    elseif name == "CONTINUATION" then
      self.block = nil
    end
  end
end

--- Looks at one received event, after it was recorded in the connection.
function Watch:event(conn, event)
  if event.event ~= "frame" then
    return
  end
  local look = on[event.name]
  if look and event.name ~= "PUSH_PROMISE" then
    look(self, conn, event)
  end
  if event.faults then
    check_faults(self, conn, event)
  end
  if event.name == "PUSH_PROMISE" then
    look(self, conn, event)
  end
  if self.block or event.end_headers == false then
    follow_block(self, event)
  end
  if event.field_error or event.fields then
    check_block(self, conn, event)
  end
  if conn.role == "client" and (event.name == "DATA" or event.block_type == "HEADERS") then
    streams.response(self, conn, event, event.block_stream or event.stream)
  end
end

-- What the tester did --------------------------------------------------------------------------------------------------

--- We sent a request: its fields.
function Watch:request(stream, list)
  local method
  for _, field in ipairs(list) do
    if field[1] == ":method" then
      method = method == nil and field[2] or false
    end
  end
  if self.methods[stream] == nil then
    self.methods[stream] = method or false
  end
end

local sent = {}

function sent.HEADERS(self, frame)
  if frame.fields then
    self:request(frame.stream or 1, frame.fields)
  end
end

function sent.RST_STREAM(self, frame, pings)
  local stream = frame.stream or 1
  self.resets[stream] = self.resets[stream] or pings
end

function sent.GOAWAY(self, _, pings)
  self.goaway = self.goaway or pings
end

-- The table that we allow from the acknowledgement of this SETTINGS frame on.
function sent.SETTINGS(self, frame, _, number)
  for _, pair in ipairs(not frame.ack and frame.settings or {}) do
    if (pair.name or pair.id or pair[1]) == "HEADER_TABLE_SIZE" or (pair.id or pair[1]) == 1 then
      self.tables[#self.tables + 1] = { number = number, size = pair.value or pair[2] }
    end
  end
end

--- We sent a frame; `pings` were asked before it, and with it SETTINGS number `settings`.
function Watch:sent(frame, pings, number)
  local note = sent[frame.name]
  if note then
    note(self, frame, pings, number)
  end
end

--- The largest dynamic table that the peer may use for what it sends now. What came with an Upgrade is in force at once.
function Watch:table_limit()
  local limit = self.upgraded and math.huge or TABLE_SIZE
  for _, entry in ipairs(self.tables) do
    if entry.number <= self.acks then
      limit = math.max(limit, entry.size)
    end
  end
  return limit
end

--- The method of the request that an Upgrade made the one on stream 1.
function Watch:upgrade(method)
  self.upgraded = true
  self.methods[1] = method
end

-- Below HTTP/2 ---------------------------------------------------------------------------------------------------------

--- A TLS handshake is done; `names` was offered.
function Watch:handshake(conn, names, info)
  transport.handshake(self, conn, names, info)
end

--- The head of an HTTP/1.1 message came.
function Watch:head(conn, head)
  transport.head(self, conn, head)
end

--- The connection is over.
function Watch:over(conn)
  transport.over(self, conn)
end

return watch
