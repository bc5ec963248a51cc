-- The status line of a run on a terminal: one line, written again in place.
local gating = require "h2probe.reports.console.gating"
local text = require "h2probe.reports.console.text"

local progress = {}

local PAUSE <const> = 0.05 -- seconds between two looks of the line
local CLEAR <const> = "\r\27[K"
local COUNTED <const> = { { "pass", "passed" }, { "fail", "failed" }, { "error", "in error" }, { "warn", "warned" },
  { "inconclusive", "inconclusive" }, { "expected", "expected" }, { "skip", "skipped" } }

--- What takes the status line away; nothing where there is none.
function progress.clear(options)
  return options.tty and os.getenv "TERM" ~= "dumb" and CLEAR or ""
end

local function fresh(context)
  local now = context.now and context.now()
  return { verdicts = {}, counts = {}, done = 0, finished = 0, round = 1, started = now, drawn = -math.huge }
end

local function counts_text(counts)
  local parts = {}
  for _, row in ipairs(COUNTED) do
    if (counts[row[1]] or 0) > 0 then
      parts[#parts + 1] = ("%d %s"):format(counts[row[1]], row[2])
    end
  end
  return table.concat(parts, ", ")
end

local function line_of(context, state, event, now)
  local parts = {}
  if (context.rounds or 1) > 1 then
    parts[1] = ("round %d/%d"):format(state.round, context.rounds)
  end
  parts[#parts + 1] = ("%d/%d"):format(event.done, event.total)
  parts[#parts + 1] = counts_text(state.counts)
  local elapsed = now and now - state.started or 0
  if elapsed > 0 then
    parts[#parts + 1] = ("%.0f/s"):format(state.finished / elapsed)
  end
  return (text.cut(table.concat(parts, "  "), (context.width or 80) - 1))
end

-- A case that is judged again (the target died) counts once; a smaller number done starts the next round.
local function count(state, event)
  if event.done < state.done then
    state.round, state.verdicts, state.counts = state.round + 1, {}, {}
  end
  local key = event.result.id .. " " .. event.result.mode
  local before, verdict = state.verdicts[key], gating.counted(event.result)
  if before then
    state.counts[before] = state.counts[before] - 1
  end
  state.verdicts[key] = verdict
  state.counts[verdict] = (state.counts[verdict] or 0) + 1
  state.finished = state.finished + (before and 0 or 1)
  state.done = event.done
end

function progress.begin(context)
  if progress.clear(context) == "" then
    return
  end
  context.progress = fresh(context)
  local line = "testing " .. text.printable(context.target or "", false)
  context.write(CLEAR .. text.cut(line, (context.width or 80) - 1))
end

function progress.event(context, event)
  if event.kind ~= "result" or progress.clear(context) == "" then
    return
  end
  local state = context.progress or fresh(context)
  context.progress = state
  count(state, event)
  local now = context.now and context.now()
  if not now or event.done == event.total or now - state.drawn >= PAUSE then
    state.drawn = now
    context.write(CLEAR .. line_of(context, state, event, now))
  end
end

return progress
