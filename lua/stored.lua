-- Results from files: JSON and NDJSON as h2probe writes them, checked member by member before a report sees them.
local dkjson = require "dkjson"
local resources = require "h2probe.resources"
local results = require "h2probe.results"

local stored = {}

local SCHEMA <const> = 1

-- The shape ----------------------------------------------------------------------------------------------
-- A type's name ("integer": a whole number that is not negative), with "?" if the member may be missing; { pattern = },
-- { one_of = }, { list = shape }, { values = shape }, { members = { name = shape } }, { optional = shape }.

local function optional(shape)
  return { optional = shape }
end

local STRINGS <const> = optional { list = "string" }
local MODE <const> = { pattern = "^[%w_-]+$", what = "the name of a mode" }
local VERDICT <const> = { one_of = { "pass", "warn", "fail", "skip", "inconclusive", "error" } }
local EXPECTED <const> = optional { members = { reason = "string?", file = "string?", line = "integer?" } }

local ENTRY <const> = { members = { time = "number", text = "string", sent = "boolean?", kind = "string?", name = "string?",
  stream = "number?", mark = "boolean?", lines = STRINGS } }

local RESULT <const> = { members = { id = "string", mode = MODE, suite = "string", verdict = VERDICT, title = "string?",
  level = "string?", req = STRINGS, statement = "string?", seconds = "number?", row = "string?", expected = "string?",
  observed = "string?", log = "string?", notes = STRINGS, location = "string?", command = "string?", seen_in = "string?",
  expected_failure = EXPECTED, transcript = optional { list = ENTRY } } }

local FLAKE <const> = { members = { id = "string", mode = MODE, verdicts = { values = "integer" },
  expected_failure = EXPECTED } }

