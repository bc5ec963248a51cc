-- The result table that every report is made from, its summary, and the exit status (docs/runtime.md).
local engine = require "h2probe.engine"

local results = {}

results.VERDICTS = { "pass", "warn", "fail", "skip", "inconclusive", "error" }

results.EXIT = { ok = 0, failed = 1, usage = 2, unreachable = 3, died = 4, nothing = 5, internal = 6 }

local MODE_RANK = { alpn = 1, upgrade = 2, prior = 3 }
local SEVERITY = { pass = 0, skip = 1, warn = 2, inconclusive = 3, fail = 4, error = 5 }

--- The worse of two verdicts is the one with the greater number.
function results.severity(verdict)
  return SEVERITY[verdict]
end

local function before(a, b)
  if a.order ~= b.order then
    return a.order < b.order
  end
  if a.result.id ~= b.result.id then
    return a.result.id < b.result.id
  end
  return (MODE_RANK[a.result.mode] or 9) < (MODE_RANK[b.result.mode] or 9)
end

--- { { order =, result = }, ... } to results by order of the suites, then id, then mode.
function results.sorted(entries)
  table.sort(entries, before)
  local list = {}
  for i, entry in ipairs(entries) do
    list[i] = entry.result
  end
  return list
end

--- How many results there are of each verdict; known failures are counted apart, not under the verdict that they got.
function results.summary(list)
  local summary = { total = #list, expected_failures = 0 }
  for _, verdict in ipairs(results.VERDICTS) do
    summary[verdict] = 0
  end
  for _, result in ipairs(list) do
    local counted = result.expected_failure and "expected_failures" or result.verdict
    summary[counted] = summary[counted] + 1
  end
  return summary
end

--- A time as results have it.
function results.stamp(time)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", time)
end

--- The whole table. `run`: { target, started (os.time), seconds, modes, interrupted, complete, entries, died, flakes,
-- and what gating adds: shard, profile, settings_file, expectations, nothing_to_run }.
function results.new(run)
  local list = results.sorted(run.entries)
  return {
    schema = 1,
    tool = { name = "h2probe", version = engine.version },
    target = run.target,
    started = results.stamp(run.started),
    seconds = run.seconds,
    modes = run.modes,
    interrupted = run.interrupted,
    complete = run.complete,
    died = run.died,
    flakes = run.flakes,
    shard = run.shard,
    nothing_to_run = run.nothing_to_run,
    profile = run.profile,
    settings_file = run.settings_file,
    expectations = run.expectations,
    summary = results.summary(list),
    results = list,
  }
end

local function flaky(all)
  for _, flake in ipairs(all.flakes or {}) do
    if not flake.expected_failure then
      return true
    end
  end
  return false
end

-- A known failure proves something, a known skip does not.
local PROVES <const> = { warn = true, fail = true, error = true }

local function proved(all)
  if all.summary.pass + all.summary.warn > 0 then
    return true
  end
  for _, result in ipairs(all.results) do
    if result.expected_failure and PROVES[result.verdict] then
      return true
    end
  end
  return false
end

-- The target died of nothing but known cases.
local function known_death(all)
  for _, result in ipairs(all.results) do
    if result.verdict == "error" and result.expected_failure then
      return all.summary.error == 0
    end
  end
  return false
end

--- The exit status of DESIGN's section 7.
function results.exit_status(all, strict)
  local summary, exit = all.summary, results.EXIT
  if all.died and not known_death(all) then
    return exit.died
  end
  if summary.fail > 0 or summary.error > 0 or all.interrupted or flaky(all) then
    return exit.failed
  end
  if strict and summary.warn > 0 or all.expectations and #all.expectations.problems > 0 then
    return exit.failed
  end
  if not proved(all) and not (all.nothing_to_run and summary.total == 0) then
    return exit.nothing
  end
  return exit.ok
end

--- Rounds of the same cases, one after the other: of each result the worst is kept, of the others the verdict alone.
local Merger = {}
Merger.__index = Merger

function results.merger()
  return setmetatable({ sums = {}, by_key = {}, rounds = 0 }, Merger)
end

function Merger:sum_of(entry)
  local key = entry.result.id .. " " .. entry.result.mode
  local sum = self.by_key[key]
  if not sum then
    sum = { entry = entry, verdicts = {}, rounds = 0 }
    self.by_key[key] = sum
    self.sums[#self.sums + 1] = sum
  end
  return sum
end

--- The entries of one more round.
function Merger:add(round)
  self.rounds = self.rounds + 1
  for _, entry in ipairs(round) do
    local sum, verdict = self:sum_of(entry), entry.result.verdict
    sum.verdicts[verdict] = (sum.verdicts[verdict] or 0) + 1
    sum.rounds = sum.rounds + 1
    if SEVERITY[verdict] > SEVERITY[sum.entry.result.verdict] then
      sum.entry = entry
    end
  end
end

-- What was not in every round, or not always with the same verdict.
local function flake_of(sum, rounds)
  local absent = rounds - sum.rounds
  if absent == 0 and not next(sum.verdicts, next(sum.verdicts)) then
    return nil
  end
  sum.verdicts.absent = absent > 0 and absent or nil
  return { order = sum.entry.order, result = sum.entry.result, verdicts = sum.verdicts }
end

--- The worst of each, and the list of flakes.
function Merger:finish()
  local entries, flakes = {}, {}
  for i, sum in ipairs(self.sums) do
    entries[i] = sum.entry
    flakes[#flakes + 1] = flake_of(sum, self.rounds)
  end
  table.sort(flakes, before)
  for i, flake in ipairs(flakes) do
    flakes[i] = { id = flake.result.id, mode = flake.result.mode, verdicts = flake.verdicts }
  end
  return entries, flakes
end

return results
