-- JSON results: what docs/runtime.md describes, in a fixed order of keys.
local dkjson = require "dkjson"

local json = { extension = "json" }

local ORDER = { "schema", "tool", "name", "version", "target", "started", "seconds", "modes", "interrupted", "complete",
  "died", "summary", "total", "pass", "warn", "fail", "skip", "inconclusive", "error", "flakes", "verdicts", "absent", "results", "id", "mode",
  "offered", "reason", "verdict", "level", "req", "title", "suite", "statement", "row", "expected", "observed", "log", "notes",
  "location", "command", "transcript", "time", "sent", "kind", "stream", "text", "lines", "mark" }

local function escape(text)
  return (text:gsub("[\128-\255]", function(c) return ("\\x%02x"):format(c:byte()) end))
end

--- A copy in which every string is valid UTF-8 and every number finite, whatever the peer sent.
local function clean(value)
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
    copy[clean(key)] = clean(member)
  end
  return copy
end

local LISTS = { req = true, notes = true, modes = true, results = true }

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

function json.write(results)
  return dkjson.encode(lists(clean(results)), { indent = true, keyorder = ORDER }) .. "\n"
end

return json
