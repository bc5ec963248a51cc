-- One execution of a case (a row of it, or a probe): its connection, its limits, and what came of it.
local context = require "h2probe.context"
local engine = require "h2probe.engine"
local environment = require "h2probe.environment"
local loader = require "h2probe.loader"
local open = require "h2probe.open"
local schema = require "h2probe.schema"
local selection = require "h2probe.selection"
local transcript = require "h2probe.transcript"
local under_test = require "h2probe.under_test"
local verdict = require "h2probe.verdict"

local case_run = {}

local NEEDS = {
  large = "the target has no resource of 64 KiB or more (--large-path names one)",
  content = "the target's answers have no content",
  post = "the target does not answer POST with 2xx",
  echo = "the target has no /echo that returns what is posted",
  fields = "the target has no /fields that shows the fields of the request",
  h1 = "the port does not speak HTTP/1.1",
  upgrade = "the target does not upgrade to h2c",
  push = "the target does not push",
}

-- The task's own deadline comes after those of the ways to the target and of the case: it ends scripts, not waits.
local PARTS = 4
local BACKSTOP = 1
local LONGEST <const> = 3600 -- it ends by its own deadline
local MAX_TIMEOUT = 600 -- a probe says its timeout when it already runs

local function skipped(case, run)
  if case.excused then
    return case.excused
  end
  local offer = run.modes and run.modes[run.mode]
  if (case.role == "server" or case.start == "open" or case.start == "preface") and offer and not offer.offered then
    return ("mode %s is not offered: %s"):format(run.mode, offer.reason)
  end
  local has = run.target.has or {}
  for _, need in ipairs(case.needs) do
    if has[need] == false then
      return NEEDS[need]
    end
  end
end

local function includes(list, wanted)
  for _, entry in ipairs(list) do
    if entry == wanted then
      return true
    end
  end
  return false
end

-- The way to the target failed: no verdict about the case.
local function way_failed(run, code, message)
  run.way = { code = code or "io", message = message or code or "no reason is known" }
  error("the way to the target failed", 0)
end

local function connection(run, case)
  local reason = skipped(case, run)
  if reason then
    verdict.raise { verdict = "skip", observed = reason }
  end
  local take = case.role == "server" and under_test.admit or open.connect
  local conn, code, message = take(run, { mode = run.mode, start = case.start, settings = case.settings,
    auto = case.auto })
  return conn or way_failed(run, code, message)
end

-- The script's own level, seen from declare.
local DECLARING <const> = 4

