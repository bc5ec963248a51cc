-- Cases side by side on one loop: what runs when, confirmation, repetition; the watch over the target is in death.
local case_run = require "h2probe.case_run"
local death = require "h2probe.death"
local engine = require "h2probe.engine"
local requirements = require "h2probe.requirements"
local schema = require "h2probe.schema"
local settle = require "h2probe.settle"

local runner = {}

local Runner = {}
Runner.__index = Runner

local CASES_PER_ORDER = 100000

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
      if case.role == options.role and applies(case, mode, options) then
        local unit = { case = case, mode = mode, order = case.order or order, waiting = 0, records = {} }
        units[#units + 1] = unit
        add_items(unit, case.alone and alone or pool)
      end
    end
  end
  return units, pool, alone
end

-- Starting --------------------------------------------------------------------------------------------

function Runner:job(item)
  local unit = item.unit
  return { case = unit.case, row = item.row, label = item.label, mode = unit.mode, modes = self.options.offers,
    target = self.options.targets[unit.mode], timeout = self.options.timeout, longest = self.options.longest,
    patient = item.first ~= nil }
end

function Runner:launch(item)
  self.in_flight = self.in_flight + 1
  local job = self:job(item)
  self.jobs[job] = item
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

-- A case that failed by one row needs no confirmation of the others.
function Runner:spare_confirmations()
  while #self.alone > 0 and self.alone[1].first and failed_already(self.alone[1].unit) do
    local item = table.remove(self.alone, 1)
    self:settled(item, { verdict = "inconclusive", observed = "not looked at again: another row failed", notes = {},
      label = item.label, run = item.first.run, seconds = 0 })
  end
end

-- Alone means that nothing else is in flight, and stays so.
function Runner:next_alone()
  -- In the order of the suites, so that it does not depend on chance which row of a case decides.
  table.sort(self.alone, function(a, b)
    if a.unit.order ~= b.unit.order then
      return a.unit.order < b.unit.order
    end
    return a.position < b.position
  end)
  self:spare_confirmations()
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
  end
  local urgent = self.options.fail_fast and #self.alone > 0 and self.alone[1].first
  if self.at > #self.pool or urgent then
    return self:next_alone()
  end
  if self.in_flight + (self.single and vigil.watching and 1 or 0) >= self.options.jobs then
    return nil
  end
  if self.single and vigil:due() or vigil:stale(self.pool[self.at]) and (self.in_flight > 0 or vigil.watching) then
    return nil
  end
  self.at = self.at + 1
  return self.pool[self.at - 1]
end

function Runner:start()
  self.vigil:watch()
  local item = self:next_item()
  while item and self.vigil:freshen(item) do
    self:launch(item)
    item = self:next_item()
  end
end

-- Records ---------------------------------------------------------------------------------------------------

function Runner:finish(unit)
  local first_time = unit.result == nil
  unit.result = settle.result(unit, self.context)
  if first_time then
    self.finished = self.finished + 1
  end
  if self.options.progress then
    self.options.progress { kind = "result", result = unit.result, done = self.finished, total = #self.units }
  end
  local verdict = unit.result.verdict
  local bad = verdict == "fail" or verdict == "error" or (verdict == "warn" and self.options.strict)
  if bad and self.options.fail_fast then
    self.stopped = self.stopped or "--fail-fast"
  end
end

function Runner:settled(item, record)
  local unit = item.unit
  if unit.blamed then
    return
  end
  if record.verdict == "pass" and not self.options.verbose then
    record.run = unit.case.probe and { case = record.run.case, connections = {} } or nil
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
end

--- Nothing of this unit is run any more: the target died of it.
function Runner:drop(unit)
  self:withdraw(function(item) return item.unit == unit end)
end

-- Whatever became of this item is forgotten.
function Runner:reopen(item)
  local unit = item.unit
  self:withdraw(function(other) return other == item end)
  if unit.records[item.position] then
    unit.records[item.position] = nil
    unit.waiting = unit.waiting + 1
  end
end

--- It was run again when the target was well: this record counts, as if the other had not been.
function Runner:rejudge(item, record)
  self:reopen(item)
  self:judge(item, record)
end

--- To be run again among the others.
function Runner:requeue(item)
  if not item.unit.blamed then
    self:reopen(item)
    item.first, item.again = nil, nil
    self.pool[#self.pool + 1] = item
  end
end

-- Again, when the run proved nothing: once, beside the others or alone.
function Runner:again(item, record, queue)
  item.again = record
  queue[#queue + 1] = item
end

function Runner:judge(item, record)
  if item.first then
    return self:settled(item, settle.confirmed(item.first, record))
  end
  if record.verdict == "fail" and record.silent then
    item.first = record
    table.insert(self.alone, item)
  elseif (record.verdict == "inconclusive" or record.way) and not item.again then
    self:again(item, record, record.way and self.alone or self.pool)
  else
    self:settled(item, item.again and settle.repeated(item.again, record) or record)
  end
end

function Runner:ran(event)
  local item, record = event.item, event.record
  self.in_flight = self.in_flight - 1
  self.jobs[event.job] = nil
  self.exclusive = false
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
function Runner:interrupt(reason)
  self.interrupted, self.stopped = reason, "interrupted"
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
    local event = not over and self.events:take(3600)
    if event then
      self:handle(event)
    end
  end
end

--- Runs the cases; parks until the end. Options:
--   cases, role ("client"), modes (list), targets and offers ({ offered, reason }) by mode, explicit (the mode was
--   named), jobs, timeout, longest, fail_fast, strict, verbose, command(case, mode), progress(event),
--   findings (runs of the pre-flight), on_start(interrupt): gets a function(reason) that ends the run early, unguarded
--   (no sentinel), keeper (the target's supervisor, if it is ours).
-- Returns { entries, complete, died, interrupted }.
function runner.run(options)
  local rows = assert(requirements.load())
  options.role = options.role or "client"
  local self = setmetatable({ options = options, in_flight = 0, at = 1, jobs = {}, found = {},
    finished = 0, events = engine.queue(), single = options.jobs == 1 }, Runner)
  self.context = { rows = rows, verbose = options.verbose, command = options.command,
    gentle = function(id) return requirements.gentle(rows[id]) end }
  self.units, self.pool, self.alone = plan(options)
  self.vigil = death.vigil(self, options)
  for _, run in ipairs(options.findings or {}) do
    settle.watch(self.found, nil, 0, run)
  end
  if options.on_start then
    options.on_start(function(reason) self:interrupt(reason) end)
  end
  self:loop()
  self:abandon()
  local entries, complete = self:entries()
  return { entries = entries, complete = complete, died = self.vigil:died(), interrupted = self.interrupted,
    units = #self.units }
end

return runner
