-- The client under test: a command, or the reference client in a task; and the port of its own that each case gives it.
--
-- A driver starts one client: driver:start { url =, host =, port =, mode =, cacert = } -> handle, or nil, code, message.
-- handle:wait(seconds) -> exit status, signal, or nil; handle:output(); handle:ending(status, signal) -> text;
-- handle:stop() ends it for good.
local client = require "h2probe.client"
local context = require "h2probe.context"
local engine = require "h2probe.engine"
local fields = require "h2probe.fields"
local open = require "h2probe.open"
local url = require "h2probe.url"

local under_test = {}

local MAX_LINE <const> = 120
local LAST_WORDS <const> = 5 -- seconds until a killed command is reaped

-- How it ended -------------------------------------------------------------------------------------------------

-- The first and the last line of an output: some put first what others put last.
local function in_short(text)
  local first, last
  for line in text:gmatch "[^\r\n]+" do
    if line:find "%S" then
      first, last = first or line, line
    end
  end
  if not first then
    return nil
  end
  local both = first == last and first:sub(1, MAX_LINE) or ("%s ... %s"):format(first:sub(1, MAX_LINE), last:sub(1, MAX_LINE))
  return fields.shown(both)
end

-- For people: "exit status 7: what it said".
local function ending(handle, status, signal)
  local text = signal and "ended by " .. signal or "exit status " .. status
  local said = in_short(handle:output())
  return said and ("%s: %s"):format(text, said) or text
end

-- A command --------------------------------------------------------------------------------------------------

local Command = { ending = ending }
Command.__index = Command

function Command:wait(seconds)
  return self.process:wait(seconds)
end

function Command:output()
  return (self.process:output())
end

function Command:stop()
  self.process:kill()
  self.process:wait(LAST_WORDS)
end

local function values_of(place)
  return { url = place.url, host = place.host, port = tostring(place.port), mode = place.mode,
    cacert = place.cacert or "" }
end

--- The words of a command with {url}, {host}, {port}, {mode} and {cacert} replaced.
function under_test.substituted(words, place)
  local values, out = values_of(place), {}
  for i, word in ipairs(words) do
    out[i] = word:gsub("{(%l+)}", values)
  end
  return out
end

--- The driver of a command given as a list of words; the same values are in its environment as H2PROBE_URL and so on.
function under_test.command(words)
  return {
    start = function(_, place)
      local env = {}
      for name, value in pairs(values_of(place)) do
        env["H2PROBE_" .. name:upper()] = value
      end
      local process, code, message = engine.process { args = under_test.substituted(words, place), env = env }
      if not process then
        return nil, code, message
      end
      return setmetatable({ process = process }, Command)
    end,
  }
end

-- The reference client -----------------------------------------------------------------------------------------

local Reference = { ending = ending }
Reference.__index = Reference

function Reference:wait(seconds)
  local ok, good, text = self.task:join(seconds)
  if not ok and self.task:status() == "running" then
    return nil, "timeout", "the client has not ended"
  end
  self.text = tostring(ok and text or good or "")
  return ok and good and 0 or 1
end

function Reference:output()
  return self.text or ""
end

function Reference:stop()
  self.task:cancel "the case is over"
end

--- The driver of the reference client, guilty of `violate` ({ [id] = way }) or sound.
function under_test.reference(violate)
  return {
    start = function(_, place)
      local task = engine.spawn(function()
        return client.fetch { url = assert(url.parse(place.url)), mode = place.mode, violate = violate, verify = false }
      end, { name = "reference client", on_done = function() end })
      return setmetatable({ task = task }, Reference)
    end,
  }
end

-- A case's port ---------------------------------------------------------------------------------------------------

local function bracketed(host)
  return host:find(":", 1, true) and "[" .. host .. "]" or host
end

-- The target of one run: with its port.
local function aimed(target, port)
  local here = {}
  for key, value in pairs(target) do
    here[key] = value
  end
  here.port, here.authority = port, ("%s:%d"):format(bracketed(target.host), port)
  here.url = ("%s://%s%s"):format(target.scheme, here.authority, target.path)
  return here
end

-- The first connection, or nil and why none came: the client's end ends the wait.
local function first_connection(run, listener)
  local handle = run.client
  local status, signal
  engine.spawn(function()
    status, signal = handle:wait(math.huge)
    listener:close()
  end, { name = "client's end", on_done = function() end })
  local wire, code, message = listener:accept(context.left(run))
  if wire then
    return wire
  elseif status then
    return nil, "closed", "the client ended without a connection: " .. handle:ending(status, signal)
  elseif code == "timeout" then
    message = ("the client did not connect within %g s"):format(context.seconds(run))
  end
  return nil, code, message
end

--- Starts the client of run.target against a port of its own and takes its connection up to a start level (options as for
-- open.accept). Later connections are refused. Parks. conn, or nil, code, message; run.client is the client, to be stopped.
function under_test.admit(run, options)
  -- Of the addresses of localhost a client may try the other one only.
  local listener, code, message = engine.listen { host = "127.0.0.1", also = "::1", port = 0 }
  if not listener then
    return nil, code, message
  end
  local target = aimed(run.target, listener:port())
  run.target = target
  run.client, code, message = target.client:start { url = target.url, host = target.host, port = target.port,
    mode = run.mode, cacert = target.cacert }
  local wire
  if run.client then
    wire, code, message = first_connection(run, listener)
  end
  listener:close()
  if not wire then
    return nil, code, message
  end
  return open.accept(run, wire, { mode = options.mode, start = options.start, settings = options.settings,
    auto = options.auto })
end

--- Ends the client of a run, if it has one.
function under_test.stop(run)
  if run.client then
    run.client:stop()
  end
end

return under_test
