-- A script that runs one case again without its suite: what of the suite's text it needs, and the call.
local engine = require "h2probe.engine"
local excerpt = require "h2probe.excerpt"
local loader = require "h2probe.loader"
local resources = require "h2probe.resources"
local schema = require "h2probe.schema"

local saved_script = {}

local WIDTH <const> = 116

-- Literals ------------------------------------------------------------------------------------------------------

local function string_literal(text)
  local escaped = text:gsub('[\\"]', "\\%0"):gsub("[%c\127-\255]", function(c) return ("\\x%02x"):format(c:byte()) end)
  return '"' .. escaped .. '"'
end

local literal

local function table_literal(value)
  local parts, names = {}, {}
  for _, entry in ipairs(value) do
    parts[#parts + 1] = literal(entry)
  end
  for key in pairs(value) do
    if math.type(key) ~= "integer" or key < 1 or key > #value then
      names[#names + 1] = key
    end
  end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(names) do
    local plain = type(key) == "string" and key:find "^[%a_][%w_]*$"
    parts[#parts + 1] = ("%s = %s"):format(plain and key or "[" .. literal(key) .. "]", literal(value[key]))
  end
  return #parts > 0 and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
end

--- A value of numbers, strings, booleans and tables of them as Lua.
function literal(value)
  if type(value) == "table" then
    return table_literal(value)
  elseif type(value) == "string" then
    return string_literal(value)
  end
  return tostring(value)
end

-- Parts -----------------------------------------------------------------------------------------------------------

local function comment(lines, text)
  local line = "--"
  for word in text:gsub("[^%g ]", "?"):gmatch "%S+" do
    if #line + #word + 1 > WIDTH then
      lines[#lines + 1], line = line, "--"
    end
    line = line .. " " .. word
  end
  lines[#lines + 1] = line
end

local function head(case, mode, result, label)
  local lines = {}
  comment(lines, ("%s (%s)%s: %s"):format(case.id, mode, label and ", row " .. label or "", case.title))
  comment(lines, ("Saved by h2probe %s from %s."):format(engine.version, case.location))
  if result.statement then
    comment(lines, ("It judges %s (%s): %s"):format(result.req[1], result.level or "?", result.statement))
  end
  if result.expected then comment(lines, "Expected: " .. result.expected) end
  comment(lines, ("Observed: %s (%s)"):format(result.observed or "nothing", result.verdict))
  return table.concat(lines, "\n") .. "\n"
end

local DECLARED <const> = { "title", "req", "h2spec", "start", "modes", "needs", "settings", "auto", "timeout" }

local function same(a, b)
  return literal(a) == literal(b)
end

-- What differs from what a probe has anyway.
local function declarations(case)
  local usual = { h2spec = {}, start = "open", modes = schema.MODES, needs = {} }
  local lines = {}
  for _, name in ipairs(DECLARED) do
    local value = case[name]
    if value ~= nil and not (usual[name] and same(value, usual[name])) then
      lines[#lines + 1] = ("%s = %s"):format(name, literal(value))
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- Is the case declared by this text as it was by its suite?
local function declares(case)
  return function(text)
    for _, found in ipairs(loader.load { { name = case.file, text = text } } or {}) do
      if found.id == case.id then
        return found.title == case.title and (found.each and #found.each) == (case.each and #case.each)
      end
    end
    return false
  end
end

local CHOICE <const> = [[
local chosen
local function case(given)
  if given.id == %s then
    chosen = given
  end
end
]]

local function call(case, position)
  if not case.each then
    return "chosen.run(conn)\n"
  end
  return ("chosen.run(conn, chosen.each[%d])\n"):format(position)
end

local function statement(case)
  return excerpt.of(case.text or assert(resources.read(case.file)), case, declares(case))
end

local function probe(case, mode, result, position)
  local label = case.each and schema.row_label(case.each[position], position)
  local text = excerpt.without_suite(statement(case))
  return head(case, mode, result, label) .. "\n" .. declarations(case) .. "\n"
    .. CHOICE:format(literal(case.id:match "[^/]+$")) .. "\n" .. text .. "\n" .. call(case, position)
end

--- The script and the name of its file. `position`: which row of `each`. A case for servers becomes a probe, one for clients a
-- suite of one case; a probe is saved as it is.
function saved_script.of(case, mode, result, position)
  if case.probe then
    return case.text, "probe.lua"
  elseif case.role == "server" then
    return head(case, mode, result) .. "\n" .. statement(case), "suite.lua"
  end
  return probe(case, mode, result, position or 1), "probe.lua"
end

--- For what was seen before any case ran: every run begins with the same look at the target.
function saved_script.of_preflight(result)
  local lines = {}
  comment(lines, ("%s: seen in the look at the target that comes before every run, so that any probe shows it."):format(result.id))
  comment(lines, ("Saved by h2probe %s. Observed: %s"):format(engine.version, result.observed or ""))
  return table.concat(lines, "\n") .. "\nconn:get(target.path)\n", "probe.lua"
end

return saved_script
