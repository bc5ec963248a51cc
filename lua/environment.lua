-- The private environment of a script (docs/scripting.md): Lua's safe libraries and the names of the language. Any
-- other name raises, when read and when assigned.
local context = require "h2probe.context"
local conn_client = require "h2probe.conn_client"
local engine = require "h2probe.engine"
local fields = require "h2probe.fields"
local frames = require "h2probe.frames"
local open = require "h2probe.open"
local outcome = require "h2probe.outcome"
local output = require "h2probe.conn_output"
local verdict = require "h2probe.verdict"

local environment = {}

-- What a probe may assign.
local DECLARED = { "title", "req", "h2spec", "start", "role", "modes", "timeout", "settings", "auto", "needs" }

-- Lua -------------------------------------------------------------------------------------------------------------

local function copy(library, without)
  local names = {}
  for name, value in pairs(library) do
    if name ~= without then
      names[name] = value
    end
  end
  return names
end

-- A verdict ends the case: no pcall holds it up.
local function pass_on(ok, ...)
  if not ok and verdict.is((...)) then
    error((...), 0)
  end
  return ok, ...
end

local function script_pcall(fn, ...)
  return pass_on(engine.pcall(fn, ...))
end

local function script_xpcall(fn, handler, ...)
  return pass_on(engine.xpcall(fn, function(raised)
    if verdict.is(raised) then
      return raised
    end
    return handler(raised)
  end, ...))
end

-- The metatable of strings is everybody's.
local function script_getmetatable(value)
  if type(value) ~= "table" then
    return nil
  end
  return getmetatable(value)
end

local function script_coroutine()
  local names = copy(engine.coroutine)
  names.resume = function(...)
    return pass_on(engine.coroutine.resume(...))
  end
  return names
end

local function running()
  local run = context.current()
  if not run then
    error("this needs a case that runs: call it from case.run", 3)
  end
  return run
end

local function script_print(...)
  local parts = {}
  for index = 1, select("#", ...) do
    parts[index] = tostring((select(index, ...)))
  end
  context.note(running(), table.concat(parts, "\t"))
end

local function lua_names()
  return {
    assert = assert, error = error, ipairs = ipairs, next = next, pairs = pairs, rawequal = rawequal, rawget = rawget,
    rawlen = rawlen, select = select, tonumber = tonumber, tostring = tostring, type = type,
    pcall = script_pcall, xpcall = script_xpcall, getmetatable = script_getmetatable, setmetatable = engine.setmetatable,
    print = script_print, string = copy(string, "dump"), table = copy(table), math = copy(math), utf8 = copy(utf8),
    coroutine = script_coroutine(),
  }
end

-- Octets and field lists ----------------------------------------------------------------------------------------

local MAX_OCTETS = 64 * 1024 * 1024

local language = { PREFACE = output.PREFACE, base64url = engine.base64url }

