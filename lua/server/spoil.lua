-- The frames of a guilty server: rules of what it sends that no other place keeps, each broken by one spoiler.
--
-- A spoiler: { id, on = the frames that are its occasion (a name, or function(frame, peer)), way = nil (the default way,
-- "ignore") or the name of a way, and what it does to the frame: with = members that change, before and after = frames
-- that go around it, instead = frames in its place: lists, or function(frame, peer) that returns one }.
-- peer: { conn, rules, session }. Frames are tables as in docs/engine.md.
local rules = require "h2probe.rules"

local spoil = {}

local REQUEST <const> = { { ":method", "GET" }, { ":scheme", "http" }, { ":authority", "localhost" }, { ":path", "/pushed" } }
local FAR <const> = 9999 -- an odd stream that no client has come to
local MOST <const> = 0x7fffffff

-- Occasions ----------------------------------------------------------------------------------------------------------

local function is_head(frame)
  return frame.name == "HEADERS" and frame.fields ~= nil and frame.fields[1] ~= nil and frame.fields[1][1] == ":status"
end

local function response(frame)
  return is_head(frame) and frame.fields[1][2]:find "^[23]" ~= nil
end

local function with_content(frame)
  return response(frame) and not frame.end_stream
end

local function last_data(frame)
  return frame.name == "DATA" and frame.end_stream and #frame.data > 1
end

local function last(frame)
  return frame.end_stream and (frame.name == "DATA" or response(frame))
end

local function acknowledgement(frame)
  return frame.name == "SETTINGS" and frame.ack
end

local function first_settings(frame)
  return frame.name == "SETTINGS" and not frame.ack
end

local function goaway_error(frame)
  return frame.name == "GOAWAY" and frame.error ~= "NO_ERROR"
end

local function may_push(frame, peer)
  return with_content(frame) and peer.conn:setting("theirs", "ENABLE_PUSH") == 1
end

local function answered_late(frame, peer)
  return response(frame) and next(peer.session.client_reset) ~= nil and peer.pings >= 2
end

local function no_table(frame, peer)
  return response(frame) and peer.conn:setting("theirs", "HEADER_TABLE_SIZE", true) == 0
end

-- The table had entries, and has none now.
local function emptied_table(frame, peer)
  peer.answers = peer.answers + (response(frame) and 1 or 0)
  return response(frame) and peer.answers > 1 and #peer.conn:table "ours" == 0
end

local function more_data(frame)
  return frame.name == "DATA" and not frame.end_stream
end

-- Frames -------------------------------------------------------------------------------------------------------------

local function same(name, more)
  return function(frame)
    local made = { name = name, stream = frame.stream }
    for key, value in pairs(more or {}) do
      made[key] = value
    end
    return { made }
  end
end

local function changed(frame, members)
  local copy = {}
  for key, value in pairs(frame) do
    copy[key] = value
  end
  for key, value in pairs(members) do
    copy[key] = value
  end
  return copy
end

