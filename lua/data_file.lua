-- Files of the user's that are Lua tables: loaded in an empty environment under limits, and where in them things stand.
local engine = require "h2probe.engine"

local data_file = {}

local LIMITS <const> = { instructions = 10 * 1000 * 1000, memory = 64 * 1024 * 1024 }
local SECONDS <const> = 10
local MAX_FILE <const> = 4 * 1024 * 1024

local function printable(message)
  return (tostring(message):gsub("\n.*", ""):gsub("[%c\127-\255]", function(c) return ("\\x%02x"):format(c:byte()) end))
end

--- The text of a file that is not too long, or nil, one line and the errno of opening it.
function data_file.text(path)
  local file, message, code = io.open(path, "rb")
  if not file then
    return nil, message, code
  end
  local text, problem = file:read(MAX_FILE + 1)
  if not text and not problem then
    text = ""
  end
  file:close()
  if not text then
    return nil, ("%s: %s"):format(path, problem)
  elseif #text > MAX_FILE then
    return nil, ("%s: it is longer than %d MiB"):format(path, MAX_FILE >> 20)
  end
  return text
end

-- Positions -----------------------------------------------------------------------------------------------

-- What begins at a position: its kind, and where it ends.
local LONG <const> = "^%[(=*)%["
local STRINGS <const> = { ['"'] = true, ["'"] = true }

local function end_of_string(text, at)
  local quote, position = text:sub(at, at), at + 1
  while position <= #text do
    local octet = text:sub(position, position)
    if octet == quote then
      return position
    end
    position = position + (octet == "\\" and 2 or 1)
  end
  return #text
end

local function end_of_long(text, at)
  local level = text:match(LONG, at)
  return level and select(2, text:find("]" .. level .. "]", at, true)) or level and #text
end

local function end_of_comment(text, at)
  return end_of_long(text, at + 2) or (text:find("\n", at, true) or #text + 1) - 1
end

local function next_token(text, at)
  local octet = text:sub(at, at)
  if text:find("^%-%-", at) then
    return "comment", end_of_comment(text, at)
  elseif STRINGS[octet] then
    return "string", end_of_string(text, at)
  elseif end_of_long(text, at) then
    return "string", end_of_long(text, at)
  elseif octet:find "[%a_]" then
    return "name", select(2, text:find("^[%w_]+", at))
  end
  return octet, at
end

local Positions = {}
Positions.__index = Positions

function Positions:open(line)
  self.depth = self.depth + 1
  self.tables[self.depth] = self.tables[self.depth] or {}
  table.insert(self.tables[self.depth], line)
end

function Positions:key(name, line)
  local keys = self.keys[self.depth] or {}
  self.keys[self.depth] = keys
  keys[name] = keys[name] or line
end

-- A name, or a string in brackets, before "=".
local function key_at(text, kind, from, to)
  local rest = kind == "string" and text:find("^%s*%]%s*=[^=]", to + 1) or text:find("^%s*=[^=]", to + 1)
  if rest and (kind == "name" or kind == "string") then
    return kind == "name" and text:sub(from, to) or text:sub(from + 1, to - 1)
  end
end

--- Where the tables and keys of a Lua source begin: tables[depth] = lines in order, keys[depth][name] = line.
-- It reads literals; what is computed it does not know.
function data_file.positions(text)
  local self = setmetatable({ depth = 0, tables = {}, keys = {} }, Positions)
  local at, line = 1, 1
  while at <= #text do
    local kind, to = next_token(text, at)
    local name = key_at(text, kind, at, to)
    if name then
      self:key(name, line)
    elseif kind == "{" then
      self:open(line)
    elseif kind == "}" then
      self.depth = math.max(self.depth - 1, 0)
    end
    line = line + select(2, text:sub(at, to):gsub("\n", ""))
    at = to + 1
  end
  return self
end

-- Loading -------------------------------------------------------------------------------------------------

-- An environment with nothing in it: assignments are kept with their lines, and a name that is none is a mistake.
local function environment(assigned, lines)
  return setmetatable({}, {
    __index = function(_, name)
      if assigned[name] == nil then
        error(("'%s' does not exist: a string is written in quotes"):format(tostring(name)), 2)
      end
      return assigned[name]
    end,
    __newindex = function(_, name, value)
      assigned[name] = value
      lines[name] = debug.getinfo(2, "l").currentline
    end,
  })
end

local function located(path, message)
  local text = printable(message)
  return text:find(path .. ":", 1, true) == 1 and text or path .. ": " .. text
end

local function execute(chunk, path)
  local task = engine.spawn(chunk, { name = "loading " .. path, deadline = SECONDS, instructions = LIMITS.instructions,
    memory = LIMITS.memory, on_done = function() end })
  local ok, result = task:join(SECONDS + 1)
  if ok then
    return true, result
  end
  local limit = task:limit()
  return false, limit and ("it passed its limit of %s while it was loaded"):format(limit)
    or type(result) == "string" and result or "it raised a " .. type(result)
end

--- Runs a Lua file: { returned, assigned, lines (of assignments), positions }, or nil and one line with file and line.
-- Parks: the caller is a task.
function data_file.load(path, text)
  local assigned, lines = {}, {}
  local chunk, message = load(text, "@" .. path, "t", environment(assigned, lines))
  if not chunk then
    return nil, located(path, message)
  end
  local ok, returned = execute(chunk, path)
  if not ok then
    return nil, located(path, returned)
  end
  return { returned = returned, assigned = assigned, lines = lines, positions = data_file.positions(text) }
end

--- A value of the user's in a message.
function data_file.shown(value)
  if type(value) == "string" then
    local text = printable(value)
    return ("'%s'"):format(#text > 60 and text:sub(1, 60) .. "..." or text)
  end
  return type(value) == "table" and "a table" or type(value) == "function" and "a function" or tostring(value)
end

return data_file
