-- Suites and probes to case lists; every mistake with its file and line.
local engine = require "h2probe.engine"
local environment = require "h2probe.environment"
local requirements = require "h2probe.requirements"
local resources = require "h2probe.resources"
local schema = require "h2probe.schema"

local loader = {}

-- What a script may use: VM instructions and octets of memory.
loader.LIMITS = { instructions = 50 * 1000 * 1000, memory = 64 * 1024 * 1024 }

local LOAD_SECONDS = 10
local MAX_FILE = 16 * 1024 * 1024
local MAX_FRAMES = 10
local FOLDERS = { "alpn", "upgrade", "preface", "http2", "hpack", "messages", "extensions" }

local function rank(folder)
  for position, name in ipairs(FOLDERS) do
    if name == folder then
      return position
    end
  end
  return #FOLDERS + 1
end

--- "FOLDER/FILE.lua" below suites/ in the fixed order of folders.
local function before(a, b)
  local folder_a, folder_b = a:match("^suites/([^/]+)"), b:match("^suites/([^/]+)")
  if folder_a ~= folder_b then
    local rank_a, rank_b = rank(folder_a), rank(folder_b)
    if rank_a ~= rank_b then
      return rank_a < rank_b
    end
    return folder_a < folder_b
  end
  return a < b
end

local function slug_of(text)
  local slug = text:lower():gsub("[^%l%d.-]+", "-"):gsub("^[-.]+", ""):gsub("[-.]+$", "")
  return slug ~= "" and slug:sub(1, 60) or "file"
end

local function folder_of(path)
  local below = path:match("^suites/(.+)/[^/]+%.lua$") or path:match("/suites/(.+)/[^/]+%.lua$")
  if below then
    return below
  end
  local parent = path:match("([^/]+)/[^/]+$")
  return parent and parent ~= "." and parent ~= ".." and slug_of(parent) or "local"
end

-- Positions and messages ----------------------------------------------------------------------------

--- The line in the script's own file that is being run.
local function script_line(chunk)
  for level = 2, 40 do
    local info = debug.getinfo(level, "Sl")
    if not info then
      return 0
    end
    if info.source == chunk and info.currentline > 0 then
      return info.currentline
    end
  end
  return 0
end

--- What was raised, as text: never by a metamethod of the script's.
function loader.raised_text(raised)
  local kind = type(raised)
  return (kind == "string" or kind == "number") and tostring(raised) or "a " .. kind .. " was raised"
end

