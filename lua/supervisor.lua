-- A server under our wing: started by a command, waited for, watched, started again, and ended with all that it started.
--
-- A life is one start of the command. A trouble is what went wrong in one: { kind = "exit" | "report" | "hang", life =,
-- report =, why = }: it ended, its log shows a report of a crash, or it does not answer.
local crash_report = require "h2probe.crash_report"
local engine = require "h2probe.engine"
local sentinel = require "h2probe.sentinel"

local supervisor = {}

local Keeper = {}
Keeper.__index = Keeper

local LOG <const> = 1 << 20 -- octets of a life's output that are kept
local PATIENCE <const> = 10 -- seconds from SIGTERM to SIGKILL, for one that obeys
local IMPATIENCE <const> = 1 -- the same for one that did not obey before
local LAST_WORDS <const> = 10 -- seconds that a crash has to be reported to its end
local AFTERMATH <const> = 0.5 -- and that a process may take to end after a report
local TICK <const> = 0.005 -- where the system tells nobody: who of a group is gone, who listens
local LONGEST_TICK <const> = 0.25
local GRACE <const> = 5 -- seconds for one that listens, but does not speak HTTP/2
local RESTARTS <const> = 3 -- attempts, where the port is not free yet
local LINES <const> = 20
local MAX_PARTIAL_LINE <const> = 4096
-- Ways that fail for a server that is not there yet, or not ready behind an open port; others answer with something else.
local AWAY <const> = { refused = true, unreachable = true, resolve = true, timeout = true, closed = true, io = true }
local RUNTIME <const> = { ILL = 4, TRAP = 5, ABRT = 6, BUS = 7, FPE = 8, SEGV = 11, SYS = 31 }

-- How it ended ---------------------------------------------------------------------------------------------

-- A shell between us and the server says 128 and the number of the signal.
local function signal_of(ended)
  if ended.signal then
    return ended.signal
  end
  for name, number in pairs(RUNTIME) do
    if ended.status == 128 + number then
      return "SIG" .. name
    end
  end
end

local function short_ending(ended)
  local signal = signal_of(ended)
  return signal and "ended by " .. signal or "exit status " .. ended.status
end

local function ending(ended)
  return (short_ending(ended):gsub("^exit", "ended with exit"))
end

-- What was written in a life from a position on.
local function written(life, from)
  return life.process:read(from or 0, 0) or ""
end

local function last_lines(life, from)
  local text = crash_report.tail(written(life, from), LINES)
  return text ~= "" and text or crash_report.tail(written(life), LINES)
end

-- A life ------------------------------------------------------------------------------------------------------