--- octets(n): n zero octets; octets(n, s): s repeated and cut to n.
function language.octets(n, pattern)
  n, pattern = math.tointeger(n), pattern or "\0"
  if not n or n < 0 or n > MAX_OCTETS or type(pattern) ~= "string" or pattern == "" then
    error("octets takes a number up to 2^26 and octets to repeat", 2)
  end
  local whole, rest = pattern:rep(n // #pattern), n % #pattern
  return rest == 0 and whole or whole .. pattern:sub(1, rest)
end

--- hex "00 ff": octets from hexadecimal digits; white space is passed over.
function language.hex(text)
  local octets = type(text) == "string" and engine.unhex((text:gsub("%s", "")))
  return octets or error("hex takes pairs of hexadecimal digits", 2)
end

local function request_of(method)
  return function(path)
    return conn_client.request_fields(running().target, { method = method, path = path })
  end
end

language.get, language.head, language.post = request_of "GET", request_of "HEAD", request_of "POST"

--- request { method =, path =, authority =, scheme =, fields = }: a field list; false leaves a pseudo-header out.
function language.request(given)
  return conn_client.request_fields(running().target, given or {})
end

language.with, language.without, language.replace = fields.with, fields.without, fields.replace
language.unindexed = fields.unindexed

--- field(list, name): the value of the first field with this name, whatever the case of its letters, or nil.
function language.field(list, name)
  for _, field in ipairs(list or {}) do
    if type(field[1]) == "string" and field[1]:lower() == name:lower() then
      return field[2]
    end
  end
end

language.indexed, language.literal = fields.indexed, fields.literal
language.size_update, language.raw = fields.size_update, fields.raw

for name in pairs(frames.types) do
  language[name] = frames[name]
end

for _, name in ipairs { "connection_error", "stream_error", "malformed", "ignored", "no_error", "invalid_preface", "no_http2",
  "speaks_http2", "response", "closed", "no_upgrade", "tls_alert", "selects", "no_alpn", "any_of", "soft" } do
  language[name] = outcome[name]
end

-- Verdicts ---------------------------------------------------------------------------------------------------------

--- check(condition, expected, observed): fails the case if the condition does not hold. Returns the condition. What
-- was waited for in vain (nil) is an accusation that rests on silence.
function language.check(condition, expected, observed)
  if condition then
    return condition
  end
  verdict.raise {
    verdict = "fail", expected = expected and tostring(expected), observed = tostring(observed or "not so"),
    silent = condition == nil,
  }
end

--- fail(observed): fails the case.
function language.fail(observed)
  verdict.raise { verdict = "fail", observed = tostring(observed) }
end

--- warn(text): a SHOULD that is not met: ends the case.
function language.warn(text)
  verdict.raise { verdict = "warn", observed = tostring(text) }
end

--- note(text): a line for the report; the case goes on.
function language.note(text)
  context.note(running(), text)
end

--- skip(reason): the peer does not offer what the case needs.
function language.skip(reason)
  verdict.raise { verdict = "skip", observed = tostring(reason) }
end

--- inconclusive(reason): the run proved nothing.
function language.inconclusive(reason)
  verdict.raise { verdict = "inconclusive", observed = tostring(reason) }
end

local SLICE = 0.01

-- One more event on any connection of the run; several are looked at in turn.
local function any_event(run)
  local live = {}
  for _, conn in ipairs(run.connections) do
    if not conn._.ended then
      live[#live + 1] = conn
    end
  end
  for _, conn in ipairs(live) do
    conn:_pump(#live > 1 and SLICE or nil)
    conn._.waited = true
  end
  return #live > 0 and context.left(run) > 0
end

--- eventually(function() return x end, "what"): waits until frames from the peer make it true: its value.
function language.eventually(condition, what)
  local run = running()
  local more = true
  while true do
    local value = condition()
    if value then
      return value
    elseif not more then
      verdict.raise {
        verdict = "fail", silent = true, expected = tostring(what or "that it comes about"),
        observed = ("it did not come about within %g s"):format(context.seconds(run)),
      }
    end
    more = any_event(run)
  end
end

-- Connections and tasks --------------------------------------------------------------------------------------------

--- connect { mode =, start =, settings =, auto = }: another connection, like the first unless said otherwise. When the
-- peer does not let it come about the case is inconclusive; with may_fail = true: nil, code, message.
function language.connect(options)
  local run = running()
  local case = run.case or {}
  local given = { start = case.start, settings = case.settings, auto = case.auto }
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  local conn, code, message = open.connect(run, given)
  if not conn and not given.may_fail then
    verdict.raise { verdict = "inconclusive", observed = ("another connection could not be opened: %s"):format(message or code) }
  end
  return conn, code, message
end

-- What a task of a script may use beside the case's own.
local TASK_LIMITS = { instructions = 50 * 1000 * 1000, memory = 64 * 1024 * 1024 }
local MAX_TASKS = 1000

local Task = { __metatable = "task", __name = "task" }
Task.__index = Task

--- task:join([seconds]): waits for the task's end and returns its results; raises what it raised.
function Task:join(seconds)
  local results = table.pack(self._task:join(seconds or context.left(self._run)))
  self._joined = true
  if results[1] then
    return table.unpack(results, 2, results.n)
  end
  error(results[2], 0)
end

--- spawn(fn, ...): runs it beside; every call that waits parks its own task alone.
function language.spawn(fn, ...)
  local run = running()
  run.tasks = run.tasks or {}
  if #run.tasks >= MAX_TASKS then
    error(("a script spawns at most %d tasks"):format(MAX_TASKS), 2)
  end
  local arguments = table.pack(...)
  local task = engine.spawn(function()
    context.enter(run)
    return fn(table.unpack(arguments, 1, arguments.n))
  end, { name = "spawned by the script", deadline = context.left(run) + 1, on_done = function() end,
    instructions = TASK_LIMITS.instructions, memory = TASK_LIMITS.memory })
  run.tasks[#run.tasks + 1] = setmetatable({ _task = task, _run = run, _joined = false }, Task)
  return run.tasks[#run.tasks]
end

-- Environments ---------------------------------------------------------------------------------------------------

local function missing(name)
  return ("'%s' does not exist; say local for a variable of your own"):format(tostring(name))
end

local dynamic = {}

function dynamic.target()
  local run = context.current()
  return run and run.target or error("the target is known only while a case runs", 3)
end

function dynamic.conn()
  error("a suite gets conn as the argument of case.run", 3)
end

local function new(more, hooks)
  local env = lua_names()
  for name, value in pairs(language) do
    env[name] = value
  end
  for name, value in pairs(more) do
    env[name] = value
  end
  return setmetatable(env, {
    __metatable = "environment",
    __index = function(_, name)
      local get = (hooks.names or {})[name] or dynamic[name]
      if get then
        local value = get() -- no tail call: errors name the script's line
        return value
      end
      error(missing(name), 2)
    end,
    __newindex = function(_, name, value)
      if not hooks.declare then
        error(missing(name), 2)
      elseif hooks.opened() then
        error(("'%s' is assigned after the connection was opened"):format(tostring(name)), 2)
      end
      hooks.declare(name, value)
    end,
  })
end

--- The environment of a suite file: { suite = function(t), case = function(t) } are its declarations.
function environment.suite(declarations)
  return new({ suite = declarations.suite, case = declarations.case }, {})
end

--- The environment of a probe, for one run: options.conn() opens its connection when it is first touched,
-- options.declare(name, value) gets each assignment to a name that does not exist, and raises if it may not be.
function environment.probe(run, options)
  local conn
  local names = {
    target = function() return run.target end,
    conn = function()
      conn = conn or options.conn()
      return conn
    end,
    suite = function() error("a probe has no suite { }: its body is the case", 3) end,
    case = function() error("a probe has no case { }: its body is the case", 3) end,
  }
  return new({}, {
    names = names,
    declare = options.declare,
    opened = function() return conn ~= nil end,
  })
end

--- The running task, and what it spawns, belongs to this run.
function environment.bind(run)
  context.enter(run)
end

--- The end of a case's body: waits for the tasks that it spawned and did not join, and raises what the first raised.
function environment.finish(run)
  for _, task in ipairs(run.tasks or {}) do
    if not task._joined then
      task:join()
    end
  end
end

--- All names of the language, sorted; with what a probe may assign. `kind`: "lua", "language" or nil for both.
function environment.names(kind)
  local names = {}
  local function add_all(list, of)
    for name in pairs(list) do
      if kind == nil or kind == of then
        names[#names + 1] = name
      end
    end
  end
  add_all(lua_names(), "lua")
  add_all(language, "language")
  add_all({ suite = true, case = true, conn = true, target = true }, "language")
  for _, name in ipairs(kind ~= "lua" and DECLARED or {}) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- The names that a probe may assign.
function environment.declared()
  return { table.unpack(DECLARED) }
end

return environment
