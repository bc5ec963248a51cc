-- What the console shows while a run goes on: failures as they happen and, on a terminal, a status line below them.
--
-- Where standard output is no terminal nothing is shown in the first seconds, so that short runs leave the report
-- alone in a log; a longer one tells failures as they happen and says now and then how far it is.
local build = require "h2probe.reports.shared.build"
local text = require "h2probe.reports.console.text"

local progress = {}

local PAUSE <const> = 0.05 -- seconds between two looks of the line
local PATIENCE <const> = 10 -- seconds before a log shows anything
local HEARTBEAT <const> = 30 -- seconds between two lines in a log that say how far it is
local SURE <const> = 0.5 -- seconds before rate and remaining time are worth showing
local ANY_WIDTH <const> = 1000
local CLEAR <const> = "\r\27[K"
local SHOWN <const> = 2000 -- octets of a failure
-- What is counted, and what is left out first where there is no room: the greatest number.
local COUNTED <const> = { { "pass", "passed", 2 }, { "fail", "failed", 1 }, { "error", "in error", 1 },
  { "warn", "warned", 3 }, { "expected", "expected failures", 5 }, { "inconclusive", "inconclusive", 4 },
  { "skip", "skipped", 6 } }
local WORDS <const> = { fail = "FAIL", error = "ERROR" }

--- What takes the status line away; nothing where there is none.
function progress.clear(options)
  return options.tty and not options.quiet and os.getenv "TERM" ~= "dumb" and CLEAR or ""
end

local function on_terminal(context)
  return progress.clear(context) ~= ""
end

local function fresh(context)
  local now = context.now and context.now()
  return { verdicts = {}, counts = {}, told = {}, waiting = {}, finished = 0, round = 1, started = now,
    drawn = -math.huge, said = now }
end

local function duration(seconds)
  seconds = math.max(1, math.ceil(seconds))
  if seconds < 60 then
    return ("%d s"):format(seconds)
  elseif seconds < 3600 then
    return ("%d min %02d s"):format(seconds // 60, seconds % 60)
  end
  return ("%d h %02d min"):format(seconds // 3600, seconds % 3600 // 60)
end

-- How fast it is and how long it will take: two texts, nil where nobody knows yet.
local function pace(context, state, event, now)
  local elapsed = now and state.started and now - state.started or 0
  if elapsed < SURE or state.finished == 0 then
    return nil, nil
  end
  local rate = state.finished / elapsed
  local left = event.total - event.done + event.total * math.max(0, (context.rounds or 1) - state.round)
  return (rate < 10 and "%.1f/s" or "%.0f/s"):format(rate), left > 0 and duration(left / rate) .. " left" or nil
end

-- The parts of a status in their order, those that matter least dropped until the rest fits.
local function fitted(parts, width)
  while true do
    local line, worst = parts[1].text, nil
    for i, part in ipairs(parts) do
      line = i == 1 and line or line .. (part.count and parts[i - 1].count and ", " or "  ") .. part.text
      if part.rank > 0 and (not worst or part.rank > parts[worst].rank) then
        worst = i
      end
    end
    if text.width(line) <= width or not worst then
      return (text.cut(line, width))
    end
    table.remove(parts, worst)
  end
end

local function status(context, state, event, now, width)
  local rate, left = pace(context, state, event, now)
  local parts = {}
  local function add(rank, words, is_count)
    parts[#parts + 1] = words and { rank = rank, text = words, count = is_count } or nil
  end
  add(7, (context.rounds or 1) > 1 and ("round %d/%d"):format(state.round, context.rounds) or nil)
  add(0, ("%d/%d"):format(event.done, event.total))
  for _, row in ipairs(COUNTED) do
    local count = state.counts[row[1]] or 0
    add(row[3], count > 0 and ("%d %s"):format(count, row[2]) or nil, true)
  end
  add(7, rate)
  add(2, left)
  return fitted(parts, width)
end

-- A case that is judged again (the target died) counts once in a round.
local function count(state, event)
  if (event.round or 1) ~= state.round then
    state.round, state.verdicts, state.counts = event.round, {}, {}
  end
  local key = build.key(event.result)
  local before, verdict = state.verdicts[key], event.result.expected_failure and "expected" or event.result.verdict
  if before then
    state.counts[before] = state.counts[before] - 1
  end
  state.verdicts[key] = verdict
  state.counts[verdict] = (state.counts[verdict] or 0) + 1
  state.finished = state.finished + (before and 0 or 1)
end

-- A failure in a line, nil if it is none or known already.
local function failure_of(context, state, result)
  local verdict = build.judged(result, context.strict)
  local word, key = WORDS[verdict], build.key(result) .. " " .. verdict
  if not word or state.told[key] or not build.was_run(result) then
    return nil
  end
  state.told[key] = true
  local function shown(value)
    return text.printable(build.bounded(value, SHOWN), context.unicode or false)
  end
  local head = ("%s %s (%s)"):format(word, shown(result.id), shown(result.mode))
  local tail = result.observed and ": " .. shown(result.observed) or ""
  if context.tty then
    local room = (context.width or 80) - 1
    head = text.cut(head, room)
    tail = text.width(head) + text.width(tail) <= room and tail
      or room - text.width(head) > 12 and text.cut(tail, room - text.width(head) - 3) .. "..." or ""
  end
  return text.paint(verdict, head, context.color) .. tail
end

local function draw(context, state, event, now, failure)
  local due = not now or event.done == event.total or now - state.drawn >= PAUSE
  local line = (due or failure) and status(context, state, event, now, (context.width or 80) - 1)
  if line then
    state.drawn = now or 0
    context.write(CLEAR .. (failure and failure .. "\n" or "") .. line)
  end
end

-- Without a terminal: nothing at first, then what has failed so far, then failures as they come and how far it is.
local function log(context, state, event, now, failure)
  state.waiting[#state.waiting + 1] = failure
  if not now or not state.started or now - state.started < PATIENCE then
    return
  end
  local lines = state.waiting
  state.waiting = {}
  if not state.spoken or now - state.said >= HEARTBEAT then
    state.spoken, state.said = true, now
    lines[#lines + 1] = "... " .. status(context, state, event, now, ANY_WIDTH)
  end
  if #lines > 0 then
    context.write(table.concat(lines, "\n") .. "\n")
  end
end

function progress.begin(context)
  context.progress = fresh(context)
  if on_terminal(context) then
    local line = "testing " .. text.printable(context.target or "", false)
    context.write(CLEAR .. text.cut(line, (context.width or 80) - 1))
  end
end

function progress.event(context, event)
  if event.kind ~= "result" or context.quiet then
    return
  end
  local state = context.progress or fresh(context)
  context.progress = state
  count(state, event)
  local now = context.now and context.now()
  local failure = failure_of(context, state, event.result)
  if on_terminal(context) then
    draw(context, state, event, now, failure)
  else
    log(context, state, event, now, failure)
  end
end

return progress
