-- Many targets: a list of URLs judged side by side on one loop, with reports for each and a matrix of all.
--
-- Memory grows with the cases in flight: of a target that is through, its reports are written and only a character for
-- each verdict is kept.
local args = require "h2probe.args"
local campaign = require "h2probe.campaign"
local deadline = require "h2probe.deadline"
local engine = require "h2probe.engine"
local matrix = require "h2probe.matrix"
local results = require "h2probe.results"
local target_list = require "h2probe.target_list"
local words = require "h2probe.words"

local fleet = {}

local EXIT = results.EXIT
local STDOUT <const> = 1
local IN_FLIGHT <const> = 8 -- cases of one target
local SHARE <const> = 4 -- of --jobs: so many targets are at work at once
-- The exit status of all is the first of these that any target has.
local WORST_FIRST <const> = { EXIT.internal, EXIT.usage, EXIT.died, EXIT.failed, EXIT.unreachable, EXIT.nothing, EXIT.ok }
-- What a single run has and many cannot share.
local ALONE <const> = { "server_cmd", "update_expect", "rerun_failed" }
local FILES <const> = { "pcapng", "save_failing" }

-- Options --------------------------------------------------------------------------------------------------------

local function option_name(name)
  return "--" .. name:gsub("_", "-")
end

-- Why these options cannot be, or nil.
local function mistake(options)
  for _, name in ipairs(ALONE) do
    if options[name] then
      return ("%s is for one target, not for --targets"):format(option_name(name))
    end
  end
  for _, name in ipairs(FILES) do
    if options[name] and not options[name]:find("{target}", 1, true) then
      return ("%s: with --targets its name needs {target}"):format(option_name(name))
    end
  end
  for _, report in ipairs(options.reports or {}) do
    if not report.file then
      return ("--report %s: with --targets it needs a file: %s=NAME-{target}.%s"):format(report.format, report.format,
        report.format)
    elseif not report.file:find("{target}", 1, true) then
      return ("--report %s=%s: with --targets the name needs {target}"):format(report.format, report.file)
    end
  end
end

local function named(text, target)
  return text and (text:gsub("{target}", target.slug))
end

-- The options of one target's run.
local function options_for(options, target)
  local own = {}
  for name, value in pairs(options) do
    own[name] = value
  end
  own.reports = {}
  for i, report in ipairs(options.reports or {}) do
    own.reports[i] = { format = report.format, file = named(report.file, target) }
  end
  for _, name in ipairs(FILES) do
    own[name] = named(options[name], target)
  end
  own.jobs, own.deadline = math.min(IN_FLIGHT, options.jobs), nil
  return own
end

-- The run --------------------------------------------------------------------------------------------------------

local Fleet = {}
Fleet.__index = Fleet

local function write(text)
  engine.write(STDOUT, text)
end

-- One target from beginning to end.
function Fleet:judge(target)
  local options, begun = self.plan.options, engine.now()
  local plan = { options = options_for(options, target), url = target.url, silent = true }
  for _, name in ipairs { "cases", "files", "catalogue", "narrowed" } do
    plan[name] = self.plan[name]
  end
  local said = {}
  plan.say = function(text) said[#said + 1] = args.printable(text) end
  plan.on_results = function(all) self.matrix:add(target, all) end
  self.active[plan] = true
  target.status = campaign.run(plan)
  self.active[plan] = nil
  target.seconds, target.said = engine.now() - begun, said
  self.done = self.done + 1
  write(self.matrix:line(target, self.done, #self.targets))
end

function Fleet:worker()
  while self.next <= #self.targets and not self.stopped do
    local target = self.targets[self.next]
    self.next = self.next + 1
    self:judge(target)
  end
end

function Fleet:interrupt(reason, why)
  self.stopped = self.stopped or reason
  for plan in pairs(self.active) do
    plan.signal, plan.why = reason, why
    if plan.interrupt then
      plan.interrupt(reason, why)
    end
  end
end

function Fleet:on_signals()
  for _, name in ipairs { "SIGINT", "SIGTERM" } do
    engine.on_signal(name, function()
      if self.stopped and self.stopped ~= "deadline" then
        os.exit(EXIT.failed)
      end
      self:interrupt(name)
    end)
  end
end

function Fleet:on_deadline()
  local seconds = self.plan.options.deadline
  return seconds and deadline.start(seconds, function() self:interrupt("deadline", deadline.text(seconds)) end)
end

function Fleet:work()
  local workers = {}
  for i = 1, math.min(#self.targets, math.max(1, self.plan.options.jobs // SHARE)) do
    workers[i] = engine.spawn(function() self:worker() end, { name = "targets " .. i })
  end
  for _, worker in ipairs(workers) do
    worker:join(math.huge)
  end
end

function Fleet:status()
  local seen = {}
  for _, target in ipairs(self.targets) do
    seen[target.status or EXIT.failed] = true
  end
  for _, status in ipairs(WORST_FIRST) do
    if seen[status] then
      return status
    end
  end
end

-- The matrix on standard output, and in a file where one is wanted.
function Fleet:conclude()
  local status, summary = self:status(), self.plan.options.summary
  write(self.matrix:text(self.targets, self.stopped, status))
  if summary then
    local ok, message = self.matrix:write(summary, self.targets)
    if not ok then
      words.say("--summary: " .. message)
      return EXIT.internal
    end
  end
  return status
end

--- Runs the plan of a single run (docs/runtime.md, `campaign`) against every URL of options.targets. The exit status.
function fleet.run(plan)
  local options = plan.options
  local wrong = plan.url and "--targets: the command line names a URL as well" or mistake(options)
    or options.summary and matrix.unknown(options.summary)
  local targets, message = nil, wrong
  if not wrong then
    targets, message = target_list.read(options.targets)
  end
  if not targets then
    words.say(message)
    return EXIT.usage
  end
  local self = setmetatable({ plan = plan, targets = targets, next = 1, done = 0, active = {},
    matrix = matrix.new() }, Fleet)
  self:on_signals()
  local timer = self:on_deadline()
  self:work()
  if timer then
    timer:cancel "the run is over"
  end
  return self:conclude()
end

return fleet