-- Position of what was not looked at yet: the last line may go on.
local function after_lines(text, finish)
  return finish - math.min(#text:match "[^\n]*$", MAX_PARTIAL_LINE)
end

function Keeper:tell(trouble)
  trouble.life.trouble = trouble
  self.trouble = self.trouble or trouble
  if self.on_trouble then
    self.on_trouble(trouble)
  end
end

function Keeper:scan(life)
  local text, finish = life.process:read(life.scanned, 0)
  if not text then
    return
  end
  local at = crash_report.find(text)
  if at then
    self:tell { kind = "report", life = life, at = finish - #text + at - 1 }
  else
    life.scanned = after_lines(text, finish)
  end
end

function Keeper:listen(life)
  local at = 0
  while true do
    local text, finish = life.process:read(at)
    if not text then
      return
    end
    at = finish
    if life.ready and not life.trouble and not life.stopping then
      self:scan(life)
    end
  end
end

function Keeper:guard(life)
  local status, signal = life.process:wait()
  life.ended = { status = status, signal = signal }
  if life.ready and not life.stopping then
    local trouble = life.trouble or { life = life, at = life.scanned }
    trouble.kind = "exit"
    if not life.trouble then
      self:tell(trouble)
    end
  end
end

function Keeper:spawn()
  local process, _, message = engine.process { args = { "/bin/sh", "-c", self.command }, env = self.env, output = LOG,
    keep = "last", linger = true }
  if not process then
    return nil, "the server command cannot be started: " .. message
  end
  self.lives = self.lives + 1
  local life = { process = process, scanned = 0, number = self.lives }
  self.life = life
  local function ignored() end
  engine.spawn(function() self:listen(life) end, { name = "the server's log", on_done = ignored })
  engine.spawn(function() self:guard(life) end, { name = "the server's end", on_done = ignored })
  return life
end

-- Ready? ------------------------------------------------------------------------------------------------------

local function connects(target, timeout)
  local conn = engine.connection { role = "client" }
  local at = target.connect_to or target
  local ok, _, message = conn:connect { host = at.host, port = at.port, unix = target.unix, timeout = timeout }
  conn:close()
  return ok, message
end

-- Every port must be open, and HTTP/2 spoken in one of the modes. False, why, and whether the answer was something else.
function Keeper:accepts()
  local why, other = nil, true
  for _, mode in ipairs(self.modes) do
    local ok, message = connects(self.targets[mode], self.timeout)
    if not ok then
      return false, message, false
    end
  end
  for _, mode in ipairs(self.modes) do
    local alive, observed, record = sentinel.alive { target = self.targets[mode], mode = mode, timeout = self.timeout }
    if alive or observed:find("does not verify", 1, true) then -- whether that is right is for the pre-flight to say
      return true
    end
    why = why or observed
    other = other and not AWAY[record.way]
  end
  return false, why, other
end

function Keeper:not_ready(life, text)
  return nil, text, last_lines(life)
end

local function daemon_hint(ended)
  return ended.status == 0 and "; a server must stay in the foreground, not make a daemon of itself" or ""
end

-- Reports of the time before it was ready belong to no case.
function Keeper:born(life)
  local text, finish = life.process:read(0, 0)
  for _, report in ipairs(text and crash_report.all(text) or {}) do
    self:found("start", report)
  end
  life.scanned = text and after_lines(text, finish) or 0
  life.ready = true
  return true
end

function Keeper:await(life)
  local limit, tick, at, other_since = engine.now() + self.wait, TICK, 0, nil
  while true do
    local ok, why, other = self:accepts()
    engine.yield() -- its end may have come, too: then somebody else accepted
    if life.ended then
      return self:not_ready(life, ("the server %s before it accepted HTTP/2%s"):format(ending(life.ended),
        daemon_hint(life.ended)))
    elseif self.interrupted then
      return nil, "interrupted"
    end
    other_since = other and (other_since or engine.now()) or nil
    if ok or (other_since and engine.now() - other_since > GRACE) then
      return self:born(life)
    end
    -- Woken by what it writes and by its end; one that says nothing is asked again soon.
    local text, finish = life.process:read(at, tick)
    if text then
      at = finish
      engine.wait(TICK) -- it may write without end
    elseif finish == "closed" then
      life.process:wait(tick)
    end
    tick = math.min(tick * 2, LONGEST_TICK)
    if engine.now() >= limit then
      return self:not_ready(life, ("the server did not accept HTTP/2 within %g s: %s"):format(self.wait, why))
    end
  end
end

--- Starts the command and waits until HTTP/2 is accepted; parks. True, or nil, one line, and the last lines of the log.
function Keeper:start()
  local life, message = self:spawn()
  if not life then
    return nil, message
  end
  local ok, text, log = self:await(life)
  if not ok then
    life.stopping = true
    self:stop()
  end
  return ok, text, log
end

-- The end -------------------------------------------------------------------------------------------------------

-- Something is true, or time is over.
local function eventually(seconds, test)
  local limit = engine.now() + seconds
  while not test() and engine.now() < limit do
    engine.wait(TICK)
  end
  return test()
end

local function group_gone(life)
  engine.end_orphans(true)
  return not life.process:group()
end

-- Asked first, then made to. False if it did not obey.
function Keeper:end_group(life)
  local process, obeyed = life.process, true
  if not group_gone(life) then
    local patience = (self.disobeyed or life.trouble) and math.min(IMPATIENCE, self.patience) or self.patience
    local limit = engine.now() + patience
    process:kill "SIGTERM"
    process:wait(patience)
    obeyed = eventually(limit - engine.now(), function() return group_gone(life) end)
    process:kill()
    process:wait(PATIENCE)
  end
  eventually(PATIENCE, function() return engine.end_orphans() == 0 and not process:group() end)
  return obeyed
end

local EXPECTED <const> = { SIGTERM = true, SIGKILL = true, SIGINT = true, SIGHUP = true }

-- A sanitizer's report at the end (leaks), or a crash in it.
function Keeper:examine(life)
  local reports = crash_report.all(written(life, life.scanned))
  for _, report in ipairs(reports) do
    self:found("stop", report)
  end
  local signal = signal_of(life.ended or {})
  if #reports == 0 and signal and not EXPECTED[signal] then
    self:found("stop", { summary = ending(life.ended) .. " when it was told to stop", text = last_lines(life) })
  end
end

--- Ends the server and everything that it started; parks.
function Keeper:stop()
  local life = self.life
  if not life or life.over then
    return
  end
  local healthy = life.ready and not life.ended and not life.trouble
  life.stopping, life.over = true, true
  if not self:end_group(life) then
    if not self.disobeyed and not life.trouble then
      self.say(("the server ignored SIGTERM for %g s and was killed"):format(self.patience))
    end
    self.disobeyed = self.disobeyed or not life.trouble
  end
  eventually(1, function() return life.ended end)
  if healthy then
    self:examine(life)
  end
end

--- Once more, whatever became of the last life; parks. True, or nil and one line.
function Keeper:restart()
  self:stop()
  self.trouble = nil
  for attempt = 1, RESTARTS do
    local ok, message, log = self:start()
    local again = not ok and not self.interrupted and self.life and self.life.ended and attempt < RESTARTS
    if not again then
      return ok, message, log
    end
    engine.wait(LONGEST_TICK) -- the port of the last life may not be free yet
  end
end

--- The run is to end: whoever waits for the server waits no more.
function Keeper:interrupt()
  self.interrupted = true
end

-- What went wrong ---------------------------------------------------------------------------------------------

function Keeper:found(where, report)
  if not self.known[report.summary] then
    self.known[report.summary] = true
    self.findings[#self.findings + 1] = { where = where, summary = report.summary, log = report.text, during = self.during }
  end
end

--- May it be started again after a death?
function Keeper:revives()
  return self.policy ~= "never"
end

--- Where the log is now.
function Keeper:position(life)
  local text, dropped = (life or self.life).process:output()
  return dropped + #text
end

--- Has this trouble been told to its end? Parks until then, not for ever.
function Keeper:settle(trouble)
  local life, limit = trouble.life, engine.now() + LAST_WORDS
  local process = life.process
  while trouble.at and not life.ended and engine.now() < limit do
    trouble.report = crash_report.read(written(life, trouble.at))
    local report = trouble.report
    if report and report.complete and not report.aborting then
      process:wait(AFTERMATH)
      report = crash_report.read(written(life, trouble.at))
      if not report.aborting then
        break
      end
    end
    process:read(self:position(life), AFTERMATH)
  end
  engine.yield()
  trouble.report = trouble.at and crash_report.read(written(life, trouble.at)) or nil
  trouble.kind = life.ended and "exit" or trouble.kind
  return trouble
end

--- A report that is known and of which the server did not die: it goes on.
function Keeper:dismissed(trouble)
  local report = trouble.report
  if trouble.kind ~= "report" or (report and not self.known[report.summary]) then
    return false
  end
  local life = trouble.life
  life.scanned = report and trouble.at + report.last or trouble.at + 1
  life.trouble, self.trouble = nil, nil
  self:scan(life)
  return true
end

--- One line that says what went wrong.
function Keeper:why(trouble)
  local life, report = trouble.life, trouble.report
  local how = life.ended and ending(life.ended)
  if report then
    self.known[report.summary] = true
    return how and ("%s (%s)"):format(report.summary, short_ending(life.ended)) or report.summary
  elseif trouble.kind == "hang" then
    return ("%s; its process still runs"):format(trouble.why)
  end
  return how or trouble.why or "no reason is known"
end

--- What its log says of it: the whole report of a sanitizer, else the last lines.
function Keeper:log(trouble)
  local text = trouble.report and trouble.report.text or last_lines(trouble.life, trouble.from)
  return text ~= "" and text or nil
end

--- The trouble of a server that runs and does not answer.
function Keeper:hung(why)
  local trouble = { kind = "hang", why = why, life = self.life }
  self.life.trouble = trouble
  return trouble
end

--- The trouble that the present life is in, if any; waits for it for some seconds.
function Keeper:in_trouble(seconds)
  local life = self.life
  if not life.trouble and not life.ended then
    life.process:wait(seconds)
    engine.yield()
  end
  return life.trouble
end

--- A keeper of a server command. Options: command, env, wait (seconds), policy (--restart), targets and modes that it is
-- to serve, timeout, say(line), patience (seconds that it gets to end).
function supervisor.new(options)
  engine.adopt_orphans()
  local self = setmetatable({ lives = 0, known = {}, findings = {}, patience = options.patience or PATIENCE }, Keeper)
  for _, name in ipairs { "command", "env", "wait", "policy", "targets", "modes", "timeout", "say" } do
    self[name] = options[name]
  end
  return self
end

return supervisor
