-- Cases side by side on one loop: what runs when, confirmation, repetition; the watch over the target is in death.
local case_run = require "h2probe.case_run"
local death = require "h2probe.death"
local engine = require "h2probe.engine"
local requirements = require "h2probe.requirements"
local schema = require "h2probe.schema"
local second_looks = require "h2probe.second_looks"
local settle = require "h2probe.settle"

local runner = {}

local Runner = {}
Runner.__index = Runner

local CASES_PER_ORDER = 100000
-- Of its time; a run that has waited so long gets its second look beside it.
local VAIN <const>, EARLY_VAIN <const> = 0.25, 0.1
-- Of the timeout; what an ordinary exchange takes of a target that has too much to do, and of one that could do more.
local SLOW <const>, QUICK <const> = 0.2, 0.05
local ROUND_TRIPS <const> = 8 -- that belong to the way: TCP, TLS, SETTINGS, a request

-- The plan --------------------------------------------------------------------------------------------

local function applies(case, mode, options)
  for _, name in ipairs(case.modes) do
    if name == mode then
      local offer = options.offers[mode]
      return offer.offered or options.explicit or case.role == "server" or case.start == "tcp"
        or case.start == "secure"
    end
  end
  return false
end

local function add_items(unit, pool)
  local rows = unit.case.each
  for position = 1, rows and #rows or 1 do
    local item = { unit = unit, position = position, row = rows and rows[position],
      label = rows and schema.row_label(rows[position], position) or nil }
    unit.waiting = unit.waiting + 1
    pool[#pool + 1] = item
  end
end

-- Those that may wait long come first.
local function plan(options)
  local units, early, pool, alone = {}, {}, {}, {}
  for order, case in ipairs(options.cases) do
    for _, mode in ipairs(options.modes) do
      if case.role == options.role and applies(case, mode, options)
        and (not options.wanted or options.wanted(case, mode)) then
        local unit = { case = case, mode = mode, number = #units + 1, order = case.order or order, waiting = 0,
          records = {} }
        units[#units + 1] = unit
        add_items(unit, case.alone and alone or case.early and early or pool)
      end
    end
  end
  return units, table.move(pool, 1, #pool, #early + 1, early), alone
end

-- Starting --------------------------------------------------------------------------------------------

function Runner:job(item, second)
  local unit = item.unit
  return { case = unit.case, row = item.row, label = item.label, mode = unit.mode, modes = self.options.offers,
    target = self.options.targets[unit.mode], timeout = self.options.timeout, longest = self.options.longest,
    patient = second and (item.first ~= nil or not item.again), second = second, started = engine.waited() }
end

function Runner:launch(item, second)
  self.in_flight = self.in_flight + 1
  self.early = self.early + (item.unit.case.early and 1 or 0)
  local job = self:job(item, second)
  self.jobs[job] = item
  item.job = job
  case_run.start(job, function(record) self.events:put { item = item, job = job, record = record } end)
end

local function failed_already(unit)
  for _, record in pairs(unit.records) do
    if record.verdict == "fail" or record.verdict == "error" then
      return true
    end
  end
  return false
end

-- The next item that is to be looked at again, without those that need it no more.
function Runner:next_second()
  local item = self.looks:next()
  while item and item.first and failed_already(item.unit) do
    self.looks:ended(item)
    self:settled(item, { verdict = "inconclusive", observed = "not looked at again: another row failed", notes = {},
      label = item.label, run = item.first.run, seconds = 0 })
    item = self.looks:next()
  end
  return item
end

-- Seconds until this first run has waited in vain; 0: it has.
local function hope_of(job)
  local whole = job.case.timeout or job.timeout
  return math.max(0, job.started + (job.case.early and EARLY_VAIN or VAIN) * whole - engine.waited())
end

-- Only those that wait in vain are in flight. Else: nil, and seconds until the next of them does.
function Runner:quiet()
  local soonest
  for job in pairs(self.jobs) do
    local hope = not job.second and hope_of(job) or 0
    if hope > 0 and hope < (soonest or math.huge) then
      soonest = hope
    end
  end
  return soonest == nil, soonest
end

-- What does not come now does not come because of the load: nothing goes on, or the target answers quickly all the same.
function Runner:calm()
  return (not self.single and self.most == self.options.jobs) or self:quiet()
end

-- The first run in flight, in the order of the suites, without a second look beside it; nil while it does not wait in vain.
-- `early`: only of those cases.
function Runner:in_vain(early)
  local found
  for job, item in pairs(self.jobs) do
    local case = item.unit.case
    if not (job.second or item.beside or item.again or case.alone) and (case.early or not early)
      and self.looks:may_begin(item) and not failed_already(item.unit)
      and (not found or item.unit.number < found.unit.number
        or item.unit == found.unit and item.position < found.position) then
      found = item
    end
  end
  return found and hope_of(found.job) == 0 and found or nil
end

-- The second look at a run that waits in vain, beside it.
function Runner:beside(early)
  if self.single or self.vigil:renews() then
    return nil
  end
  local item = self:in_vain(early)
  if item then
    self.looks:begin(item)
    item.beside = true
  end
  return item, true
end

-- What is looked at again, when there are no first runs to begin; the second value says so to `launch`.
function Runner:again_now()
  if not self:calm() or (self.vigil:renews() and self.in_flight > 0) then
    return nil
  end
  local item = self:next_second()
  if item then
    return item, true
  end
  return self:beside(false)
end

--- An ordinary exchange took so long: a target that is slow to answer gets fewer cases at once, so that what it says late is
-- not taken for silence. Those that only wait do not count.
function Runner:pace(seconds)
  local share = (seconds - ROUND_TRIPS * (self.options.round_trip or 0)) / self.options.timeout
  if share > SLOW then
    self.most = math.max(1, self.most // 2)
  elseif share < QUICK then
    self.most = math.min(self.options.jobs, self.most * 2)
  end
end

-- Alone means that nothing else is in flight, and stays so.
function Runner:next_alone()
  if self.in_flight > 0 or self.vigil.watching or #self.alone == 0 then
    return nil
  end
  self.exclusive = true
  return table.remove(self.alone, 1)
end

function Runner:next_item()
  local vigil = self.vigil
  if vigil:holds() or self.stopped or self.exclusive then
    return nil
  elseif self.in_flight + (self.single and vigil.watching and 1 or 0) >= self.options.jobs
    or self.in_flight - self.early >= self.most then
    return nil
  elseif self.single and vigil:due() or vigil:stale(self.pool[self.at]) and (self.in_flight > 0 or vigil.watching) then
    return nil
  end
  local accused = self.options.fail_fast and (self.looks.waiting[1] or self.looks.flying > 0)
  if self.at <= #self.pool and not accused then
    local early = self.early > 0 and self:beside(true)
    if early then
      return early, true
    end
    self.at = self.at + 1
    return self.pool[self.at - 1]
  end
  local item, second = self:again_now()
  if item then
    return item, second
  end
  return self:next_alone()
end

function Runner:start()
  self.vigil:watch()
  local item, second = self:next_item()
  while item and self.vigil:freshen(item) do
    self:launch(item, second)
    item, second = self:next_item()
  end
end

-- Records ---------------------------------------------------------------------------------------------------

-- The conversation of what passed, or was skipped, is of no use any more.
function Runner:trim(unit, record)
  if (record.verdict == "pass" or record.verdict == "skip") and not self.options.verbose then
    record.run = unit.case.probe and record.run and { case = record.run.case, connections = {} } or nil
  end
end

function Runner:finish(unit)
  local first_time = unit.result == nil
  unit.result = settle.result(unit, self.context)
  if first_time then
    self.finished = self.finished + 1
  end
  if self.options.progress then
    self.options.progress { kind = "result", result = unit.result, done = self.finished, total = #self.units }
  end
  if self.options.on_settled then
    self.options.on_settled(unit, unit.result)
    for _, record in pairs(unit.records) do
      self:trim(unit, record)
    end
  end
  local verdict = unit.result.verdict
  local bad = verdict == "fail" or verdict == "error" or (verdict == "warn" and self.options.strict)
  if bad and self.options.fail_fast and not unit.result.expected_failure then
    self.stopped = self.stopped or "--fail-fast"
  end
end

function Runner:settled(item, record)
  local unit = item.unit
  if unit.blamed then
    return
  end
  if not self.options.keep_runs then
    self:trim(unit, record)
  end
  unit.records[item.position] = record
  unit.waiting = unit.waiting - 1
  if unit.waiting == 0 then
    self:finish(unit)
  end
end

local function without(list, from, unwanted)
  local kept = table.move(list, 1, from - 1, 1, {})
  for at = from, #list do
    kept[#kept + 1] = not unwanted(list[at]) and list[at] or nil
  end
  return kept
end

function Runner:withdraw(unwanted)
  self.pool, self.alone = without(self.pool, self.at, unwanted), without(self.alone, 1, unwanted)
  self.looks.waiting = without(self.looks.waiting, 1, unwanted)
end

--- Nothing of this unit is run any more: the target died of it.
function Runner:drop(unit)
  self:withdraw(function(item) return item.unit == unit end)
end

-- Whatever became of this item is forgotten.
function Runner:reopen(item)
  local unit = item.unit
  self:withdraw(function(other) return other == item end)
  item.first, item.second, item.beside, item.again = nil, nil, nil, nil
  if unit.records[item.position] then
    unit.records[item.position] = nil
    unit.waiting = unit.waiting + 1
  end
end

--- It was run again when the target was well: this record counts, as if the others had not been.
function Runner:rejudge(item, record)
  self:reopen(item)
  self:judge(item, record)
end

--- To be run again among the others.
function Runner:requeue(item)
  if not item.unit.blamed then
    self:reopen(item)
    self.pool[#self.pool + 1] = item
  end
end

-- A first run that accuses by silence: its second look is over, under way, or still to come.
function Runner:accused(item, record)
  item.first = record
  if item.second then
    self:settled(item, settle.confirmed(record, item.second))
  elseif not item.beside then
    self.looks:want(item)
  end
end

-- The second look that ran beside is not needed.
local function call_off(item)
  local job = item.job
  if not job then -- it is over
    return
  end
  job.off = true
  if job.run and job.run.task then
    job.run.task:cancel "the first run came to an end"
  end
end

-- Once more, when the run proved nothing: beside the others, or as a second look when it did not get through.
function Runner:looked(item, record)
  if record.verdict == "fail" and record.silent then
    return self:accused(item, record)
  end
  if item.beside then
    call_off(item)
  end
  local repeated = item.again
  if repeated then
    self:settled(item, settle.repeated(repeated, record))
  elseif record.way then
    item.again = record
    self.looks:want(item)
  elseif record.verdict == "inconclusive" then
    item.again = record
    self.pool[#self.pool + 1] = item
  else
    self:settled(item, record)
  end
end

function Runner:looked_again(item, record)
  if item.first then
    self:settled(item, settle.confirmed(item.first, record))
  elseif item.again then
    self:looked(item, record)
  elseif item.beside then
    item.second = record
  end
end

--- What came of a run, the first one of an item or a second look.
function Runner:judge(item, record)
  if record.second then
    self:looked_again(item, record)
  else
    self:looked(item, record)
  end
end

function Runner:ran(event)
  local item, job, record = event.item, event.job, event.record
  self.in_flight = self.in_flight - 1
  self.early = self.early - (item.unit.case.early and 1 or 0)
  self.jobs[job] = nil
  item.job = item.job ~= job and item.job or nil -- it holds the run
  self.exclusive = false
  if job.second then
    self.looks:ended(item)
    record.second = true
  end
  if job.off then
    return
  end
  settle.watch(self.found, item.unit, item.unit.order * CASES_PER_ORDER + item.position, record.run)
  if not self.vigil:ran(item, record) then
    self:judge(item, record)
  end
end

function Runner:handle(event)
  if event.sentinel then
    self.vigil:watched(event)
  elseif event.item then
    self:ran(event)
  end
end

-- The end -----------------------------------------------------------------------------------------------------

local NOT_RUN = { ["--fail-fast"] = "skip" }

function Runner:entries()
  local entries = settle.watch_entries(self.found, self.context)
  local complete = true
  for _, unit in ipairs(self.units) do
    if not unit.result then
      complete = false
      unit.result = settle.describe(unit, { verdict = NOT_RUN[self.stopped] or "error",
        observed = "not run: " .. (self.stopped or "the run ended early") }, self.context)
    end
    entries[#entries + 1] = { order = unit.order, result = unit.result }
  end
  table.move(self.vigil.entries, 1, #self.vigil.entries, #entries + 1, entries)
  return entries, complete
end

-- Called from outside the loop: an empty event wakes it.
function Runner:interrupt(reason, why)
  self.interrupted, self.stopped = reason, why or "interrupted"
  self.vigil:interrupt()
  self.events:put {}
end

function Runner:abandon()
  for job in pairs(self.jobs) do
    if job.run and job.run.task then
      job.run.task:cancel "interrupted"
    end
  end
end

-- Nothing runs and nothing is to be started.
function Runner:over()
  return self.interrupted or (self.in_flight == 0 and not self.vigil.watching and not self.vigil:holds())
end

-- Until something happens, or until the next run has waited in vain.
function Runner:nap()
  if self.at <= #self.pool or self.single then
    return 3600
  end
  local _, soonest = self:quiet()
  return soonest or 3600
end

function Runner:loop()
  while true do
    if self.vigil:holds() and self.in_flight == 0 and not self.vigil.watching and not self.interrupted then
      self.vigil:investigate()
    end
    self:start()
    local over = self:over()
    if over and (self.interrupted or self.vigil:ends_well()) then
      return
    end
    local event = not over and self.events:take(self:nap())
    if event then
      self:handle(event)
    end
  end
end

--- Runs the cases; parks until the end. Options:
--   cases, role ("client"), modes (list), targets and offers ({ offered, reason }) by mode, explicit (the mode was
--   named), jobs, timeout, longest, fail_fast, strict, verbose, command(case, mode), progress(event),
--   on_settled(unit, result), keep_runs (the runs of passed cases are not dropped before that is called),
--   findings (runs of the pre-flight), on_start(interrupt): gets a function(reason, why) that ends the run early, unguarded (no sentinel),
--   round_trip (seconds, of the pre-flight),
--   keeper (the target's supervisor, if it is ours),
--   wanted(case, mode): whether it is to run (nil: all). A result that progress marks as expected_failure is none to --fail-fast.
-- Returns { entries, complete, died, interrupted }.
function runner.run(options)
  local rows = assert(requirements.load())
  options.role = options.role or "client"
  local self = setmetatable({ options = options, in_flight = 0, most = options.jobs, early = 0, at = 1, jobs = {}, found = {},
    finished = 0, events = engine.queue(), single = options.jobs == 1,
    looks = second_looks.new() }, Runner)
  self.context = { rows = rows, verbose = options.verbose, command = options.command,
    gentle = function(id) return requirements.gentle(rows[id]) end }
  self.units, self.pool, self.alone = plan(options)
  self.vigil = death.vigil(self, options)
  for _, run in ipairs(options.findings or {}) do
    settle.watch(self.found, nil, 0, run)
  end
  if options.on_start then
    options.on_start(function(reason, why) self:interrupt(reason, why) end)
  end
  self:loop()
  self:abandon()
  local entries, complete = self:entries()
  return { entries = entries, complete = complete, died = self.vigil:died(), interrupted = self.interrupted,
    units = #self.units }
end

return runner
