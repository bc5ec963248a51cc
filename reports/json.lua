-- JSON results: what docs/runtime.md describes, in a fixed order of keys.
local dkjson = require "dkjson"

local json = { extension = "json" }

local ORDER = { "schema", "label", "tool", "name", "version", "target", "started", "seconds", "modes", "shard",
  "index", "profile", "settings_file", "interrupted", "complete", "died", "nothing_to_run", "summary", "total",
  "pass", "warn", "fail", "skip", "inconclusive", "error", "expected_failures", "expectations", "file", "problems",
  "line", "flakes", "verdicts", "absent", "results", "id", "mode", "offered", "verdict", "expected_failure", "reason",
  "level", "req", "title", "suite", "statement", "row", "expected", "observed", "log", "notes", "location", "command",
  "seen_in", "transcript", "time", "sent", "kind", "stream", "text", "lines", "mark" }

local function escape(text)
  return (text:gsub("[\128-\255]", function(c) return ("\\x%02x"):format(c:byte()) end))
end

--- A copy in which every string is valid UTF-8 and every number finite, whatever the peer sent. `keys` gets the names of
-- all members.
local function clean(value, keys)
  if type(value) == "string" then
    return utf8.len(value) and value or escape(value)
  end
  if type(value) == "number" then
    return (value == value and math.abs(value) ~= math.huge) and value or 0
  end
  if type(value) ~= "table" then
    return value
  end
  local copy = {}
  for key, member in pairs(value) do
    local name = clean(key, keys)
    copy[name] = clean(member, keys)
    keys[name] = type(name) == "string" or nil
  end
  return copy
end

local LISTS = { req = true, notes = true, modes = true, results = true, problems = true }

local function lists(value)
  for key, member in pairs(value) do
    if type(member) == "table" then
      if LISTS[key] then
        setmetatable(member, { __jsontype = "array" })
      end
      lists(member)
    end
  end
  return value
end

-- The members in a fixed order: those of a list, then all others by name.
local function order_of(known, keys)
  local order, others = table.move(known, 1, #known, 1, {}), {}
  for _, name in ipairs(known) do
    keys[name] = nil
  end
  for name in pairs(keys) do
    others[#others + 1] = name
  end
  table.sort(others)
  return table.move(others, 1, #others, #order + 1, order)
end

--- Any value as JSON text, on one line unless indented. `order`: names of members in their order (those of results).
function json.encode(value, indent, order)
  local keys = {}
  local copy = lists(clean(value, keys))
  return dkjson.encode(copy, { indent = indent, keyorder = order_of(order or ORDER, keys) })
end

function json.write(results)
  return json.encode(results, true) .. "\n"
end

return json
