-- The watchman on SETTINGS: values out of range, and changes that are forbidden (RFC 9113 section 6.5.2, RFC 8441 section 3,
-- RFC 9218 section 2.1).
local settings = {}

-- A row: { setting, id, what is wrong, role =, when = function(value, earlier) }: earlier is { first = of the first
-- frame, last = }, with `frames` the number of SETTINGS frames before this one.
local ROWS = {
  { "ENABLE_PUSH", "RFC9113-6.5.2-5", "a server sets it to another value than 0", role = "client",
    when = function(value) return value ~= 0 end },
  { "ENABLE_PUSH", "RFC9113-6.5.2-3", "the value is neither 0 nor 1", role = "server",
    when = function(value) return value > 1 end },
  { "INITIAL_WINDOW_SIZE", "RFC9113-6.5.2-9", "the value is above 2^31-1",
    when = function(value) return value > 0x7fffffff end },
  { "MAX_FRAME_SIZE", "RFC9113-6.5.2-11", "the value is not from 2^14 to 2^24-1",
    when = function(value) return value < 16384 or value > 16777215 end },
  { "ENABLE_CONNECT_PROTOCOL", "RFC8441-3-1", "the value is neither 0 nor 1",
    when = function(value) return value > 1 end },
  { "ENABLE_CONNECT_PROTOCOL", "RFC8441-3-4", "0 comes after 1",
    when = function(value, earlier) return value == 0 and earlier.last == 1 end },
  { "NO_RFC7540_PRIORITIES", "RFC9218-2.1-1", "the value is neither 0 nor 1",
    when = function(value) return value > 1 end },
  { "NO_RFC7540_PRIORITIES", "RFC9218-2.1-3", "it comes without having been in the first SETTINGS",
    when = function(_, earlier) return earlier.frames > 0 and earlier.first == nil end },
  { "NO_RFC7540_PRIORITIES", "RFC9218-2.1-4", "the value is not that of the first SETTINGS",
    when = function(value, earlier)
      return earlier.frames > 0 and earlier.first ~= nil and value ~= earlier.first
    end },
}

settings.ROWS = ROWS

local by_name = {}
for _, row in ipairs(ROWS) do
  by_name[row[1]] = by_name[row[1]] or {}
  table.insert(by_name[row[1]], row)
end

-- What the peer said before of the settings that have rows.
local function earlier_of(watch, name)
  local known = watch.settings[name] or {}
  watch.settings[name], known.frames = known, watch.settings_frames
  return known
end

local function check(watch, conn, event, setting)
  local earlier = earlier_of(watch, setting.name)
  for _, row in ipairs(by_name[setting.name]) do
    if (not row.role or row.role == conn.role) and row.when(setting.value, earlier) then
      watch:report(conn, event, row[2], ("SETTINGS: %s has the value %d: %s"):format(setting.name, setting.value,
        row[3]))
      break
    end
  end
  if earlier.frames == 0 then
    earlier.first = setting.value
  end
  earlier.last = setting.value
end

--- Looks at a SETTINGS frame without ACK.
function settings.frame(watch, conn, event)
  for _, setting in ipairs(event.settings or {}) do
    if by_name[setting.name] then
      check(watch, conn, event, setting)
    end
  end
  watch.settings_frames = watch.settings_frames + 1
end

return settings
