-- Faults of single frames (src/h2/tables.h) that are violations of their sender, and whose requirement each one breaks.
--
-- A row: { fault, id, on = a frame's name or a set of names (nil: any), role = the tester's (nil: both), when =
-- function(event, view), soft = true }. The first row that fits an event decides. What has no row is no violation, or may be
-- of the tester's making: oversized and block-size (the tester's own limits), self-dependency (RFC 7540 section 5.3.1, gone),
-- skipped-stream, reserved bits in payloads, WINDOW_UPDATE and RST_STREAM on closed streams.
--
-- view: { watch, out = what the tester sent (conn_output.lua), block = the field block that was open before this frame }.

local function set(...)
  local names = {}
  for _, name in ipairs { ... } do
    names[name] = true
  end
  return names
end

-- Nothing that we sent can have brought the peer to this stream.
local function untouched(event, view)
  return not view.out.touched[event.stream]
end

-- Two round trips ago we reset this stream: nothing of it can be on its way any more.
local function long_reset(event, view)
  local since = view.watch.resets[event.stream]
  return since ~= nil and view.watch.pings >= since + 2
end

local function in_same_block(kind)
  return function(event, view)
    return view.block ~= nil and view.block.last == kind and view.block.stream == event.stream
  end
end

-- A malformed SETTINGS of ours may be acknowledged all the same, and is no small limit.
local function above_default(event)
  return event.length > 16384
end

local function too_many_acks(_, view)
  return view.watch.acks > view.out.settings and view.out.settings > 0 and not view.out.preface and not view.out.broken
end

-- What came with an Upgrade may be acknowledged or not (RFC 7540 section 3.2.1).
local function one_for_the_upgrade(_, view)
  return view.watch.upgraded and view.watch.acks == view.out.settings + 1
end

local function no_odd_pings(_, view)
  return not view.out.odd_pings
end

local function known_flags(event)
  return event.name ~= "UNKNOWN"
end

-- Whoever rejects a broken preface need not send SETTINGS first (RFC 9113 section 3.4).
local function not_goodbye(event)
  return event.name ~= "GOAWAY"
end

local function with_priority(event)
  return event.priority
end

local function on_connection(event)
  return event.stream == 0
end

local function odd_promise(event)
  return event.promised_stream and event.promised_stream % 2 == 1
end

local function promised_again(event, view)
  return event.promised_stream and event.promised_stream > 0 and event.promised_stream <= (view.watch.promised or 0)
end

local CONTENT <const> = set("DATA", "HEADERS", "CONTINUATION")

