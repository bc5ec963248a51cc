-- What suite { } and case { } may hold, and what is wrong with what they hold (docs/scripting.md).
local requirements = require "h2probe.requirements"
local selection = require "h2probe.selection"

local schema = {}

schema.MODES = { "alpn", "upgrade", "prior" }

local STARTS = { open = true, preface = true, secure = true, tcp = true }
local ROLES = { client = true, server = true }
local MODES = { alpn = true, upgrade = true, prior = true }
local NEEDS = { large = true, content = true, post = true, echo = true, fields = true, h1 = true, upgrade = true, push = true }
local AUTO = { settings = true, ping = true, window = true }
local MAX_ROWS = 10000

local function sorted(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = tostring(name)
  end
  table.sort(names)
  return names
end

local function shown(value)
  if type(value) == "string" then
    return ("'%s'"):format(value:sub(1, 80):gsub("[%c\127-\255]", "?"))
  end
  return type(value) == "table" and "a table" or tostring(value)
end

-- Checks: value to the value that is kept, or nil and what is wrong ------------------------------

local function slug(value)
  if type(value) ~= "string" or not value:find("^[%l%d]") or value:find("[^%l%d.-]") or #value > 100 then
    return nil, "is not a slug (lower case letters, digits, - and .): " .. shown(value)
  end
  return value
end

local function line(value)
  if type(value) ~= "string" or value == "" or value:find("[%c]") then
    return nil, "is not one line of text: " .. shown(value)
  end
  return value
end

local function one_of(set)
  return function(value)
    if type(value) ~= "string" or not set[value] then
      return nil, ("is %s; it can be %s"):format(shown(value), table.concat(sorted(set), ", "))
    end
    return value
  end
end

local function list_of(check, what)
  return function(value)
    local list = type(value) == "table" and value or { value }
    local kept = {}
    for key, entry in pairs(list) do
      if math.type(key) ~= "integer" or key < 1 or key > #list then
        return nil, ("is a list of %s; it has a key %s"):format(what, shown(key))
      end
      local good, message = check(entry)
      if good == nil then
        return nil, message
      end
      kept[key] = good
    end
    if #kept == 0 then
      return nil, "is an empty list"
    end
    return kept
  end
end

local function requirement(value)
  local rows = assert(requirements.load())
  if type(value) ~= "string" or not rows[value] then
    local ids = {}
    for _, row in ipairs(rows) do
      ids[#ids + 1] = row.id
    end
    local near = type(value) == "string" and #value < 60 and selection.nearest(value, ids)
    return nil, ("names %s, which is no row of suites/requirements.tsv%s"):format(shown(value),
      near and (" (did you mean '%s'?)"):format(near) or "")
  end
  return value
end

local function violation(value)
  local id = type(value) == "string" and value:match("^([^=]+)")
  if not id then
    return nil, "is not ID or ID=WAY: " .. shown(value)
  end
  local good, message = requirement(id)
  return good and value, message
end

local function of_type(name)
  return function(value)
    if type(value) ~= name then
      return nil, ("is a %s, not %s"):format(name, shown(value))
    end
    return value
  end
end

local function each(value)
  if type(value) ~= "table" or #value == 0 then
    return nil, "is a list of rows, with at least one"
  end
  if #value > MAX_ROWS then
    return nil, ("has more than %d rows"):format(MAX_ROWS)
  end
  for key in pairs(value) do
    if math.type(key) ~= "integer" or key < 1 or key > #value then
      return nil, "is a list of rows; it has a key " .. shown(key)
    end
  end
  return value
end

local function auto(value)
  if type(value) ~= "table" then
    return nil, "is a table such as { ping = false }, not " .. shown(value)
  end
  for key, on in pairs(value) do
    if not AUTO[key] or type(on) ~= "boolean" then
      return nil, "takes settings, ping and window, true or false"
    end
  end
  return value
end

local function seconds(value)
  if type(value) ~= "number" or value ~= value or value < 0.01 or value > 600 then
    return nil, "is a number of seconds from 0.01 to 600, not " .. shown(value)
  end
  return value
end

local function h2spec_id(value)
  if type(value) ~= "string" or not value:find("^[%w./-]+$") then
    return nil, "is not an id of h2spec: " .. shown(value)
  end
  return value
end

local DEFAULTS = {
  role = one_of(ROLES),
  modes = list_of(one_of(MODES), "modes"),
  start = one_of(STARTS),
  needs = list_of(one_of(NEEDS), "needs"),
  settings = of_type "table",
  auto = auto,
  timeout = seconds,
}

local function extended(more)
  local keys = {}
  for name, check in pairs(DEFAULTS) do
    keys[name] = check
  end
  for name, check in pairs(more) do
    keys[name] = check
  end
  return keys
end

schema.suite = extended { title = line, rfc = of_type "number", section = of_type "string" }

schema.case = extended {
  id = slug,
  title = line,
  req = list_of(requirement, "requirements"),
  run = of_type "function",
  each = each,
  h2spec = list_of(h2spec_id, "ids"),
  violate = list_of(violation, "violations"),
  caught = one_of { fail = true, warn = true },
  alone = of_type "boolean",
  early = of_type "boolean",
}

--- What a probe may assign before it touches conn.
schema.probe = extended {
  title = line,
  req = list_of(requirement, "requirements"),
  h2spec = list_of(h2spec_id, "ids"),
}

--- Checks a table against keys; the checked copy and a list of mistakes.
-- `positional`: the first positional value is checked by it and kept as `name`.
function schema.check(given, keys, positional)
  local kept, mistakes = {}, {}
  for key, value in pairs(given) do
    local check = keys[key]
    if key == 1 and positional then
      check, key = positional, "name"
    end
    if not check then
      local near = type(key) == "string" and selection.nearest(key, sorted(keys))
      mistakes[#mistakes + 1] = ("unknown key %s%s"):format(shown(key),
        near and (" (did you mean '%s'?)"):format(near) or "")
    else
      local message
      kept[key], message = check(value)
      if kept[key] == nil then
        mistakes[#mistakes + 1] = ("%s %s"):format(key, message)
      end
    end
  end
  table.sort(mistakes)
  return kept, mistakes
end

schema.slug = slug

--- How a row of `each` is called in reports.
function schema.row_label(row, position)
  if type(row) == "table" then
    row = rawget(row, "label")
  end
  if type(row) == "string" or type(row) == "number" or type(row) == "boolean" then
    local text = tostring(row):gsub("[%c\127-\255]", function(c) return ("\\x%02x"):format(c:byte()) end)
    return #text > 60 and text:sub(1, 60) .. "..." or text
  end
  return "row " .. position
end

return schema