local function with_fields(change)
  return function(frame)
    local list = table.move(frame.fields, 1, #frame.fields, 1, {})
    return { changed(frame, { fields = change(list) or list }) }
  end
end

local function added(name, value)
  return with_fields(function(list) list[#list + 1] = { name, value } end)
end

-- The field block in parts with other frames between them.
local function interrupted(...)
  local between = { ... }
  return function(frame)
    local frames = { changed(frame, { end_headers = false }) }
    for _, each in ipairs(between) do
      frames[#frames + 1] = changed(each, { stream = each.stream or frame.stream })
    end
    frames[#frames + 1] = { name = "CONTINUATION", stream = frame.stream, fragment = "" }
    return frames
  end
end

-- DATA of one octet more than the window of a stream (0: the connection) allows, in frames of a legal size.
local function beyond(stream_of)
  return function(frame, peer)
    local left, frames = peer.conn:window("ours", stream_of(frame)) + 1, {}
    while left > 0 do
      local size = math.min(left, 16384)
      frames[#frames + 1] = { name = "DATA", stream = frame.stream, data = ("x"):rep(size) }
      left = left - size
    end
    return frames
  end
end

local function promised(peer)
  peer.last_promise = peer.last_promise + 2
  return peer.last_promise
end

-- A push whose promise and whose response can be changed: nothing else is wrong with it.
local function push(promise, between)
  return function(frame, peer)
    local id = promised(peer)
    local made = changed({ name = "PUSH_PROMISE", stream = frame.stream, promised_stream = id, fields = REQUEST },
      type(promise) == "function" and promise(id, frame) or promise or {})
    local frames = { made }
    for _, each in ipairs(between and between(id, frame) or {}) do
      frames[#frames + 1] = each
    end
    if made.promised_stream == id and made.stream == frame.stream then
      frames[#frames + 1] = { name = "HEADERS", stream = id, fields = { { ":status", "200" } }, end_stream = true }
    end
    return frames
  end
end

local function request_with(name, value)
  local list = {}
  for i, field in ipairs(REQUEST) do
    list[i] = field[1] == name and { name, value } or field
  end
  return list
end

-- The block without the size update that the encoder puts in front.
local function without_update(frame, peer)
  local block = peer.conn:encode(frame.fields)
  while block:byte(1) and block:byte(1) & 0xe0 == 0x20 do
    local at = 2
    if block:byte(1) & 0x1f == 0x1f then
      while block:byte(at) & 0x80 ~= 0 do at = at + 1 end
      at = at + 1
    end
    block = block:sub(at)
  end
  return { changed(frame, { fragment = block, fields = false }) }
end

-- A reference to the client's first entry, which the server has not inserted.
local function unknown_entry(frame, peer)
  local list = table.move(frame.fields, 1, #frame.fields, 1, {})
  table.insert(list, 2, { kind = "indexed", index = 62 + #peer.conn:table "ours" })
  return { changed(frame, { fields = frame.stream > 1 and list or frame.fields }) }
end

local function padded(frame, peer)
  local flags = 0x0c | (frame.end_stream and 1 or 0)
  return { { name = "HEADERS", stream = frame.stream, flags = flags,
    payload = "\1" .. peer.conn:encode(frame.fields) .. "\1" } }
end

-- An answer to an open request before its end, so that the client is not done with the stream yet.
local function early_end(frame, peer)
  local stream = next(peer.session.requests)
  return { frame, { name = "HEADERS", stream = stream, fields = { { ":status", "200" } }, end_stream = true },
    { name = "HEADERS", stream = stream, fields = { { "x-late", "1" } }, end_stream = true } }
end

local function has_open_request(frame, peer)
  return frame.name == "PING" and frame.ack and next(peer.session.requests) ~= nil
end

local function larger_table(frame, peer)
  return acknowledgement(frame) and next(peer.session.requests) ~= nil
    and peer.conn:setting("theirs", "HEADER_TABLE_SIZE", true) > 4096
end

local SETTING <const> = function(name, value)
  return function(frame)
    local list = { { name, value } }
    return { changed(frame, { settings = table.move(frame.settings or {}, 1, #(frame.settings or {}), 2, list) }) }
  end
end

-- The rules ----------------------------------------------------------------------------------------------------------

local SPOILERS = {
  -- Frames.
  { "RFC9113-4.1-1", on = response, before = { { type = 0x42, stream = 0, payload = ("x"):rep(16385) } } },
  { "RFC9113-4.1-4", on = acknowledgement, with = { flags = 0x41 } },
  { "RFC9113-4.1-5", on = acknowledgement, with = { reserved = true } },
  { "RFC9113-4.2-14", on = acknowledgement, before = { { name = "WINDOW_UPDATE", payload = "\0\0\1" } } },
  { "RFC9113-6.7-1", on = acknowledgement, before = { { name = "PING", payload = "7 octet" } } },
  { "RFC9113-6.5-5", on = acknowledgement, with = { payload = "\0\3\0\0\0\1" } },
  { "RFC9113-6.5-7", on = acknowledgement, before = { { name = "SETTINGS", stream = 1 } } },
  { "RFC9113-6.7-7", on = acknowledgement, before = { { name = "PING", stream = 1, data = "on one.." } } },
  { "RFC9113-6.9-8", on = acknowledgement, before = { { name = "WINDOW_UPDATE", increment = 0 } } },
  { "RFC9113-6.1-1", on = with_content, after = same("DATA", { flags = 8, payload = "\1\1" }) },
  { "RFC9113-6.2-1", on = response, instead = padded },
  { "RFC9113-6.1-11", on = response, before = { { name = "DATA", stream = 0, data = "x" } } },
  { "RFC9113-6.2-21", on = response, before = { { name = "HEADERS", stream = 0, fragment = "" } } },
  { "RFC9113-6.3-1", way = "sent", on = response, before = { { name = "PRIORITY", stream = 0 } } },
  { "RFC9113-6.4-8", on = response, before = { { name = "RST_STREAM", stream = 0 } } },
  { "RFC9113-4.2-9", way = "sent", on = with_content, after = same("DATA", { flags = 8, payload = "" }) },
  { "RFC9113-6.1-7", way = "sent", on = with_content, after = same("DATA", { flags = 8, payload = "\9x" }) },
  { "RFC9113-4.2-10", way = "sent", on = with_content, before = same("HEADERS", { flags = 0x0c, payload = "" }) },
  { "RFC9113-4.2-11", way = "sent", on = with_content, before = same("HEADERS", { flags = 0x24, payload = "\0\0" }) },
  { "RFC9113-6.2-15", way = "sent", on = with_content, before = same("HEADERS", { flags = 0x0c, payload = "\9x" }) },
  { "RFC8336-2.1-1", on = response, before = { { name = "ORIGIN", payload = "\0\9http" } } },
  { "RFC8336-2.2-1", on = response, before = { { name = "ORIGIN", stream = 1, origins = { "http://localhost" } } } },
  { "RFC7838-4-6", on = response, before = { { name = "ALTSVC", stream = 0, value = "clear" } } },
  { "RFC9218-7.1-10", on = response, before = { { name = "PRIORITY_UPDATE", prioritized_stream = 1, value = "u=1" } } },

  -- Field blocks.
  { "RFC9113-4.3-2", on = response, instead = interrupted { name = "PING", data = "too soon", stream = 0 } },
  { "RFC9113-6.2-3", on = response, instead = interrupted { name = "WINDOW_UPDATE" } },
  { "RFC9113-6.3-4", on = response, instead = interrupted { name = "PRIORITY" } },
  { "RFC9113-6.10-2", on = response,
    instead = interrupted({ name = "CONTINUATION", fragment = "", end_headers = false }, { name = "WINDOW_UPDATE" }) },
  { "RFC9113-6.10-9", on = response, before = same("CONTINUATION", { fragment = "" }) },
  { "RFC7541-3.2-5", on = response, with = { fragment = "\xff\xff\3", fields = false } },
  { "RFC7541-4.2-1", on = response, with = { fragment = "\x3f\xe2\x1f\x88", fields = false } },
  { "RFC9113-4.3.1-3", on = no_table, instead = without_update },
  { "RFC7541-4.2-2", on = no_table, instead = without_update },
  { "RFC7541-4.2-4", on = emptied_table, instead = without_update },
  { "RFC7541-6.3-3", on = response, with = { fragment = "\x3f\xe2\x1f\x88", fields = false } },
  { "RFC7541-2.2-1", on = response, instead = unknown_entry },
  { "RFC9113-4.3.1-2", on = larger_table, before = function(_, peer)
    return { { name = "HEADERS", stream = next(peer.session.requests),
      fields = { { kind = "size_update", size = 8192 }, { ":status", "103" } } } }
  end },

  -- Streams.
  { "RFC9113-8.1-1", way = "elsewhere", on = acknowledgement, before = { { name = "HEADERS", stream = FAR,
    fields = { { ":status", "200" } } } } },
  { "RFC9113-6.1-4", on = response, before = { { name = "DATA", stream = FAR, data = "x" } } },
  { "RFC9113-6.4-4", on = response, before = { { name = "RST_STREAM", stream = FAR } } },
  { "RFC9113-5.1-3", way = "sent", on = response, before = { { name = "WINDOW_UPDATE", stream = FAR } } },
  { "RFC9113-5.1-17", on = has_open_request, instead = early_end },
  { "RFC9113-5.1-26", on = last, after = same("DATA", { data = "x" }) },
  { "RFC9113-5.4.2-2", way = "sent", on = with_content, before = same "RST_STREAM" },
  { "RFC9113-5.4.2-4", on = with_content, instead = function(frame)
    return { { name = "RST_STREAM", stream = frame.stream }, { name = "RST_STREAM", stream = frame.stream } }
  end },
  { "RFC9113-5.4.2-5", way = "late-answer", on = answered_late, before = function(_, peer)
    return { { name = "RST_STREAM", stream = next(peer.session.client_reset) } }
  end },
  { "RFC9113-6.4-1", way = "late-answer", on = answered_late, before = function(_, peer)
    return { { name = "HEADERS", stream = next(peer.session.client_reset), fields = { { ":status", "200" } } } }
  end },
  { "RFC9113-8.7-1", on = with_content, after = same("RST_STREAM", { error = "REFUSED_STREAM" }) },

  -- GOAWAY.
  { "RFC9113-5.4-1", way = "twice", on = goaway_error, after = function(frame) return { frame } end },
  { "RFC9113-6.8-5", on = goaway_error, with = { last_stream = 0x7ffffffd } },
  { "RFC9113-6.8-6", on = goaway_error, with = { last_stream = 1001 },
    before = { { name = "GOAWAY", last_stream = 999, error = "NO_ERROR" } } },
  { "RFC9113-8.7-2", way = "low", on = last, after = { { name = "GOAWAY", last_stream = 0, error = "NO_ERROR" } } },

  -- Flow control.
  { "RFC9113-6.9.1-1", way = "beyond", on = more_data, before = beyond(function(frame) return frame.stream end) },
  { "RFC9113-6.9.1-2", way = "beyond", on = more_data, before = beyond(function() return 0 end) },
  { "RFC9113-6.9.1-5", way = "sent", on = with_content, before = same("WINDOW_UPDATE", { increment = MOST }) },
  { "RFC9113-6.9.1-6", way = "sent", on = response, before = { { name = "WINDOW_UPDATE", increment = MOST } } },
  { "RFC9113-6.9.2-7", way = "sent", on = with_content, before = function(frame)
    return { { name = "WINDOW_UPDATE", stream = frame.stream, increment = MOST - 65535 },
      { name = "SETTINGS", settings = { { "INITIAL_WINDOW_SIZE", 65536 } } } }
  end },

  -- SETTINGS.
  { "RFC9113-6.5.2-5", on = first_settings, instead = SETTING("ENABLE_PUSH", 1) },
  { "RFC9113-6.5.2-9", way = "sent", on = first_settings, instead = SETTING("INITIAL_WINDOW_SIZE", 0x80000000) },
  { "RFC9113-6.5.2-11", on = first_settings, instead = SETTING("MAX_FRAME_SIZE", 16777216) },
  { "RFC8441-3-1", on = first_settings, instead = SETTING("ENABLE_CONNECT_PROTOCOL", 2) },
  { "RFC9218-2.1-1", on = first_settings, instead = SETTING("NO_RFC7540_PRIORITIES", 2) },
  { "RFC8441-3-4", on = acknowledgement, after = { { name = "SETTINGS", settings = { { "ENABLE_CONNECT_PROTOCOL", 1 } } },
    { name = "SETTINGS", settings = { { "ENABLE_CONNECT_PROTOCOL", 0 } } } } },
  { "RFC9218-2.1-3", on = first_settings, with = { settings = {} },
    after = { { name = "SETTINGS", settings = { { "NO_RFC7540_PRIORITIES", 1 } } } } },
  { "RFC9218-2.1-4", on = first_settings, after = { { name = "SETTINGS", settings = { { "NO_RFC7540_PRIORITIES", 0 } } } } },

  -- Messages.
  { "RFC9113-8.1-2", on = with_content, before = same("DATA", { data = "x" }) },
  { "RFC9113-8.1-5", on = response, before = function(frame)
    return { { name = "HEADERS", stream = frame.stream, fields = { { ":status", "103" } }, end_stream = true } }
  end },
  { "RFC9113-8.1-6", on = response, instead = added("transfer-encoding", "chunked") },
  { "RFC9113-8.1-7", on = last_data, instead = function(frame)
    return { changed(frame, { end_stream = false }),
      { name = "HEADERS", stream = frame.stream, fields = { { ":status", "200" } }, end_stream = true } }
  end },
  { "RFC9113-8.1.1-1", way = "sent", on = last_data, instead = function(frame)
    return { changed(frame, { data = frame.data .. "x" }) }
  end },
  { "RFC9113-8.1.1-2", way = "sent", on = last_data, before = same("DATA", { data = "x" }) },
  { "RFC9113-8.1.1-3", way = "sent", on = last_data, instead = function(frame)
    return { changed(frame, { data = frame.data:sub(2) }) }
  end },
  { "RFC9113-8.2-1", on = response, instead = added("Server", "x") },
  { "RFC9113-8.2.1-2", way = "sent", on = response, instead = added("x y", "1") },
  { "RFC9113-8.2.1-3", way = "sent", on = response, instead = added("x\0y", "1") },
  { "RFC9113-8.2.1-4", way = "sent", on = response, instead = added("x\r\ny", "1") },
  { "RFC9113-8.2.1-5", way = "sent", on = response, instead = added("x\1y", "1") },
  { "RFC9113-8.2.1-6", way = "sent", on = response, instead = added("x\127", "1") },
  { "RFC9113-8.2.1-7", way = "sent", on = response, instead = added("x\xe4", "1") },
  { "RFC9113-8.2.1-8", way = "sent", on = response, instead = added("x:y", "1") },
  { "RFC9113-8.2.1-9", way = "sent", on = response, instead = added("", "1") },
  { "RFC9113-8.2.1-10", way = "sent", on = response, instead = added("x-y", "a\0b") },
  { "RFC9113-8.2.1-11", way = "sent", on = response, instead = added("x-y", "a\nb") },
  { "RFC9113-8.2.1-12", way = "sent", on = response, instead = added("x-y", "a\rb") },
  { "RFC9113-8.2.1-13", way = "sent", on = response, instead = added("x-y", " a") },
  { "RFC9113-8.2.1-14", way = "sent", on = response, instead = added("x-y", "a\t") },
  { "RFC9113-8.2.1-15", way = "sent", on = response, instead = added("x-y", "a\1b") },
  { "RFC9113-8.2.2-1", on = response, instead = added("connection", "close") },
  { "RFC9113-8.3-1", on = response, instead = with_fields(function(list) table.insert(list, 2, { ":path", "/" }) end) },
  { "RFC9113-8.3-5", way = "sent", on = response,
    instead = with_fields(function(list)
      local first = table.remove(list, 1)
      list[#list + 1] = first
    end) },
  { "RFC9113-8.3.2-1", on = response, instead = with_fields(function(list) list[1] = { ":status", "20" } end) },
  { "RFC9113-8.6-1", on = response, before = same("HEADERS", { fields = { { ":status", "101" } } }) },
  { "RFC7540-3.2.1-3", way = "sent", on = response, instead = added("http2-settings", "AAAA") },

  -- Push.
  { "RFC9113-6.5.2-1", on = with_content, before = push() },
  { "RFC9113-6.8-1", on = function(frame, peer) return may_push(frame, peer) and peer.session.goaway_seen end, before = push() },
  { "RFC9113-6.6-1", on = may_push, before = push(function(_, frame) return { promised_stream = 0, stream = frame.stream } end) },
  { "RFC9113-5.1.1-2", on = may_push, before = push { promised_stream = FAR } },
  { "RFC9113-5.1.1-3", on = may_push, before = function(frame, peer)
    local frames = push()(frame, peer)
    frames[#frames + 1] = frames[1]
    return frames
  end },
  { "RFC9113-6.6-2", on = may_push, before = function(frame, peer)
    return { { name = "PUSH_PROMISE", stream = frame.stream, flags = 0x0c,
      payload = "\1" .. string.pack(">I4", promised(peer)) .. peer.conn:encode(REQUEST) .. "\1" } }
  end },
  { "RFC9113-6.6-4", on = may_push, before = push({ end_headers = false }, function(_, frame)
    return { { name = "WINDOW_UPDATE", stream = frame.stream },
      { name = "CONTINUATION", stream = frame.stream, fragment = "" } }
  end) },
  { "RFC9113-6.6-6", on = may_push, before = push { stream = FAR } },
  { "RFC9113-8.4-1", on = may_push, before = push { fields = request_with(":method", "POST") } },
  { "RFC9113-8.4-4", on = may_push, before = push { fields = request_with(":authority", "other.example") } },
  { "RFC9113-8.4.1-1", on = may_push, before = push { fields = { { ":method", "GET" } } } },
  { "RFC9113-5.1-11", on = may_push, before = push({}, function(id)
    return { { name = "DATA", stream = id, data = "x" } }
  end) },
  { "RFC9113-5.1.2-2", way = "three", on = may_push, before = function(frame, peer)
    local frames = {}
    for _ = 1, 3 do
      local id = promised(peer)
      frames[#frames + 1] = { name = "PUSH_PROMISE", stream = frame.stream, promised_stream = id, fields = REQUEST }
      frames[#frames + 1] = { name = "HEADERS", stream = id, fields = { { ":status", "200" } } }
    end
    return frames
  end },
}

-- The peer -------------------------------------------------------------------------------------------------------------

local function list_of(given, frame, peer)
  if type(given) == "function" then
    return given(frame, peer)
  end
  return given or {}
end

local function spoiled(row, frame, peer)
  local frames = table.move(list_of(row.before, frame, peer), 1, 20, 1, {})
  local own = row.instead and row.instead(frame, peer) or { row.with and changed(frame, row.with) or frame }
  table.move(own, 1, #own, #frames + 1, frames)
  local after = list_of(row.after, frame, peer)
  return table.move(after, 1, #after, #frames + 1, frames)
end

local function is_occasion(row, frame, peer)
  if type(row.on) == "function" then
    return row.on(frame, peer)
  end
  return row.on == frame.name
end

local Peer = {}

function Peer:send(frame)
  local frames = { frame }
  for _, row in ipairs(self.mine) do
    if is_occasion(row, frame, self) and self.rules:way(row[1]) then
      frames = spoiled(row, frame, self)
    end
  end
  for _, each in ipairs(frames) do
    if each.fields == false then each.fields = nil end
    self.conn:send(each)
  end
  if frame.name == "PING" and frame.ack and next(self.session.client_reset) then
    self.pings = self.pings + 1
  end
  return true
end

-- Everything else is the connection's.
local function forward(peer, name)
  if Peer[name] then
    return Peer[name]
  end
  return function(_, ...)
    return peer.conn[name](peer.conn, ...)
  end
end

--- The connection of a session whose outgoing frames are spoiled, if its rules ask for that.
function spoil.wrap(conn, session)
  local mine = {}
  for _, row in ipairs(SPOILERS) do
    local way = session.rules.violate[row[1]]
    if way and rules.plain(way) == (row.way or "ignore") then
      mine[#mine + 1] = row
    end
  end
  if #mine == 0 then
    return conn
  end
  -- What a way of ours breaks no other place breaks too.
  local kept, ours = session.rules, {}
  for _, row in ipairs(mine) do
    ours[row[1]] = row.way and true or nil
  end
  session.rules = kept:without(ours)
  return setmetatable({ conn = conn, rules = kept, session = session, mine = mine, pings = 0, answers = 0, last_promise = 1000 },
    { __index = forward, __name = "spoiled connection" })
end

return spoil
