-- Cases side by side on one loop: what runs when, confirmation, repetition, the sentinel, the death of a target.
local case_run = require "h2probe.case_run"
local engine = require "h2probe.engine"
local requirements = require "h2probe.requirements"
local schema = require "h2probe.schema"
local second_looks = require "h2probe.second_looks"
local sentinel = require "h2probe.sentinel"
local settle = require "h2probe.settle"

local runner = {}

local Runner = {}
Runner.__index = Runner

local MAX_DEATHS = 20
local REVIVAL = 2 -- seconds that a supervisor gets to start the target again
local POLL = 0.05
local CASES_PER_ORDER = 100000
local VAIN = 0.25 -- of its time; a run that has waited so long gets its second look beside it

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

local function plan(options)
  local units, pool, alone = {}, {}, {}
  for order, case in ipairs(options.cases) do
    for _, mode in ipairs(options.modes) do
      if case.role == options.role and applies(case, mode, options)
        and (not options.wanted or options.wanted(case, mode)) then
        local unit = { case = case, mode = mode, number = #units + 1, order = case.order or order, waiting = 0,
          records = {} }
        units[#units + 1] = unit
        add_items(unit, case.alone and alone or pool)
      end
    end
  end
  return units, pool, alone
end

-- Starting --------------------------------------------------------------------------------------------

function Runner:job(item, second)
  local unit = item.unit
  return { case = unit.case, row = item.row, label = item.label, mode = unit.mode, modes = self.options.offers,
    target = self.options.targets[unit.mode], timeout = self.options.timeout, longest = self.options.longest,
    patient = second and (item.first ~= nil or not item.again), item = item, second = second, started = engine.waited() }
end

function Runner:launch(item, second)
  self.in_flight = self.in_flight + 1
  local job = self:job(item, second)
  self.jobs[job] = true
  item.job = job
  engine.spawn(function()
    local record = case_run.once(job)
    self.events:put { item = item, job = job, record = record }
  end, { name = item.unit.case.id })
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
  return math.max(0, job.started + VAIN * whole - engine.waited())
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

-- The first run in flight, in the order of the suites, that waits in vain without a second look beside it.
function Runner:in_vain()
  local found
  for job in pairs(self.jobs) do
    local item = job.item
    if not (job.second or item.beside or item.again or item.unit.case.alone) and self.looks:may_begin(item)
      and (not found or item.unit.number < found.unit.number
        or item.unit == found.unit and item.position < found.position) then
      found = item
    end
  end
  return found
end

-- What is looked at again beside those that wait in vain; the second value says so to `launch`.
function Runner:again_now()
  if not self:quiet() then
    return nil
  end
  local item = self:next_second()
  if not item and not self.single then
    item = self:in_vain()
    if item then
      self.looks:begin(item)
      item.beside = true
    end
  end
  return item, true
end

-- Alone means that nothing else is in flight, and stays so.
function Runner:next_alone()
  if self.in_flight > 0 or self.watching or #self.alone == 0 then
    return nil
  end
  self.exclusive = true
  return table.remove(self.alone, 1)
end

function Runner:next_item()
  if self.held or self.stopped or self.exclusive then
    return nil
  elseif self.in_flight + (self.single and self.watching and 1 or 0) >= self.options.jobs then
    return nil
  elseif self.single and #self.suspects > 0 then
    return nil
  end
  local accused = self.options.fail_fast and (self.looks.waiting[1] or self.looks.flying > 0)
  if self.at <= #self.pool and not accused then
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
  self:watch()
  local item, second = self:next_item()
  while item do
    self:launch(item, second)
    item, second = self:next_item()
  end
end

-- The sentinel ------------------------------------------------------------------------------------------

-- A mode that the target offers, the item's own if it can be.
function Runner:sentinel_mode(item)
  local offers = self.options.offers
  if offers[item.unit.mode].offered then
    return item.unit.mode
  end
  for _, mode in ipairs(schema.MODES) do
    if offers[mode] and offers[mode].offered then
      return mode
    end
  end
end

function Runner:check(item, patient)
  local mode = self:sentinel_mode(item)
  return sentinel.alive { target = self.options.targets[mode], mode = mode, timeout = self.options.timeout,
    patient = patient }
end

-- One exchange for all that ended in the meantime.
function Runner:watch()
  if #self.suspects == 0 or self.watching or self.held or self.stopped or self.exclusive
    or (self.single and self.in_flight > 0) then
    return
  end
  local batch = self.suspects
  self.suspects, self.watching = {}, true
  engine.spawn(function()
    local alive, why = self:check(batch[#batch])
    self.events:put { sentinel = true, alive = alive, why = why, batch = batch }
  end, { name = "sentinel" })
end

function Runner:watched(event)
  self.watching = false
  if not event.alive then
    self.held = true
    for position, item in ipairs(event.batch) do
      table.insert(self.suspects, position, item)
    end
  end
end

-- The death of a target -----------------------------------------------------------------------------------

function Runner:revived(item)
  local until_time = engine.now() + REVIVAL
  repeat
    if self.interrupted then
      return false
    end
    if self:check(item) then
      return true
    end
    engine.wait(POLL)
  until engine.now() > until_time
  return false
end

function Runner:blame(item, text)
  local unit = item.unit
  unit.records = { { verdict = "error", expected = "a target that goes on after the case", observed = text,
    notes = {}, label = item.label, run = item.record and item.record.run, seconds = 0 } }
  unit.blamed = true
  self:finish(unit)
end

-- Those that came through to the target; the others are victims.
local function culprits(suspects)
  local list = {}
  for _, item in ipairs(suspects) do
    if not item.record.way then
      list[#list + 1] = item
    end
  end
  return #list > 0 and list or suspects
end

-- The target is back: run them again one by one until it dies of one.
function Runner:interrogate(suspects, why)
  for position, item in ipairs(suspects) do
    item.record = case_run.once(self:job(item))
    if not self:check(item, true) then
      self:blame(item, "the target died of this case: " .. why)
      if not self:revived(item) then
        return false
      end
    elseif not item.unit.blamed then
      item.unit.records[item.position] = item.record
      self:finish(item.unit)
    end
    suspects[position] = nil
  end
  return true
end

function Runner:investigate()
  local suspects = self.suspects
  local last = suspects[#suspects]
  self.suspects = {}
  local alive, why = self:check(last, true)
  if alive then
    self.held = false
    return
  end
  self.died = why
  self.deaths = self.deaths + 1
  suspects = culprits(suspects)
  local back = self:revived(last)
  if #suspects == 1 then
    self:blame(suspects[1], "the target died of this case: " .. why)
  elseif back then
    back = self:interrogate(suspects, why)
  else
    for _, item in ipairs(suspects) do
      self:blame(item, ("the target died; this is one of %d cases that ended then: %s"):format(#suspects, why))
    end
  end
  self.held = false
  if not back or self.deaths >= MAX_DEATHS then
    self.stopped = "the target died"
  end
end

-- Records ---------------------------------------------------------------------------------------------------

-- The conversation of what passed is of no use any more.
function Runner:trim(unit, record)
  if record.verdict == "pass" and not self.options.verbose then
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
function Runner:judge(item, record)
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
  self.looks:ended(item)
  if item.first then
    self:settled(item, settle.confirmed(item.first, record))
  elseif item.again then
    self:judge(item, record)
  else
    item.second = record
  end
end

function Runner:ran(event)
  local item, record = event.item, event.record
  self.in_flight = self.in_flight - 1
  self.jobs[event.job] = nil
  item.job = item.job ~= event.job and item.job or nil -- it holds the run
  self.exclusive = false
  if event.job.off then
    return self.looks:ended(item)
  end
  item.record = record
  settle.watch(self.found, item.unit, item.unit.order * CASES_PER_ORDER + item.position, record.run)
  local guarded = not self.options.unguarded
  if guarded and (record.ended or (record.verdict ~= "pass" and record.verdict ~= "skip")) then
    self.suspects[#self.suspects + 1] = item
  end
  if event.job.second then
    self:looked_again(item, record)
  else
    self:judge(item, record)
  end
end

function Runner:handle(event)
  if event.sentinel then
    self:watched(event)
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
  return entries, complete
end

-- Called from outside the loop: an empty event wakes it.
function Runner:interrupt(reason, why)
  self.interrupted, self.stopped = reason, why or "interrupted"
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
  return self.interrupted or (self.in_flight == 0 and not self.watching)
end

-- Until something happens, or until the next run has waited in vain.
function Runner:nap()
  local _, soonest = self:quiet()
  return self.at > #self.pool and not self.single and soonest or 3600
end

function Runner:loop()
  while true do
    if self.held and self.in_flight == 0 and not self.watching and not self.interrupted then
      self:investigate()
    end
    self:start()
    if self:over() then
      return
    end
    local event = self.events:take(self:nap())
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
--   wanted(case, mode): whether it is to run (nil: all). A result that progress marks as expected_failure is none to --fail-fast.
-- Returns { entries, complete, died, interrupted }.
function runner.run(options)
  local rows = assert(requirements.load())
  options.role = options.role or "client"
  local self = setmetatable({ options = options, in_flight = 0, at = 1, suspects = {}, jobs = {}, found = {},
    deaths = 0, finished = 0, events = engine.queue(), single = options.jobs == 1,
    looks = second_looks.new(options.jobs) }, Runner)
  self.context = { rows = rows, verbose = options.verbose, command = options.command,
    gentle = function(id) return requirements.gentle(rows[id]) end }
  self.units, self.pool, self.alone = plan(options)
  for _, run in ipairs(options.findings or {}) do
    settle.watch(self.found, nil, 0, run)
  end
  if options.on_start then
    options.on_start(function(reason, why) self:interrupt(reason, why) end)
  end
  self:loop()
  self:abandon()
  local entries, complete = self:entries()
  return { entries = entries, complete = complete, died = self.died, interrupted = self.interrupted,
    units = #self.units }
end

return runner