local HEAD <const> = { schema = "number", target = "string", label = "string?",
  started = { pattern = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", what = "a time as 2026-11-23T10:00:00Z" },
  tool = { members = { name = "string", version = "string" } },
  modes = optional { list = { members = { mode = MODE, offered = "boolean?", reason = "string?" } } },
  shard = optional { members = { index = "integer", total = "integer" } }, profile = "string?", settings_file = "string?" }

local TAIL <const> = { seconds = "number?", interrupted = "string?", complete = "boolean?", died = "string?",
  flakes = optional { list = FLAKE },
  expectations = optional { members = { file = "string",
    problems = { list = { members = { text = "string", kind = "string?", id = "string", line = "integer" } } } } } }

local WHOLE <const> = { members = { results = { list = RESULT } } }
for _, part in ipairs { HEAD, TAIL } do
  for name, shape in pairs(part) do
    WHOLE.members[name] = shape
  end
end

local wrong

local function wrong_type(value, shape, where)
  local name, may_miss = shape:match "^(%a+)(%??)$"
  if type(value) == name or value == nil and may_miss == "?"
    or name == "integer" and math.type(value) == "integer" and value >= 0 then
    return nil
  end
  return ("%s is %s, not %s %s"):format(where, value == nil and "missing" or "a " .. type(value),
    name == "integer" and "an" or "a", name)
end

local function wrong_choice(value, shape, where)
  for _, word in ipairs(shape.one_of) do
    if word == value then
      return nil
    end
  end
  return ("%s is none of %s"):format(where, table.concat(shape.one_of, ", "))
end

-- A list of JSON without holes (null is nil).
local function is_list(value)
  local count = 0
  for _ in pairs(value) do
    count = count + 1
  end
  return count == #value and (getmetatable(value) or {}).__jsontype ~= "object"
end

local function wrong_table(value, shape, where)
  if type(value) ~= "table" or shape.list and not is_list(value) then
    return ("%s is %s, not %s"):format(where, value == nil and "missing" or type(value) == "table" and "an object or has holes"
      or "a " .. type(value), shape.list and "a list" or "an object")
  end
  if shape.list then
    for i, member in ipairs(value) do
      local message = wrong(member, shape.list, ("%s[%d]"):format(where, i))
      if message then
        return message
      end
    end
  end
  for name, member in pairs(shape.values and value or shape.members or {}) do
    local message = shape.values and wrong(member, shape.values, where .. " " .. tostring(name))
      or not shape.values and wrong(value[name], member, where == "" and name or where .. "." .. name)
    if message then
      return message
    end
  end
end

--- What is wrong with a value, nil if nothing is.
function wrong(value, shape, where)
  if type(shape) == "string" then
    return wrong_type(value, shape, where)
  elseif shape.optional then
    return value ~= nil and wrong(value, shape.optional, where) or nil
  elseif shape.one_of then
    return wrong_choice(value, shape, where)
  elseif shape.pattern then
    return not (type(value) == "string" and value:find(shape.pattern)) and ("%s is not %s"):format(where, shape.what) or nil
  end
  return wrong_table(value, shape, where)
end

-- Reading --------------------------------------------------------------------------------------------------

-- One value, nothing behind it: or nil and a message.
local function decoded(text)
  local ok, value, position, message = pcall(dkjson.decode, text)
  if not ok then
    return nil, "it is nested too deeply"
  elseif message then
    return nil, (message:gsub("\n", " "))
  elseif text:find("%S", position) then
    return nil, "there is something behind the JSON value"
  elseif type(value) ~= "table" then
    return nil, "it is no JSON object"
  end
  return value
end

local function known_schema(value)
  if math.type(value.schema) == "integer" and value.schema > SCHEMA then
    return nil, ("it was written by a newer h2probe (schema %d)"):format(value.schema)
  elseif value.schema ~= SCHEMA then
    return nil, "it is no result file of h2probe (schema is not 1)"
  end
  return true
end

-- What reports rely on, where the file does not say it.
local function completed(all)
  all.seconds, all.modes = all.seconds or 0, all.modes or {}
  if all.complete == nil then
    all.complete = true
  end
  for _, result in ipairs(all.results) do
    result.notes, result.req, result.seconds = result.notes or {}, result.req or {}, result.seconds or 0
    for _, entry in ipairs(result.transcript or {}) do
      entry.lines = entry.lines or {}
    end
  end
  all.summary = results.summary(all.results)
  return all
end

local function of_json(text)
  local value, message = decoded(text)
  if value then
    message = select(2, known_schema(value)) or wrong(value, WHOLE, "")
  end
  if message then
    return nil, message
  end
  return completed(value)
end

local Reader = {}
Reader.__index = Reader

local KINDS <const> = {
  run = function(self, value)
    local message = select(2, known_schema(value)) or wrong(value, { members = HEAD }, "")
    if message then
      return message
    end
    value.kind = nil
    self.all = value
    self.all.results = {}
  end,
  result = function(self, value)
    local result = value.result
    local message = wrong(result, RESULT, "result") or wrong(value.total, "integer?", "total")
    if message then
      return message
    end
    local key = result.id .. " " .. result.mode
    self.places[key] = self.places[key] or #self.all.results + 1
    self.all.results[self.places[key]] = result
    self.total = value.total or self.total
  end,
  ["end"] = function(self, value)
    local message = wrong(value, { members = TAIL }, "")
    if message then
      return message
    end
    value.kind = nil
    for name, member in pairs(value) do
      self.all[name] = member
    end
    self.ended = true
  end,
}

-- A line; a message if it is wrong.
function Reader:line(text)
  local value, message = decoded(text)
  if not value then
    return message
  end
  local kind = KINDS[value.kind]
  if not kind then
    return "it is no line of h2probe's: its kind is none of run, result, end"
  elseif (self.all == nil) ~= (value.kind == "run") then
    return self.all and "a second run begins here: one file holds one run" or "it does not begin with the run"
  elseif self.ended then
    return "something follows the last line of the run"
  end
  return kind(self, value)
end

local function of_ndjson(text)
  local self = setmetatable({ places = {} }, Reader)
  local number = 0
  for line, ending in text:gmatch "([^\n]*)(\n?)" do
    number = number + 1
    local message = line:find "%S" and self:line(line)
    if message and ending == "" and self.all then
      break -- the end of the file came in the middle of a line
    elseif message then
      return nil, message, number
    end
  end
  local all = completed(self.all)
  if not self.ended then
    all.complete = false
    all.cut = self.total and ("after %d of %d cases"):format(#all.results, self.total) or "before the first case"
  end
  return all
end

--- Results as reports get them from the text of a file; or nil, what is wrong, and in which line of NDJSON.
-- `cut`, where it is there: the file ends early, and where.
function stored.parse(text)
  local first = text:match "^%s*([^\n]*)"
  if first == "" then
    return nil, "it is empty"
  end
  local value = decoded(first)
  if value and value.kind ~= nil then
    return of_ndjson(text)
  end
  return of_json(text)
end

--- The results in a file ("-": standard input), or nil and one line.
function stored.read(path)
  local text, message
  if path == "-" then
    text, message = io.stdin:read "a", "standard input cannot be read"
  else
    text, message = resources.file(path)
  end
  if not text then
    return nil, message
  end
  local all, mistake, line = stored.parse(text)
  if not all then
    return nil, ("%s%s: %s"):format(path == "-" and "standard input" or path, line and (":%d"):format(line) or "", mistake)
  end
  return all
end

return stored
