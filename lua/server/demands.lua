-- What the server demands of a client's frames: faults that the engine saw, the requirement that each one
-- breaks, and the error that RFC 9113 asks for. The first row that fits an event decides.
--
-- A row: fault; frame (a name or a set of names, nil for all); when(event, session); ids (a list, or a
-- function that returns one); error "connection", "stream" or "discard"; code.

local hpack_rules = require "h2probe.server.hpack_rules"

local function even(event) return event.stream % 2 == 0 end

local function on_upgraded(session, event, ...)
  local ids = { ... }
  if session.upgraded and event.stream == 1 then ids[#ids + 1] = "RFC7540-3.2-10" end
  return ids
end

-- Which rule forbids this frame inside the open field block.
local inside = {
  PRIORITY = "RFC9113-6.2-4", DATA = "RFC9113-6.2-7", RST_STREAM = "RFC9113-6.2-8",
  WINDOW_UPDATE = "RFC9113-6.2-9", SETTINGS = "RFC9113-6.2-10", PING = "RFC9113-6.2-11",
  GOAWAY = "RFC9113-6.2-12", CONTINUATION = "RFC9113-6.2-13", PUSH_PROMISE = "RFC9113-8.4-7",
}

local function interrupting(event, session)
  local ids = {}
  local block = session.block or {}
  if event.name == "HEADERS" then
    ids[1] = event.stream == block.stream and "RFC9113-6.2-6" or "RFC9113-6.2-5"
  else
    ids[1] = inside[event.name] or "RFC9113-5.5-3"
  end
  if block.continued then
    ids[2] = event.name == "CONTINUATION" and "RFC9113-6.10-4" or "RFC9113-6.10-3"
  end
  if event.name == "CONTINUATION" and event.stream == 0 then ids[#ids + 1] = "RFC9113-6.10-5" end
  return ids
end

local by_state = { idle = "RFC9113-5.1-4", ["half-closed (remote)"] = "RFC9113-5.1-21", closed = "RFC9113-5.1-29" }

-- Which rule forbids a CONTINUATION without an open field block, by the state of its stream.
local function orphan(event, session)
  local ids = { session.last_block_frame == "CONTINUATION" and "RFC9113-6.10-7" or "RFC9113-6.10-6" }
  if session.last_frame == "DATA" then ids[#ids + 1] = "RFC9113-6.10-8" end
  local state = session.conn:state(event.stream)
  if session.client_reset[event.stream] then
    ids[#ids + 1] = "RFC9113-5.1-32"
  elseif by_state[state] then
    ids[#ids + 1] = by_state[state]
  end
  if event.stream == 0 then ids[#ids + 1] = "RFC9113-6.10-5" end
  return ids
end

return {
  { fault = "first-frame", ids = { "RFC9113-3.4-10", "RFC7540-3.5-4" }, error = "connection", code = "PROTOCOL_ERROR",
    when = function(event) return not (event.name == "SETTINGS" and event.ack) end },
  { fault = "first-frame", ids = { "RFC9113-3.4-11" }, error = "connection", code = "PROTOCOL_ERROR" },

  -- Size comes before everything else (section 4.2).
  { fault = "frame-size", frame = "DATA", ids = { "RFC9113-4.2-2" }, error = "stream", code = "FRAME_SIZE_ERROR",
    when = function(_, session) return not session.block end },
  { fault = "frame-size", frame = "HEADERS", ids = { "RFC9113-4.2-3" }, error = "connection", code = "FRAME_SIZE_ERROR" },
  { fault = "frame-size", frame = "CONTINUATION", ids = { "RFC9113-4.2-4" }, error = "connection",
    code = "FRAME_SIZE_ERROR" },
  { fault = "frame-size", frame = "SETTINGS", ids = { "RFC9113-4.2-6" }, error = "connection", code = "FRAME_SIZE_ERROR" },
  { fault = "frame-size", ids = { "RFC9113-4.2-8" }, error = "connection", code = "FRAME_SIZE_ERROR",
    when = function(event) return event.stream ~= 0 end },
  { fault = "frame-size", ids = { "RFC9113-4.2-7" }, error = "connection", code = "FRAME_SIZE_ERROR" },

  { fault = "block-interrupted", ids = interrupting, error = "connection", code = "PROTOCOL_ERROR" },
  { fault = "block-missing", ids = orphan, error = "connection", code = "PROTOCOL_ERROR" },
  { fault = "block-size", ids = { "RFC9113-4.3-3" }, error = "connection", code = "ENHANCE_YOUR_CALM" },

  -- Stream identifiers (6.1 to 6.10).
  { fault = "stream-zero", frame = "DATA", ids = { "RFC9113-6.1-3" }, error = "connection", code = "PROTOCOL_ERROR" },
  { fault = "stream-zero", frame = "HEADERS", ids = { "RFC9113-6.2-14" }, error = "connection", code = "PROTOCOL_ERROR" },
  { fault = "stream-zero", frame = "PRIORITY", ids = { "RFC9113-6.3-1" }, error = "connection", code = "PROTOCOL_ERROR" },
  { fault = "stream-zero", frame = "RST_STREAM", ids = { "RFC9113-6.4-3" }, error = "connection",
    code = "PROTOCOL_ERROR" },
  { fault = "stream-nonzero", frame = "SETTINGS", ids = { "RFC9113-6.5-8" }, error = "connection",
    code = "PROTOCOL_ERROR" },
  { fault = "stream-nonzero", frame = "PING", ids = { "RFC9113-6.7-5" }, error = "connection", code = "PROTOCOL_ERROR" },
  { fault = "stream-nonzero", frame = "GOAWAY", ids = { "RFC9113-6.8-4" }, error = "connection", code = "PROTOCOL_ERROR" },
  { fault = "stream-nonzero", frame = "PRIORITY_UPDATE", ids = { "RFC9218-7.1-2" }, error = "connection",
    code = "PROTOCOL_ERROR" },
  { fault = "length", frame = "PRIORITY_UPDATE", ids = { "RFC9218-7.1-12" }, error = "connection",
    code = "FRAME_SIZE_ERROR" },
  { fault = "push-from-client", ids = { "RFC9113-8.4-7" }, error = "connection", code = "PROTOCOL_ERROR" },

  -- Lengths and padding.
  { fault = "ack-payload", frame = "SETTINGS", ids = { "RFC9113-6.5-6" }, error = "connection",
    code = "FRAME_SIZE_ERROR" },
  { fault = "length", frame = "SETTINGS", ids = { "RFC9113-6.5-10" }, error = "connection", code = "FRAME_SIZE_ERROR" },
  { fault = "length", frame = "PING", ids = { "RFC9113-6.7-6" }, error = "connection", code = "FRAME_SIZE_ERROR" },
  { fault = "length", frame = "GOAWAY", ids = { "RFC9113-4.2-13" }, error = "connection", code = "FRAME_SIZE_ERROR" },
  { fault = "length", frame = "RST_STREAM", ids = { "RFC9113-6.4-6" }, error = "connection", code = "FRAME_SIZE_ERROR" },
  { fault = "length", frame = "WINDOW_UPDATE", ids = { "RFC9113-6.9-7" }, error = "connection",
    code = "FRAME_SIZE_ERROR" },
  { fault = "length", frame = "PRIORITY", ids = { "RFC9113-6.3-2" }, error = "stream", code = "FRAME_SIZE_ERROR",
    when = function(event, session) return session:live(event.stream) end },
  { fault = "length", frame = "DATA", ids = { "RFC9113-4.2-9" }, error = "connection", code = "FRAME_SIZE_ERROR" },
  { fault = "length", frame = "HEADERS", ids = { "RFC9113-4.2-10" }, error = "connection", code = "FRAME_SIZE_ERROR",
    when = function(event) return not event.priority end },
  { fault = "length", frame = "HEADERS", ids = { "RFC9113-4.2-11" }, error = "connection", code = "FRAME_SIZE_ERROR" },
  { fault = "padding-length", frame = "DATA", ids = { "RFC9113-6.1-7" }, error = "connection", code = "PROTOCOL_ERROR" },
  { fault = "padding-length", frame = "HEADERS", ids = { "RFC9113-6.2-15", "RFC9113-6.2-16" }, error = "connection",
    code = "PROTOCOL_ERROR" },

  -- Field blocks.
  { fault = "compression", error = "connection", code = "COMPRESSION_ERROR",
    ids = function(event)
      return { "RFC9113-4.3-1", "RFC9113-5.4-2", table.unpack(hpack_rules.errors[(event.field_error or {}).status] or {}) }
    end },

  { fault = "update-missing", ids = { "RFC9113-4.3.1-4" }, error = "connection", code = "COMPRESSION_ERROR" },

  -- Stream states (section 5.1).
  { fault = "reserved-stream", ids = { "RFC9113-5.1-12" }, error = "connection", code = "PROTOCOL_ERROR" },
  { fault = "stream-parity", frame = "HEADERS", ids = { "RFC9113-5.1-6" }, error = "connection",
    code = "PROTOCOL_ERROR" },
  { fault = "idle-stream", frame = "DATA", error = "connection", code = "PROTOCOL_ERROR",
    ids = function(event) return { even(event) and "RFC9113-5.1-5" or "RFC9113-5.1-1" } end },
  { fault = "idle-stream", frame = "RST_STREAM", error = "connection", code = "PROTOCOL_ERROR",
    ids = function(event)
      return even(event) and { "RFC9113-5.1-5" } or { "RFC9113-5.1-2", "RFC9113-6.4-5" }
    end },
  { fault = "idle-stream", frame = "WINDOW_UPDATE", error = "connection", code = "PROTOCOL_ERROR",
    ids = function(event) return { even(event) and "RFC9113-5.1-5" or "RFC9113-5.1-3" } end },
  { fault = "half-closed-stream", frame = "DATA", error = "stream", code = "STREAM_CLOSED",
    ids = function(event, session) return on_upgraded(session, event, "RFC9113-5.1-19", "RFC9113-6.1-5") end },
  { fault = "half-closed-stream", frame = "HEADERS", error = "stream", code = "STREAM_CLOSED",
    ids = function(event, session) return on_upgraded(session, event, "RFC9113-5.1-20") end },
  { fault = "closed-stream", frame = "DATA", error = "connection", code = "STREAM_CLOSED",
    ids = function(event, session) return on_upgraded(session, event, "RFC9113-5.1-27") end },
  { fault = "closed-stream", frame = "HEADERS", error = "connection", code = "STREAM_CLOSED",
    ids = function(event, session) return on_upgraded(session, event, "RFC9113-5.1-28", "RFC9113-5.1.1-5", "RFC9113-4.3-3") end },
  { fault = "reset-stream-sent", frame = "DATA", ids = { "RFC9113-5.1-30" }, error = "connection",
    code = "STREAM_CLOSED" },
  { fault = "reset-stream-sent", frame = "HEADERS", ids = { "RFC9113-5.1-31", "RFC9113-4.3-3" }, error = "connection",
    code = "STREAM_CLOSED" },
  { fault = "reset-stream-received", frame = "DATA", ids = { "RFC9113-5.1-38", "RFC9113-5.4.2-3" }, error = "discard",
    code = "STREAM_CLOSED" },
  { fault = "reset-stream-received", frame = "HEADERS", ids = { "RFC9113-5.1-39" }, error = "discard", code = "CANCEL" },
  { fault = "skipped-stream", frame = "HEADERS", ids = { "RFC9113-5.1.1-4" }, error = "connection",
    code = "PROTOCOL_ERROR" },
  { fault = "skipped-stream", frame = "DATA", ids = { "RFC9113-5.1-44" }, error = "connection", code = "STREAM_CLOSED" },
  { fault = "concurrency", frame = "HEADERS", ids = { "RFC9113-5.1.2-3" }, error = "stream", code = "REFUSED_STREAM" },

  -- Values.
  { fault = "setting-value", frame = "SETTINGS", error = "connection", code = "PROTOCOL_ERROR",
    ids = function(event)
      local ids = {}
      for _, setting in ipairs(event.settings or {}) do
        if setting.name == "ENABLE_PUSH" and setting.value > 1 then ids[#ids + 1] = "RFC9113-6.5.2-3" end
        if setting.name == "MAX_FRAME_SIZE" and setting.value < 16384 then ids[#ids + 1] = "RFC9113-6.5.2-12" end
        if setting.name == "MAX_FRAME_SIZE" and setting.value > 16777215 then ids[#ids + 1] = "RFC9113-6.5.2-13" end
        if setting.name == "ENABLE_CONNECT_PROTOCOL" then ids[#ids + 1] = "RFC8441-3-3" end
        if setting.name == "NO_RFC7540_PRIORITIES" then ids[#ids + 1] = "RFC9218-2.1-2" end
      end
      return ids
    end,
    when = function(event)
      for _, setting in ipairs(event.settings or {}) do
        if setting.name == "INITIAL_WINDOW_SIZE" and setting.value > 0x7fffffff then return false end
      end
      return true
    end },
  { fault = "setting-value", frame = "SETTINGS", ids = { "RFC9113-6.5.2-9" }, error = "connection",
    code = "FLOW_CONTROL_ERROR" },
  { fault = "increment-zero", ids = { "RFC9113-6.9-4" }, error = "connection", code = "PROTOCOL_ERROR",
    when = function(event) return event.stream == 0 end },
  { fault = "increment-zero", ids = { "RFC9113-6.9-3" }, error = "stream", code = "PROTOCOL_ERROR",
    when = function(event, session) return session:live(event.stream) end },
  { fault = "window-overflow", ids = { "RFC9113-6.9.1-6" }, error = "connection", code = "FLOW_CONTROL_ERROR",
    when = function(event) return event.stream == 0 end },
  { fault = "window-overflow", ids = { "RFC9113-6.9.1-5" }, error = "stream", code = "FLOW_CONTROL_ERROR",
    when = function(event, session) return session:live(event.stream) end },
  { fault = "settings-overflow", ids = { "RFC9113-6.9.2-7" }, error = "connection", code = "FLOW_CONTROL_ERROR" },
  { fault = "window-connection", ids = { "RFC9113-6.9-2" }, error = "connection", code = "FLOW_CONTROL_ERROR" },
  { fault = "window-stream", ids = { "RFC9113-6.9-2" }, error = "stream", code = "FLOW_CONTROL_ERROR" },
}
