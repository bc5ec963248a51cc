-- What one run of a case shares: time, notes, connections, findings. It is found from the running task, since a
-- suite is loaded once and its cases run side by side.
--
-- A run is a table { target, mode, timeout = seconds, patient, notes = {}, connections = {}, findings = {} } that the
-- caller (case_run.lua) makes; `started` is set here: when its time began.
local engine = require "h2probe.engine"

local context = {}

local by_task = setmetatable({}, { __mode = "k" })

-- A script in a loop must not fill the memory of the report.
local MAX_NOTES = 100
local DEFAULT_TIMEOUT = 2

--- A run of its own, for connections that no case has opened (and for tests).
function context.new(given)
  local run = { timeout = DEFAULT_TIMEOUT, notes = {}, connections = {}, findings = {} }
  for key, value in pairs(given or {}) do
    run[key] = value
  end
  return run
end

--- The running task belongs to this run from here on.
function context.enter(run)
  by_task[assert(engine.current(), "no task is running")] = run
end

--- The run of the running task, or nil.
function context.current()
  local task = engine.current()
  return task and by_task[task]
end

--- The seconds that the run has for the whole case.
function context.seconds(run)
  return run.timeout or DEFAULT_TIMEOUT
end

--- The case's time begins now: its connection is ready.
function context.start(run)
  run.started = engine.waited()
end

--- What began at this time (engine.waited) is over, and does not count.
function context.excuse(run, since)
  if run.started then
    run.started = run.started + engine.waited() - since
  end
end

--- Seconds that are left for the case; 0 when its time is over.
function context.left(run)
  local now = engine.waited()
  if not run.started then
    run.started = now
  end
  local left = run.started + (run.timeout or DEFAULT_TIMEOUT) - now
  return left > 0 and left or 0
end

--- A line for the report; the same line counts once.
function context.note(run, text)
  text = tostring(text)
  for _, line in ipairs(run.notes) do
    if line == text then
      return
    end
  end
  if #run.notes < MAX_NOTES then
    run.notes[#run.notes + 1] = text
  end
end

return context