local ROWS = {
  { "length", "RFC9113-6.7-1", on = "PING" },
  { "length", "RFC9113-4.2-14", on = set("PRIORITY", "RST_STREAM", "SETTINGS", "GOAWAY", "WINDOW_UPDATE") },
  { "length", "RFC9113-4.2-9", on = "DATA" },
  { "length", "RFC9113-4.2-11", on = "HEADERS", when = with_priority },
  { "length", "RFC9113-4.2-10", on = "HEADERS" },
  { "length", "RFC7838-4-6", on = "ALTSVC", role = "client" },
  { "length", "RFC8336-2.1-1", on = "ORIGIN", role = "client" },
  { "ack-payload", "RFC9113-6.5-5" },
  { "padding-length", "RFC9113-6.1-7", on = "DATA" },
  { "padding-length", "RFC9113-6.2-15", on = "HEADERS" },
  { "padding-octets", "RFC9113-6.1-1", on = "DATA" },
  { "padding-octets", "RFC9113-6.2-1", on = "HEADERS" },
  { "padding-octets", "RFC9113-6.6-2", on = "PUSH_PROMISE" },
  { "stream-zero", "RFC9113-6.1-11", on = "DATA" },
  { "stream-zero", "RFC9113-6.2-21", on = "HEADERS" },
  { "stream-zero", "RFC9113-6.3-1", on = "PRIORITY" },
  { "stream-zero", "RFC9113-6.4-8", on = "RST_STREAM" },
  { "stream-zero", "RFC9113-6.6-6", on = "PUSH_PROMISE", role = "client" },
  { "stream-zero", "RFC9113-6.10-9", on = "CONTINUATION" },
  { "stream-nonzero", "RFC9113-6.5-7", on = "SETTINGS" },
  { "stream-nonzero", "RFC9113-6.7-7", on = set("PING", "GOAWAY") },
  { "stream-nonzero", "RFC8336-2.2-1", on = "ORIGIN", role = "client" },
  { "stream-nonzero", "RFC9218-7.1-1", on = "PRIORITY_UPDATE", role = "server" },
  { "reserved-bit", "RFC9113-4.1-5" },
  { "undefined-flags", "RFC9113-4.1-4", when = known_flags },
  { "increment-zero", "RFC9113-6.9-8" },
  { "first-frame", "RFC9113-3.4-4", role = "client", when = not_goodbye },
  { "first-frame", "RFC9113-3.4-2", role = "server", when = not_goodbye },
  { "frame-size", "RFC9113-4.1-1", when = above_default },

  -- Field blocks.
  { "block-interrupted", "RFC9113-6.3-4", on = "PRIORITY" },
  { "block-interrupted", "RFC9113-6.2-3", when = in_same_block "HEADERS" },
  { "block-interrupted", "RFC9113-6.6-4", when = in_same_block "PUSH_PROMISE" },
  { "block-interrupted", "RFC9113-6.10-2", when = in_same_block "CONTINUATION" },
  { "block-interrupted", "RFC9113-4.3-2" },
  { "block-missing", "RFC9113-6.10-9" },
  { "update-missing", "RFC9113-4.3.1-3" },
  { "update-missing-empty", "RFC9113-4.3.1-3", soft = true },

  -- Stream states.
  { "idle-stream", "RFC9113-6.4-4", on = "RST_STREAM", when = untouched },
  { "idle-stream", "RFC9113-6.1-4", on = "DATA", when = untouched },
  { "idle-stream", "RFC9113-8.1-1", on = "HEADERS", role = "client", when = untouched },
  { "idle-stream", "RFC9113-5.1-3", on = "WINDOW_UPDATE", when = untouched },
  { "idle-stream", "RFC9113-6.6-6", on = "PUSH_PROMISE", role = "client", when = untouched },
  { "stream-parity", "RFC9113-5.1.1-1", on = "HEADERS", role = "server" },
  { "half-closed-stream", "RFC9113-6.1-4", on = "DATA" },
  { "half-closed-stream", "RFC9113-5.1-17", on = "HEADERS" },
  { "half-closed-stream", "RFC9113-6.6-6", on = "PUSH_PROMISE", role = "client" },
  { "closed-stream", "RFC9113-5.1-26", on = set("DATA", "HEADERS") },
  { "closed-stream", "RFC9113-6.6-6", on = "PUSH_PROMISE", role = "client" },
  { "reserved-stream", "RFC9113-5.1-11", role = "client" },
  { "reserved-stream", "RFC9113-5.1-14", role = "server" },
  { "reset-stream-sent", "RFC9113-5.4.2-2", on = CONTENT },
  { "reset-stream-received", "RFC9113-6.4-1", on = CONTENT, when = long_reset },
  { "reset-stream-received", "RFC9113-5.4.2-5", on = "RST_STREAM", when = long_reset },
  { "concurrency", "RFC9113-5.1.2-2", role = "client" },
  { "concurrency", "RFC9113-5.1.2-1", role = "server" },

  -- Flow control.
  { "window-stream", "RFC9113-6.9.1-1" },
  { "window-connection", "RFC9113-6.9.1-2" },
  { "window-overflow", "RFC9113-6.9.1-6", when = on_connection },
  { "window-overflow", "RFC9113-6.9.1-5" },
  { "settings-overflow", "RFC9113-6.9.2-7" },

  -- The connection.
  { "settings-ack-unasked", "RFC9113-6.5.3-8", soft = true, when = one_for_the_upgrade },
  { "settings-ack-unasked", "RFC9113-6.5.3-8", when = too_many_acks },
  { "ping-ack-unasked", "RFC9113-6.7-2", soft = true, when = no_odd_pings },
  { "goaway-rising", "RFC9113-6.8-6" },

  -- Push and messages.
  { "push-from-client", "RFC9113-8.4-8", role = "server" },
  { "push-disabled", "RFC9113-6.5.2-1", role = "client" },
  { "push-stream", "RFC9113-5.1.1-2", role = "client", when = odd_promise },
  { "push-stream", "RFC9113-5.1.1-3", role = "client", when = promised_again },
  { "push-stream", "RFC9113-6.6-1", role = "client" },
  { "trailers-without-end-stream", "RFC9113-8.1-2" },
}

local faults = { ROWS = ROWS }

local by_fault = {}
for _, row in ipairs(ROWS) do
  local list = by_fault[row[1]] or {}
  by_fault[row[1]] = list
  list[#list + 1] = row
end

local function fits(row, event, role, view)
  local on = row.on
  return (not row.role or row.role == role)
    and (not on or on == event.name or type(on) == "table" and on[event.name])
    and (not row.when or row.when(event, view))
end

--- The row that a fault of an event comes under, or nil: no accusation.
function faults.row(fault, event, role, view)
  for _, row in ipairs(by_fault[fault] or {}) do
    if fits(row, event, role, view) then
      return row
    end
  end
end

return faults
