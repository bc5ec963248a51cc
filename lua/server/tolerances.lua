-- What the server has to accept of a client: rows that a guilty peer takes for an error.
-- A row: ids; name (of the frame, nil for all); when(event, session); code of the false error; way, when the peer is
-- guilty in this way only. With a type's name as the way ("RFC9113-4.1-3=DATA") a row is bent for that type alone.

local fields = require "h2probe.fields"

local function flag(fault)
  return function(event) return event.faults and event.faults[fault] end
end

local function state(name)
  return function(event, session) return session.conn:state(event.stream) == name end
end

local function unknown_setting(event)
  for _, setting in ipairs(event.settings or {}) do
    if not setting.name then return true end
  end
end

local function setting(name, value)
  return function(event)
    for _, one in ipairs(event.settings or {}) do
      if one.name == name and one.value == value then return true end
    end
  end
end

local function of_open_request(event, session)
  return not event.faults and session.requests[event.stream] ~= nil
end

local function unknown_error(event)
  return event.error ~= nil and event.error:find "^0x" ~= nil
end

-- The client's content has used up one of its windows.
local function window_full(event, session)
  return event.length > 0 and (session.conn:window("theirs", 0) == 0 or session.conn:window("theirs", event.stream) == 0)
end

-- Counts what was opened, though it is closed by now.
local function opened_over_limit(event, session)
  return event.stream // 2 >= session.conn:setting("ours", "MAX_CONCURRENT_STREAMS")
end

local function opened_limit(event, session)
  return (event.stream + 1) // 2 >= session.conn:setting("ours", "MAX_CONCURRENT_STREAMS")
end

local function prioritized(event)
  return event.name == "PRIORITY_UPDATE" or event.fields ~= nil and fields.get(event.fields, "priority") ~= nil
end

local function has_setting(name)
  return function(event)
    for _, one in ipairs(event.settings or {}) do
      if one.name == name then return true end
    end
  end
end