-- A probe's declarations become the case of this run alone.
local function declare(run, name, value)
  local check = schema.probe[name]
  if not check then
    local names = {}
    for key in pairs(schema.probe) do
      names[#names + 1] = key
    end
    table.sort(names)
    local near = selection.nearest(tostring(name), names)
    error(("'%s' does not exist%s; say local for a variable of your own"):format(tostring(name),
      near and (" (did you mean '%s'?)"):format(near) or ""), DECLARING)
  end
  local kept, message = check(value)
  if kept == nil then
    error(("%s %s"):format(name, message), DECLARING)
  end
  run.declared[name] = kept
end

local function probe_body(run)
  local case = setmetatable(run.declared, { __index = run.case })
  run.case = case
  local env = environment.probe(run, {
    declare = function(name, value) declare(run, name, value) end,
    conn = function()
      if not includes(case.modes, run.mode) then
        verdict.raise { verdict = "skip", observed = "the probe is not for mode " .. run.mode }
      end
      run.timeout = case.timeout or run.timeout
      return connection(run, case)
    end,
  })
  local chunk = assert(load(case.text, "@" .. case.file, "t", env))
  chunk()
end

-- What came together with the last thing that the case waited for belongs to it: the watchman looks at that too, and at
-- once, so that nothing depends on how soon the connection is closed.
local function drain_all(run)
  for _, conn in ipairs(run.connections) do
    conn:_drain()
  end
end

local function body(run)
  local _ <close> = setmetatable({}, { __close = function() drain_all(run) end })
  environment.bind(run)
  if run.case.probe then
    probe_body(run)
  else
    run.case.run(connection(run, run.case), run.row)
  end
  environment.finish(run)
end

local LIMITS = {
  deadline = "the script did not end within %g seconds",
  instructions = "the script passed its budget of %d million instructions: an endless loop?",
  memory = "the script passed its memory cap of %d MiB",
}

local function limit_text(task, deadline)
  local limit = task:limit()
  if limit == "deadline" then
    return LIMITS.deadline:format(deadline)
  elseif limit == "instructions" then
    return LIMITS.instructions:format(loader.LIMITS.instructions // 1000000)
  elseif limit == "memory" then
    return LIMITS.memory:format(loader.LIMITS.memory // (1024 * 1024))
  end
end

-- What a task's end says. A script that raises anything but a verdict is mistaken, and is told so with its own frames.
local function ending(run, deadline, task, ok, raised, traceback)
  if ok then
    return { verdict = "pass" }
  end
  if verdict.is(raised) then
    return raised
  end
  if run.way then
    return { verdict = "error", expected = "a connection ready for the case",
      observed = "the way to the target failed: " .. run.way.message }
  end
  return { verdict = "error", script = true, observed = limit_text(task, deadline) or loader.raised_text(raised),
    traceback = loader.script_traceback(traceback, { run.case.file }) }
end

-- Runs the script in a task of its own; `done` gets what its end says, outside any task.
local function in_task(run, done)
  local deadline = PARTS * (run.case.probe and MAX_TIMEOUT or context.seconds(run)) + BACKSTOP
  run.task = engine.spawn(function() body(run) end, { name = ("%s (%s)"):format(run.case.id, run.mode),
    deadline = deadline, instructions = loader.LIMITS.instructions, memory = loader.LIMITS.memory,
    on_done = function(...) done(ending(run, deadline, ...)) end })
end

local function any_ended(run)
  for _, conn in ipairs(run.connections) do
    if conn:ended() then
      return true
    end
  end
  return false
end

local function close_all(run)
  for _, conn in ipairs(run.connections) do
    conn:_over()
    conn:close()
  end
end

--- The conversation of one connection, with the frame that a finding is about marked.
function case_run.transcript_of(conn, about)
  local events = conn._.wire:transcript()
  local entries = transcript.entries(events)
  local begun = events[1] and events[1].time or 0
  local marked = about == nil
  for _, entry in ipairs(entries) do
    if about and not entry.sent and entry.name == about.name and entry.time == about.time - begun then
      entry.mark, marked = true, true
    end
  end
  if not marked then -- the transcript is bounded; this frame is not to be missed
    local entry = transcript.entries({ about })[1]
    entry.mark = true
    table.insert(entries, 1, entry)
  end
  return entries
end

--- The conversation of a run, as entries for reports: its connections one after the other.
function case_run.transcript(run)
  local entries = {}
  for number, conn in ipairs(run.connections) do
    if #run.connections > 1 then
      entries[#entries + 1] = { time = 0, sent = false, kind = "note", name = "connection",
        text = "connection " .. number, lines = {} }
    end
    for _, entry in ipairs(case_run.transcript_of(conn)) do
      entries[#entries + 1] = entry
    end
  end
  return entries
end

local function new_run(job)
  local case = job.case
  local timeout = math.min(case.timeout or job.timeout, job.longest or math.huge)
  return context.new { case = case, row = job.row, mode = job.mode, modes = job.modes, target = job.target,
    timeout = timeout, patient = job.patient, notes = {}, connections = {}, findings = {},
    declared = {} }
end

local function all_notes(run, ended)
  for _, text in ipairs(ended.notes or {}) do
    context.note(run, text)
  end
  if ended.traceback and #ended.traceback > 0 then
    context.note(run, "at " .. table.concat(ended.traceback, ", from "))
  end
  return run.notes
end

-- Gives the record once the client under test, if there is one, is stopped: that takes time.
local function hand_over(run, record, done)
  if not run.client then
    return done(record)
  end
  engine.spawn(function()
    under_test.stop(run)
    done(record)
  end, { name = "the end of a client" })
end

--- Begins to run it. `job`: case, row, label, mode, target, timeout, longest (a bound of the case's own timeout), patient,
-- modes. At its end `done(record)` is called, which must not wait; the record: { verdict, expected, observed, notes, silent,
-- way (code), ended, label, seconds, run }.
function case_run.start(job, done)
  local started = engine.now()
  local run = new_run(job)
  job.run = run
  in_task(run, function(ended)
    local record = { verdict = ended.verdict, expected = ended.expected or run.expected,
      observed = ended.observed or run.observed, silent = ended.silent, notes = all_notes(run, ended),
      way = run.way and run.way.code, label = job.label, run = run, ended = any_ended(run),
      seconds = engine.now() - started }
    close_all(run)
    hand_over(run, record, done)
  end)
end

--- Runs it and waits for the record.
function case_run.once(job)
  local records = engine.queue()
  case_run.start(job, function(record) records:put(record) end)
  return records:take(LONGEST)
end

return case_run
