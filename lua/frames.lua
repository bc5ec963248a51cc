-- The frame constructors of the script language (RFC 9113 sections 4 and 6): legal by default, wrong on demand.
local engine = require "h2probe.engine"

local frames = {}

local function set(words)
  local members = {}
  for word in words:gmatch "%S+" do
    members[word] = true
  end
  return members
end

local COMMON = set "type flags length stream reserved payload"

-- content: the member that the first positional value stands for.
local TYPES = {
  DATA = { members = set "data end_stream padded pad_length", content = "data" },
  HEADERS = {
    members = set "fields fragment end_stream end_headers padded pad_length priority exclusive dependency weight",
    content = "fragment",
  },
  PRIORITY = { members = set "exclusive dependency weight" },
  RST_STREAM = { members = set "error error_code", content = "error" },
  SETTINGS = { members = set "ack settings" },
  PUSH_PROMISE = {
    members = set "fields fragment end_headers padded pad_length promised_stream",
    content = "fragment",
  },
  PING = { members = set "data ack", content = "data" },
  GOAWAY = { members = set "last_stream error error_code debug", content = "debug" },
  WINDOW_UPDATE = { members = set "increment", content = "increment" },
  CONTINUATION = { members = set "fragment fields end_headers", content = "fragment" },
  ALTSVC = { members = set "origin value", content = "value" },
  ORIGIN = { members = set "origins" },
  PRIORITY_UPDATE = { members = set "prioritized_stream value", content = "value" },
  FRAME = { members = set "", content = "payload" },
}

for _, kind in pairs(TYPES) do
  kind.keys = setmetatable({}, { __index = COMMON })
  for member in pairs(kind.members) do
    kind.keys[member] = true
  end
end

frames.types = TYPES

-- Setting names first, in the order of their identifiers, then pairs as they were written.
local function settings_list(given)
  local named, list = {}, {}
  for key, value in pairs(given) do
    if type(key) == "string" and engine.settings[key] then
      named[#named + 1] = { key, value }
    end
  end
  table.sort(named, function(a, b) return engine.settings[a[1]] < engine.settings[b[1]] end)
  for _, pair in ipairs(named) do
    list[#list + 1] = pair
  end
  for index, pair in ipairs(given) do
    if type(pair) ~= "table" then
      error(("SETTINGS: value %d is no pair { id or name, value }"):format(index), 5)
    end
    list[#list + 1] = { pair[1] or pair.id, pair[2] or pair.value }
  end
  return list
end

--- The settings of SETTINGS { ... } as a list of { name or id, value }; keys that are no settings are passed over.
function frames.settings_list(given)
  return settings_list(given)
end

local function positional(name, given, frame)
  local content = TYPES[name].content
  if name == "SETTINGS" then
    if not given.settings then
      frame.settings = settings_list(given)
    end
  elseif name == "ORIGIN" then
    if not given.origins then
      frame.origins = { table.unpack(given) }
    end
  elseif given[1] ~= nil then
    if not content then
      error(name .. " has no positional content", 4)
    elseif given[content] ~= nil then
      error(("%s: the content is given twice, as '%s' too"):format(name, content), 4)
    end
    frame[content] = given[1]
  end
end

-- Is it content: positional, or a setting?
local function is_content(name, key)
  if math.type(key) == "integer" then
    return key == 1 or name == "SETTINGS" or name == "ORIGIN"
  end
  return name == "SETTINGS" and engine.settings[key]
end

local function copy_members(name, given, frame)
  local keys = TYPES[name].keys
  for key, value in pairs(given) do
    if keys[key] then
      frame[key] = value
    elseif not is_content(name, key) then
      error(("%s has no member '%s'"):format(name, tostring(key)), 4)
    end
  end
end

-- What follows from a member that is there.
local function complete(name, frame)
  local members = TYPES[name].members
  if members.end_headers and frame.end_headers == nil then
    frame.end_headers = true
  end
  if members.padded and frame.pad_length and frame.padded == nil then
    frame.padded = true
  end
  if members.priority and frame.priority == nil and (frame.dependency or frame.weight or frame.exclusive) then
    frame.priority = true
  end
end

local function build(name, given)
  if type(given) == "string" or type(given) == "number" then
    given = { given }
  elseif given == nil then
    given = {}
  elseif type(given) ~= "table" then
    error(name .. " takes a table or its content", 3)
  end
  local frame = { name = name ~= "FRAME" and name or nil }
  copy_members(name, given, frame)
  positional(name, given, frame)
  if name == "FRAME" and not frame.type then
    error("FRAME needs a type", 3)
  end
  complete(name, frame)
  return frame
end

for name in pairs(TYPES) do
  frames[name] = function(given)
    local frame = build(name, given) -- no tail call: errors name the caller's line
    return frame
  end
end

return frames