return {
  { ids = { "RFC9113-4.1-3" }, when = flag "undefined-flags" },
  { ids = { "RFC9113-4.1-6" }, when = flag "reserved-bit" },
  { ids = { "RFC9113-4.1-7" }, when = flag "reserved-bit-payload" },
  { ids = { "RFC9113-4.1-2" }, name = "UNKNOWN" },
  { ids = { "RFC9113-5.5-2" }, name = "UNKNOWN",
    when = function(event, session) return session.requests[event.stream] ~= nil end },
  { ids = { "RFC9113-5.1-25" }, name = "UNKNOWN", when = state "half-closed (remote)" },
  { ids = { "RFC9113-5.1-46" }, name = "UNKNOWN" },
  { ids = { "RFC9113-5.1-10" }, name = "PRIORITY", when = state "idle" },
  { ids = { "RFC9113-5.1-37" }, name = "PRIORITY", when = state "closed" },
  { ids = { "RFC9113-6.3-3", "RFC9113-5.3.2-2" }, name = "PRIORITY" },
  { ids = { "RFC9113-6.2-20" }, name = "HEADERS", when = function(event) return event.priority end },
  { ids = { "RFC9113-6.2-17" }, name = "HEADERS", when = function(event) return event.padded or event.priority end },
  { ids = { "RFC9113-6.2-18" }, name = "HEADERS",
    when = function(event) return event.end_stream and not event.end_headers end },
  { ids = { "RFC9113-6.2-19" }, name = "HEADERS",
    when = function(event) return event.length == 0 and not event.end_headers end, code = "FRAME_SIZE_ERROR" },
  { ids = { "RFC9113-6.10-1" }, name = "CONTINUATION" },
  { ids = { "RFC7541-5.2-7" }, name = "CONTINUATION", code = "COMPRESSION_ERROR" },
  { ids = { "RFC9113-6.1-9", "RFC9113-6.1-8" }, name = "DATA", when = function(event) return event.padded end },
  { ids = { "RFC9113-6.1-10" }, name = "DATA" },
  { ids = { "RFC9113-6.1-10" }, name = "DATA", way = "empty", when = function(event) return event.data == "" end },
  { ids = { "RFC9113-4.2-1" }, code = "FRAME_SIZE_ERROR", when = function(event) return event.length == 16384 end },
  { ids = { "RFC9113-6.5-2" }, name = "SETTINGS", when = function(_, session) return session.settings_seen end },
  { ids = { "RFC9113-6.5.2-17" }, name = "SETTINGS", when = unknown_setting },
  { ids = { "RFC9113-6.5.2-10" }, name = "SETTINGS", code = "FLOW_CONTROL_ERROR",
    when = function(event)
      return setting("INITIAL_WINDOW_SIZE", 0)(event) or setting("INITIAL_WINDOW_SIZE", 0x7fffffff)(event)
    end },
  { ids = { "RFC9113-6.5.2-14" }, name = "SETTINGS",
    when = function(event)
      return setting("MAX_FRAME_SIZE", 16384)(event) or setting("MAX_FRAME_SIZE", 16777215)(event)
    end },
  { ids = { "RFC9113-6.5.2-15" }, name = "SETTINGS",
    when = function(event)
      return setting("HEADER_TABLE_SIZE", 0)(event) or setting("HEADER_TABLE_SIZE", 0xffffffff)(event)
    end },
  { ids = { "RFC9113-6.5.2-7" }, name = "SETTINGS", when = setting("MAX_CONCURRENT_STREAMS", 0) },
  { ids = { "RFC9113-6.8-12" }, name = "GOAWAY", code = "FRAME_SIZE_ERROR",
    when = function(event) return event.debug and #event.debug > 0 end },
  { ids = { "RFC9113-6.8-11" }, name = "GOAWAY", way = "error" },
  { ids = { "RFC9113-6.8-13" }, name = "GOAWAY", when = function(_, session) return session.goaway_seen end },
  { ids = { "RFC9113-6.9-5" }, name = "WINDOW_UPDATE", code = "STREAM_CLOSED",
    when = function(event, session)
      local now = session.conn:state(event.stream)
      return event.stream ~= 0 and (now == "half-closed (remote)" or now == "closed")
    end },
  { ids = { "RFC9113-5.1-9" }, name = "HEADERS" },
  { ids = { "RFC9113-5.1-13" }, when = state "reserved (local)" },
  { ids = { "RFC9113-5.1-16" }, when = of_open_request },
  { ids = { "RFC9113-5.1-23" }, name = "PRIORITY", when = state "half-closed (remote)" },
  { ids = { "RFC9113-5.1-38" }, when = flag "reset-stream-received" },
  { ids = { "RFC9113-5.1-33", "RFC9113-5.1-34" }, when = flag "reset-stream-sent", code = "CONNECT_ERROR" },
  { ids = { "RFC9113-5.1-44" }, when = flag "skipped-stream", code = "CONNECT_ERROR" },
  { ids = { "RFC9113-5.1.1-7" }, name = "HEADERS", when = function(event) return event.stream == 0x7fffffff end },
  { ids = { "RFC9113-5.1.2-3" }, name = "HEADERS", way = "closed", when = opened_over_limit },
  { ids = { "RFC9113-5.1.2-3" }, name = "HEADERS", way = "one-less", when = opened_limit },
  { ids = { "RFC9113-6.1-2", "RFC9113-6.2-2" }, when = flag "padding-octets", code = "CONNECT_ERROR" },
  { ids = { "RFC9113-6.9-1" }, name = "SETTINGS", when = function(_, session) return session.filled end },
  { ids = { "RFC9113-6.1-6" }, name = "DATA", code = "FLOW_CONTROL_ERROR",
    when = function(event, session) return event.padded and window_full(event, session) end },
  { ids = { "RFC9113-6.9.1-8" }, name = "DATA", when = window_full, code = "FLOW_CONTROL_ERROR" },
  { ids = { "RFC7540-5.3.1-2", "RFC7540-5.3.1-3" }, when = flag "self-dependency", code = "CONNECT_ERROR" },
  { ids = { "RFC9113-7-1", "RFC9113-7-2", "RFC9113-5.5-1" }, when = unknown_error },
  { ids = { "RFC7838-4-1" }, name = "ALTSVC" },
  { ids = { "RFC7838-4-1" }, name = "ALTSVC", way = "garbled", code = "FRAME_SIZE_ERROR" },
  { ids = { "RFC8336-2.2-8" }, name = "ORIGIN" },
  { ids = { "RFC9218-7-1", "RFC9218-7-2", "RFC9218-7.1-4" }, name = "PRIORITY_UPDATE", code = "CONNECT_ERROR" },
  { ids = { "RFC9218-4-2" }, when = prioritized },
  { ids = { "RFC9218-5-1" }, when = prioritized, code = "CONNECT_ERROR" },
  { ids = { "RFC8441-3-3" }, name = "SETTINGS", when = has_setting "ENABLE_CONNECT_PROTOCOL" },
  { ids = { "RFC9218-2.1-5" }, name = "SETTINGS", code = "CONNECT_ERROR",
    when = function(event, session)
      return session.settings_seen and has_setting "NO_RFC7540_PRIORITIES" (event)
    end },
  { ids = { "RFC9218-2.1-6" }, when = function(event) return event.name == "PRIORITY" or event.priority end },
  { ids = { "RFC9113-5.1-22", "RFC7540-3.2-14" }, name = "WINDOW_UPDATE", when = state "half-closed (remote)" },
  { ids = { "RFC9113-5.1-35" }, name = "WINDOW_UPDATE", when = state "closed" },
  { ids = { "RFC9113-5.1-36" }, name = "RST_STREAM",
    when = function(event) return event.faults and event.faults["closed-stream"] end },
  { ids = { "RFC9113-5.1-24", "RFC9113-6.4-7" }, name = "RST_STREAM" },
  { ids = { "RFC9113-6.9-9", "RFC9113-6.9.1-9" }, name = "WINDOW_UPDATE" },
  { ids = { "RFC9113-6.9.1-7" }, name = "WINDOW_UPDATE", code = "FLOW_CONTROL_ERROR",
    when = function(event, session) return session.conn:window("ours", event.stream) == 0x7fffffff end },
  { ids = { "RFC9113-5.1.1-6" }, name = "HEADERS", when = function(event) return event.stream > 21 end },
  { ids = { "RFC9113-5.1.1-8" }, name = "HEADERS",
    when = function(event, session) return session.priority_seen and session.priority_seen > event.stream end },
  { ids = { "RFC9113-3.4-6" }, name = "HEADERS",
    when = function(_, session) return session.conn:unacknowledged "ours" > 0 end },
  { ids = { "RFC7540-3.2-14" }, when = function(event, session)
      local stream_1 = session.upgraded and event.stream == 1
      return stream_1 and (event.name == "PRIORITY" or event.name == "RST_STREAM")
    end },
  { ids = { "RFC7540-3.2.1-7" }, name = "SETTINGS",
    when = function(event) return event.from_upgrade and event.length == 0 end },
  { ids = { "RFC9113-6.5-3" }, name = "SETTINGS", when = has_setting "MAX_HEADER_LIST_SIZE" },
  { ids = { "RFC9113-6.5.3-7" }, name = "HEADERS",
    when = function(_, session) return session.conn:unacknowledged "ours" > 0 end },
  { ids = { "RFC7540-3.2-11" }, name = "HEADERS",
    when = function(event, session) return session.upgraded and event.stream == 3 end },
}
