-- The death of a target: noticed by a sentinel, by the end of its process or by what it writes, and pinned to one case.
--
-- Suspects are the cases in flight when it died: those that ended before it last said something to anybody, or took a
-- connection, are innocent, as it still lived then. They are run again one by one. Where none of them does it again, those that had ended shortly
-- before are asked, too: a server may die of what a case left behind.
local engine = require "h2probe.engine"
local interrogation = require "h2probe.death_interrogation"
local schema = require "h2probe.schema"
local sentinel = require "h2probe.sentinel"

local death = {}

local Vigil = {}
Vigil.__index = Vigil
for name, method in pairs(interrogation) do
  Vigil[name] = method
end

local MAX_RIDDLES <const> = 20 -- deaths that no case answers for
local MAX_DEATHS <const> = 500
local REVIVAL <const> = 2 -- seconds that somebody else gets to start the target again
local POLL <const> = 0.05
local MEMORY <const> = 256 -- runs that are remembered
local LAST_WORDS <const> = 2 -- seconds that a process gets to end when it no longer answers
local LAST_LOOK <const> = 0.1 -- seconds after the last case in which a death of it may come
local NAMED <const> = 8
local EXPECTED <const> = "a target that goes on after the case"
-- What a trouble is called: that of one case, one seen when a case was alone, one of several cases.
local PHRASES <const> = {
  exit = { one = "the target died of this case", alone = "the target died while this case alone was in flight", many = "the target died" },
  report = { one = "the target complained in this case", alone = "the target complained while this case alone was in flight",
    many = "the target complained" },
  hang = { one = "the target stopped answering in this case", alone = "the target stopped answering while this case alone was in flight",
    many = "the target stopped answering" },
}

local RIDDLES <const> = { exit = "died", hang = "hung", report = "complaint" }

-- Evidence of life -------------------------------------------------------------------------------------------