--- A traceback with the frames of scripts only: ours are of no use to a reader.
function loader.script_traceback(traceback, names)
  local lines = {}
  for text in tostring(traceback or ""):gmatch("[^\n]+") do
    local frame = text:match("^%s+(.*)$")
    if frame then
      for _, name in ipairs(names) do
        if frame:find(name .. ":", 1, true) == 1 then
          lines[#lines + 1] = frame
        end
        if #lines == MAX_FRAMES then
          return lines
        end
      end
    end
  end
  return lines
end

local function printable(message)
  local text = tostring(message):gsub("\n.*", "")
  return (text:gsub("[%c\127-\255]", function(c) return ("\\x%02x"):format(c:byte()) end))
end

-- A message of Lua's, with the file in front if it is not there yet.
local function located(file, message)
  local text = printable(message)
  return text:find(file .. ":", 1, true) and text or file .. ": " .. text
end

-- One suite -------------------------------------------------------------------------------------------

local Suite = {}
Suite.__index = Suite

function Suite:mistake(line, text)
  self.mistakes[#self.mistakes + 1] = ("%s:%d: %s"):format(self.file, line, text)
end

function Suite:declare(given)
  local line = script_line(self.chunk)
  if self.defaults then
    return self:mistake(line, "a second suite in one file")
  end
  self.defaults = {}
  if type(given) ~= "table" then
    return self:mistake(line, "suite takes a table: suite { \"name\", title = ... }")
  end
  local kept, mistakes = schema.check(given, schema.suite, schema.slug)
  for _, text in ipairs(mistakes) do
    self:mistake(line, "suite: " .. text)
  end
  if given[1] == nil then
    return self:mistake(line, "suite: the name is missing: suite { \"name\", title = ... }")
  end
  self.defaults = kept
  self.id = kept.name and self.folder .. "/" .. kept.name
end

local REQUIRED = { "id", "title", "req", "run" }

local function with_defaults(kept, suite)
  local defaults = suite.defaults
  local row = requirements.load()[kept.req[1]]
  return {
    id = suite.id .. "/" .. kept.id,
    suite = suite.id,
    suite_title = defaults.title or defaults.name,
    title = kept.title,
    req = kept.req,
    requirement = row,
    level = row.level,
    gentle = requirements.gentle(row),
    h2spec = kept.h2spec or {},
    role = kept.role or defaults.role or "client",
    modes = kept.modes or defaults.modes or schema.MODES,
    start = kept.start or defaults.start or "open",
    needs = kept.needs or defaults.needs or {},
    settings = kept.settings or defaults.settings,
    auto = kept.auto or defaults.auto,
    timeout = kept.timeout or defaults.timeout,
    violate = kept.violate or { kept.req[1] },
    caught = kept.caught or (requirements.gentle(row) and "warn" or "fail"),
    alone = kept.alone or false,
    early = kept.early or false,
    each = kept.each,
    run = kept.run,
  }
end

function Suite:add(given)
  local line = script_line(self.chunk)
  if type(given) ~= "table" then
    return self:mistake(line, "case takes a table: case { id = ..., run = function(conn) ... end }")
  end
  local name = type(given.id) == "string" and ("case '%s': "):format(printable(given.id):sub(1, 80)) or "case: "
  if not self.id then
    return self:mistake(line, name .. "there is no suite { } before it")
  end
  local kept, mistakes = schema.check(given, schema.case)
  for _, key in ipairs(REQUIRED) do
    if given[key] == nil then
      mistakes[#mistakes + 1] = key .. " is missing"
    end
  end
  for _, text in ipairs(mistakes) do
    self:mistake(line, name .. text)
  end
  if #mistakes > 0 then
    return
  end
  local case = with_defaults(kept, self)
  case.file, case.line, case.text = self.file, line, self.text
  case.location = ("%s:%d"):format(self.file, line)
  self.cases[#self.cases + 1] = case
end

--- Runs the file's body under the limits of scripts; false and a message if it raised.
local function execute(chunk, name)
  local task = engine.spawn(chunk, { name = "loading " .. name, deadline = LOAD_SECONDS,
    instructions = loader.LIMITS.instructions, memory = loader.LIMITS.memory, on_done = function() end })
  local ok, message = task:join(LOAD_SECONDS + 1)
  if ok then
    return true
  end
  local limit = task:limit()
  if limit then
    return false, ("the script passed its limit of %s while it was loaded"):format(limit)
  end
  return false, loader.raised_text(message)
end

-- Suites of this build may be there as code; whoever replaces them brings text.
local function compile(file, text, env)
  local code = not text and resources.code(file)
  if code then
    return load(code, "@" .. file, "b", env)
  end
  return load(text or assert(resources.read(file)), "@" .. file, "t", env)
end

local function load_suite(source)
  local file, text = source.name, source.text
  local suite = setmetatable({ file = file, text = text, chunk = "@" .. file, folder = folder_of(file), cases = {},
    mistakes = {} }, Suite)
  local env = environment.suite {
    suite = function(given) suite:declare(given) end,
    case = function(given) suite:add(given) end,
  }
  local chunk, message = compile(file, text, env)
  if not chunk then
    return suite, { located(file, message) }
  end
  local ok, problem = execute(chunk, file)
  if not ok then
    suite.mistakes[#suite.mistakes + 1] = located(file, problem)
  elseif not suite.defaults then
    suite.mistakes[#suite.mistakes + 1] = file
      .. ": it declares no suite { }; a probe is run by h2probe probe FILE"
  elseif #suite.cases == 0 and #suite.mistakes == 0 then
    suite.mistakes[#suite.mistakes + 1] = file .. ": it declares no case { }"
  end
  return suite, suite.mistakes
end

local function append(list, more)
  for _, entry in ipairs(more) do
    list[#list + 1] = entry
  end
end

--- Loads suites given as { { name =, text = (nil: it is of this build) }, ... }: the cases in order, or nil and a list of lines.
function loader.load(files)
  local cases, mistakes, by_id = {}, {}, {}
  for _, file in ipairs(files) do
    local suite, wrong = load_suite(file)
    append(mistakes, wrong)
    for _, case in ipairs(suite.cases) do
      local twin = by_id[case.id]
      if twin then
        mistakes[#mistakes + 1] = ("%s: case '%s' has the id of the one in %s"):format(case.location, case.id,
          twin.location)
      else
        by_id[case.id] = case
        cases[#cases + 1] = case
        case.order = #cases
      end
    end
  end
  if #mistakes > 0 then
    return nil, mistakes
  end
  return cases
end

local function read_user_file(path)
  local text, message = resources.file(path)
  if not text then
    return nil, message
  end
  if #text > MAX_FILE then
    return nil, path .. ": a script of more than 16 MiB is none"
  end
  return text
end

--- All suites of this build, and before them those of the user's files, which replace suites of the same id.
function loader.all(paths)
  local files, mistakes, taken = {}, {}, {}
  for _, path in ipairs(paths or {}) do
    local text, message = read_user_file(path)
    if text then
      files[#files + 1] = { name = path, text = text }
      local below = path:match("suites/.+$")
      taken[below or path] = true
    else
      mistakes[#mistakes + 1] = message
    end
  end
  if #mistakes > 0 then
    return nil, mistakes
  end
  local names = {}
  for _, name in ipairs(resources.list "suites/") do
    if name:find("%.lua$") and not taken[name] then
      names[#names + 1] = name
    end
  end
  table.sort(names, before)
  for _, name in ipairs(names) do
    files[#files + 1] = { name = name }
  end
  return loader.load(files)
end

--- A probe: one file whose body is the case. Its environment is made anew for every run.
function loader.probe(path)
  local text, message = read_user_file(path)
  if not text then
    return nil, message
  end
  if ("\n" .. text):find("\n%s*suite%s*[{(]") then
    return nil, path .. ": this is a suite: run it with h2probe run [URL] " .. path
  end
  local chunk, problem = load(text, "@" .. path, "t", {})
  if not chunk then
    return nil, located(path, problem)
  end
  local name = path:match("([^/]+)$"):gsub("%.lua$", "")
  return {
    id = "probe/" .. slug_of(name), suite = "probe", suite_title = "probes", title = name, req = {}, level = "MUST",
    gentle = false, h2spec = {}, role = "client", modes = schema.MODES, start = "open", needs = {}, violate = {},
    alone = false, early = false, probe = true, file = path, line = 1, location = path .. ":1", text = text,
  }
end

return loader
