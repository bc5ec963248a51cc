-- What the reference client demands of a server, and what it has to take from one (RFC 9113 sections 3.4 to 6.8).
--
-- A row: ids; name (of the frame, nil for all); fault; when(event, session); code of the connection error. A guilty peer
-- does not raise an error that it owes (`errors`), or raises one that it does not (`accepted`).
local demands = {}

local function setting(event, fits)
  for _, one in ipairs(event.settings or {}) do
    if fits(one) then return true end
  end
  return false
end

local function settings(name, fits)
  return function(event)
    return setting(event, function(one) return one.name == name and fits(one.value) end)
  end
end

local function above(limit)
  return function(value) return value > limit end
end

local function below(limit)
  return function(value) return value < limit end
end

local function one_of(...)
  local set = {}
  for _, value in ipairs { ... } do set[value] = true end
  return function(value) return set[value] end
end

demands.errors = {
  { fault = "first-frame", ids = { "RFC9113-3.4-13", "RFC7540-3.5-6" }, code = "PROTOCOL_ERROR",
    -- GOAWAY may be all that a server has to say.
    when = function(event) return event.name ~= "GOAWAY" end },
  { name = "SETTINGS", fault = "stream-nonzero", ids = { "RFC9113-6.5-8" }, code = "PROTOCOL_ERROR" },
  { name = "SETTINGS", fault = "frame-size", ids = { "RFC9113-4.2-6" }, code = "FRAME_SIZE_ERROR" },
  { name = "SETTINGS", fault = "length", ids = { "RFC9113-6.5-10" }, code = "FRAME_SIZE_ERROR" },
  { name = "SETTINGS", fault = "ack-payload", ids = { "RFC9113-6.5-6" }, code = "FRAME_SIZE_ERROR" },
  { name = "SETTINGS", ids = { "RFC9113-6.5.2-4", "RFC7540-8.2-1" }, code = "PROTOCOL_ERROR",
    when = settings("ENABLE_PUSH", above(0)) },
  { name = "SETTINGS", ids = { "RFC9113-6.5.2-9" }, code = "FLOW_CONTROL_ERROR",
    when = settings("INITIAL_WINDOW_SIZE", above(0x7fffffff)) },
  { name = "SETTINGS", ids = { "RFC9113-6.5.2-12" }, code = "PROTOCOL_ERROR",
    when = settings("MAX_FRAME_SIZE", below(16384)) },
  { name = "SETTINGS", ids = { "RFC9113-6.5.2-13" }, code = "PROTOCOL_ERROR",
    when = settings("MAX_FRAME_SIZE", above(16777215)) },
  { name = "PING", fault = "stream-nonzero", ids = { "RFC9113-6.7-5" }, code = "PROTOCOL_ERROR" },
  { name = "PING", fault = "length", ids = { "RFC9113-6.7-6" }, code = "FRAME_SIZE_ERROR" },
  { name = "GOAWAY", fault = "stream-nonzero", ids = { "RFC9113-6.8-4" }, code = "PROTOCOL_ERROR" },
}

-- Every other fault that makes a frame unusable, without a way to bend it.
demands.fatal = { "frame-size", "length", "stream-zero", "stream-nonzero", "padding-length", "block-interrupted",
  "block-missing", "compression", "idle-stream", "stream-parity", "setting-value", "increment-zero",
  "window-overflow", "settings-overflow", "window-stream", "window-connection" }

demands.accepted = {
  { name = "UNKNOWN", ids = { "RFC9113-4.1-2" } },
  { name = "SETTINGS", ids = { "RFC9113-6.5-2" },
    when = function(_, session) return session.settings_seen end },
  { name = "SETTINGS", ids = { "RFC9113-6.5.2-17" },
    when = function(event) return setting(event, function(one) return not one.name end) end },
  { name = "SETTINGS", ids = { "RFC9113-6.5.2-6" }, when = settings("ENABLE_PUSH", one_of(0)) },
  { name = "SETTINGS", ids = { "RFC9113-6.5.2-10" }, when = settings("INITIAL_WINDOW_SIZE", one_of(0, 0x7fffffff)) },
  { name = "SETTINGS", ids = { "RFC9113-6.5.2-14" }, when = settings("MAX_FRAME_SIZE", one_of(16384, 16777215)) },
  { name = "SETTINGS", ids = { "RFC9113-6.5.2-15" }, when = settings("HEADER_TABLE_SIZE", one_of(0, 0xffffffff)) },
  { name = "SETTINGS", ids = { "RFC9113-6.5-1" },
    when = function(event) return not event.ack and event.length == 0 end },
  { name = "GOAWAY", ids = { "RFC9113-6.8-12" }, when = function(event) return event.debug and #event.debug > 0 end },
  { name = "GOAWAY", ids = { "RFC9113-6.8-13" }, when = function(_, session) return session.goaway_seen end },
}

--- Is the row about this event?
function demands.fits(row, event, session)
  if row.name and row.name ~= event.name then return false end
  if row.fault and not (event.faults and event.faults[row.fault]) then return false end
  return not row.when or row.when(event, session)
end

return demands