-- When the target last said something in a run, or took a connection.
local function heard_in(run)
  local last = run and run.connected or 0
  for _, conn in ipairs(run and run.connections or {}) do
    local event = conn.events and conn.events[#conn.events]
    last = math.max(last, event and event.time or 0)
  end
  return last
end

-- A mode that the target offers, the item's own if it can be.
function Vigil:mode_for(item)
  local offers, first = self.options.offers, nil
  for _, mode in ipairs(schema.MODES) do
    first = first or (offers[mode] and offers[mode].offered and mode)
  end
  return item and offers[item.unit.mode].offered and item.unit.mode or first
end

function Vigil:check(item, patient)
  local mode = self:mode_for(item)
  return sentinel.alive { target = self.options.targets[mode], mode = mode, timeout = self.options.timeout,
    patient = patient }
end

--- Is the next case to wait for what is being found out?
function Vigil:holds()
  return self.trouble ~= nil
end

--- The same where cases run one by one: the sentinel comes first.
function Vigil:due()
  return self.last ~= nil
end

-- One exchange for all that ended in the meantime.
function Vigil:watch()
  local runner = self.runner
  if not self.last or self.watching or self.trouble or runner.stopped or runner.exclusive
    or (runner.single and runner.in_flight > 0) then
    return
  end
  local item, begun, waited = self.last, engine.now(), engine.waited()
  self.last, self.watching = nil, true
  engine.spawn(function()
    local alive, why = self:check(item)
    runner.events:put { sentinel = true, alive = alive, why = why, begun = begun, item = item,
      seconds = engine.waited() - waited }
  end, { name = "sentinel" })
end

--- What the sentinel found.
function Vigil:watched(event)
  self.watching = false
  if not event.alive then
    self:alarm { kind = "hang", why = event.why, item = event.item }
    return
  end
  self.heard = math.max(self.heard, event.begun)
  self.runner:pace(event.seconds)
  local list = {}
  for _, entry in ipairs(self.recent) do
    list[#list + 1] = entry.to >= event.begun and entry or nil
  end
  self.recent = list
end

-- Nothing more is begun; who is in flight now is a suspect.
function Vigil:alarm(trouble)
  if self.trouble then
    return
  end
  trouble.flying = {}
  for job, item in pairs(self.runner.jobs) do
    trouble.flying[item] = true
    self.heard = math.max(self.heard, heard_in(job.run))
  end
  trouble.heard = self.heard
  self.trouble = trouble
  self.runner.events:put {}
end

--- A run has ended. True if it is not to be judged yet.
function Vigil:ran(item, record)
  if self.options.unguarded then
    return false
  end
  local entry = { item = item, record = record, to = engine.now() }
  self.heard = math.max(self.heard, heard_in(record.run))
  if self.trouble then
    self.pending[#self.pending + 1] = entry
    return true
  end
  self.recent[#self.recent + 1] = entry
  if #self.recent > MEMORY then
    self.recent = table.move(self.recent, MEMORY // 2, #self.recent, 1, {})
  end
  self:suspect(entry)
  return false
end

function Vigil:suspect(entry)
  local record = entry.record
  if record.ended or (record.verdict ~= "pass" and record.verdict ~= "skip") then
    self.last = entry.item
  end
end

-- Suspects ----------------------------------------------------------------------------------------------------

local function by_order(a, b)
  local left, right = a.item.unit, b.item.unit
  if left.order ~= right.order then
    return left.order < right.order
  elseif left.mode ~= right.mode then
    return left.mode < right.mode
  end
  return a.item.position < b.item.position
end

local function split(list, wanted)
  local these, others = {}, {}
  for _, entry in ipairs(list) do
    table.insert(wanted(entry) and these or others, entry)
  end
  return these, others
end

-- To the target, as far as the case wants.
local function came_through(entry)
  return not entry.record.way
end

-- By the target, which then did not bring it further; who was refused did it no harm.
local function was_taken(entry)
  return entry.record.run.connected
end

-- In flight when it died; victims of these; and what had ended, the last first.
function Vigil:sorted(trouble)
  local late, early = { table.unpack(self.pending) }, {}
  for at = #self.recent, 1, -1 do
    local entry = self.recent[at]
    table.insert((trouble.flying[entry.item] or entry.to >= trouble.heard) and late or early, entry)
  end
  local suspects, victims = split(late, came_through)
  if #suspects == 0 then
    suspects, victims = split(victims, was_taken)
  end
  table.sort(suspects, by_order)
  early = split(early, came_through)
  return suspects, victims, table.move(early, 1, math.min(#early, 2 * self.options.jobs), 1, {})
end

local function names(list)
  local text = {}
  for i = 1, math.min(#list, NAMED) do
    text[i] = ("%s (%s)"):format(list[i].item.unit.case.id, list[i].item.unit.mode)
  end
  text[#text + 1] = #list > NAMED and ("and %d more"):format(#list - NAMED) or nil
  return table.concat(text, ", ")
end

function Vigil:blame(entry, text, log)
  local item, unit = entry.item, entry.item.unit
  if unit.blamed then
    return
  end
  unit.records = { { verdict = "error", expected = EXPECTED, observed = text, notes = {}, label = item.label,
    run = entry.record and entry.record.run, seconds = 0, log = log } }
  unit.blamed = true
  self.runner:drop(unit)
  self.runner:finish(unit)
end

-- A death that no case answers for is a result of its own.
function Vigil:riddle(trouble, suspects)
  self.riddles = self.riddles + 1
  local about = #suspects == 0 and "while no case was in flight"
    or ("while %d cases were in flight; none of them does it alone: %s"):format(#suspects, names(suspects))
  self:add(self.keeper and RIDDLES[trouble.kind] or RIDDLES.exit, ("%s, %s"):format(self:text(trouble, "many"), about),
    self:log(trouble), suspects[1])
end

-- A result that belongs to no case, with the mode of a suspect.
function Vigil:add(id, observed, log, entry)
  local number = (self.ids[id] or 0) + 1
  self.ids[id] = number
  local unit = entry and entry.item.unit
  local mode = unit and unit.mode or self.options.modes[1]
  self.entries[#self.entries + 1] = death.entry { id = number > 1 and ("%s-%d"):format(id, number) or id, mode = mode,
    observed = observed, log = log, command = self.options.command(unit and unit.case, mode) }
end

-- What went wrong ---------------------------------------------------------------------------------------------

function Vigil:phrase(trouble, form)
  return PHRASES[self.keeper and trouble.kind or "exit"][form]
end

function Vigil:text(trouble, form)
  return ("%s: %s"):format(self:phrase(trouble, form), self:why(trouble))
end

function Vigil:why(trouble)
  return self.keeper and self.keeper:why(trouble) or trouble.why or "no reason is known"
end

function Vigil:log(trouble)
  return self.keeper and self.keeper:log(trouble) or nil
end

-- Nil if the target is well: after a patient look, and a look at its process.
function Vigil:diagnosis(item, late)
  local alive, why = self:check(item, true)
  local keeper = self.keeper
  if not keeper then
    return not alive and { kind = "hang", why = why } or nil
  end
  local trouble = keeper:in_trouble(alive and (late or 0) or LAST_WORDS)
  if not trouble then
    return not alive and keeper:hung(why) or nil
  end
  keeper:settle(trouble)
  return not keeper:dismissed(trouble) and trouble or nil
end

-- Somebody starts it again: our keeper, or whoever it is.
function Vigil:revived(item)
  local keeper = self.keeper
  if keeper then
    if not keeper:revives() or self.runner.interrupted then
      return false
    end
    local ok, message, log = keeper:restart()
    if not ok and not self.runner.interrupted then
      self:add("restart", ("after a death the target could not be started again: %s"):format(message), log)
    end
    return ok
  end
  local until_time = engine.now() + REVIVAL
  repeat
    if self.runner.interrupted then
      return false
    end
    if self:check(item) then
      return true
    end
    engine.wait(POLL)
  until engine.now() > until_time
  return false
end

-- Interrogation -------------------------------------------------------------------------------------------------

function Vigil:convict(trouble, suspects, victims, early)
  local found, back = self:interrogate(suspects)
  if back and not found then
    found, back = self:interrogate(early, true)
  end
  if not found and #suspects == 1 and not self.runner.interrupted then
    self:blame(suspects[1], self:text(trouble, "alone") .. "; of a second run it did not", self:log(trouble))
  elseif not found and not self.runner.interrupted then
    self:riddle(trouble, suspects)
  end
  for _, entry in ipairs(back and victims or {}) do
    self.runner:requeue(entry.item)
  end
  return back
end

-- Nobody can be asked.
function Vigil:accuse(trouble, suspects, early)
  if #suspects == 0 then
    self:riddle(trouble, suspects)
  end
  local before = #early > 0 and (" (before them had ended: %s)"):format(names(early)) or ""
  for _, entry in ipairs(suspects) do
    self:blame(entry, #suspects == 1 and self:text(trouble, "one")
      or ("%s; this is one of %d cases in flight then%s: %s"):format(self:phrase(trouble, "many"), #suspects, before,
        self:why(trouble)), self:log(trouble))
  end
end

-- It was only slow, or says again what is known.
function Vigil:release()
  local pending = self.pending
  self.pending, self.trouble = {}, nil
  for _, entry in ipairs(pending) do
    self.recent[#self.recent + 1] = entry
    self:suspect(entry)
    self.runner:judge(entry.item, entry.record)
  end
end

function Vigil:note_death(trouble)
  if trouble.kind ~= "report" then
    self.deaths = self.deaths + 1
    self.first = self.first or self:why(trouble)
  end
end

--- What is known of the deaths, as one line, or nil.
function Vigil:died()
  return self.deaths > 1 and ("%d times; at first %s"):format(self.deaths, self.first) or self.first
end

--- Nothing is in flight: what did it die of? Parks.
function Vigil:investigate()
  local trouble, keeper = self.trouble, self.keeper
  local item = trouble.item or (self.pending[1] or self.recent[#self.recent] or {}).item
  local found
  if trouble.life then
    found = not keeper:dismissed(keeper:settle(trouble)) and trouble or nil
  else
    found = self:diagnosis(item)
  end
  if not found or self.runner.interrupted then
    return self:release()
  end
  found.flying, found.heard = trouble.flying, trouble.heard
  local suspects, victims, early = self:sorted(found)
  self.pending, self.recent = {}, {}
  self:note_death(found)
  local lives_on = found.kind == "report" and not (keeper and keeper:revives())
  local back = not lives_on and self:revived(item)
  if back then
    back = self:convict(found, suspects, victims, early)
  else
    self:accuse(found, suspects, early)
  end
  if lives_on then
    keeper:dismissed(found)
  end
  self.trouble, self.last = nil, nil
  if not (back or lives_on) or self.riddles >= MAX_RIDDLES or self.deaths >= MAX_DEATHS then
    self.runner.stopped = self.runner.stopped or "the target died"
  end
end

--- All cases have run: did the target survive them? Parks. False: there is something to investigate.
function Vigil:ends_well()
  if self.keeper and not self.runner.interrupted then
    self.keeper:in_trouble(LAST_LOOK)
  end
  return self.trouble == nil
end

-- Fresh servers ---------------------------------------------------------------------------------------------------

local FRESH <const> = {
  ["per-case"] = function(item) return item end,
  ["per-suite"] = function(item) return item.unit.case.suite end,
}

--- Is a server now and then replaced by a fresh one? Then nothing else may be in flight.
function Vigil:renews()
  return self.keeper ~= nil and FRESH[self.keeper.policy] ~= nil
end

--- Does this item want a server of its own, or of its suite, that is not the present one?
function Vigil:stale(item)
  local key = self.keeper and FRESH[self.keeper.policy]
  return item ~= nil and key ~= nil and self.served ~= nil and self.served ~= key(item)
end

--- Starts the server anew for an item if it is to be; parks. False if it does not come.
function Vigil:freshen(item)
  local key = self.keeper and FRESH[self.keeper.policy]
  if self:stale(item) then
    local ok, message, log = self.keeper:restart()
    if not ok then
      if not self.runner.interrupted then
        self:add("restart", ("the target could not be started again: %s"):format(message), log)
      end
      self.runner.stopped = self.runner.stopped or "the target could not be started again"
      return false
    end
    self.recent, self.last = {}, nil
  end
  if key then
    self.served = key(item)
    self.keeper.during = self.keeper.policy == "per-case" and item.unit.case.id or self.served
  end
  return true
end

--- The run is to end.
function Vigil:interrupt()
  if self.asking and self.asking.run and self.asking.run.task then
    self.asking.run.task:cancel "interrupted"
  end
  if self.keeper then
    self.keeper:interrupt()
  end
end

--- An entry of the results that is about the target and no case: id, mode, observed, log, notes, command.
function death.entry(about)
  return { order = math.huge, result = { id = "target/" .. about.id, mode = about.mode, suite = "target",
    title = "the target lives as long as the run, and does not complain", verdict = "error", req = {}, seconds = 0,
    expected = "a target that goes on until it is stopped, without a complaint", observed = about.observed, log = about.log,
    notes = about.notes or {}, command = about.command } }
end

--- The watch over the target of a runner (lua/runner.lua). Options: those of runner.run; keeper: the target's supervisor.
function death.vigil(runner, options)
  local self = setmetatable({ runner = runner, options = options, keeper = options.keeper, recent = {}, pending = {}, entries = {},
    ids = {}, heard = 0, deaths = 0, riddles = 0 }, Vigil)
  if self.keeper then
    self.keeper.on_trouble = function(trouble) self:alarm(trouble) end
    if self.keeper.trouble then
      self:alarm(self.keeper.trouble)
    end
  end
  return self
end

return death
