-- Several results to one: shards and repetitions of a run; and runs of different servers side by side in one table.
local results = require "h2probe.results"

local merging = {}

-- Shared ---------------------------------------------------------------------------------------------------

local function was_run(result)
  return not (result.observed or ""):find "^not run: "
end

-- The watchman's findings are one a requirement, in whatever mode it was seen.
local function key_of(result)
  return result.suite == "watch" and result.id or result.id .. " " .. result.mode
end

--- A result that stands for what is not there, so that no report is green without it.
local function missing(name, text)
  return { id = "report/" .. name, suite = "report", mode = "all", verdict = "error", title = "the results are complete",
    expected = "the results of the whole run", observed = text, notes = {}, req = {}, seconds = 0 }
end

local function unique(list)
  local seen, out = {}, {}
  for _, value in ipairs(list) do
    if not seen[value] then
      seen[value], out[#out + 1] = true, value
    end
  end
  return out
end

local function collect(list, member)
  local out = {}
  for _, all in ipairs(list) do
    out[#out + 1] = all[member]
  end
  return out
end

local function modes_of(list)
  local modes, by_name = {}, {}
  for _, all in ipairs(list) do
    for _, mode in ipairs(all.modes) do
      local known = by_name[mode.mode]
      if not known then
        by_name[mode.mode] = { mode = mode.mode, offered = mode.offered, reason = mode.reason }
        modes[#modes + 1] = by_name[mode.mode]
      elseif mode.offered and not known.offered then
        known.offered, known.reason = true, nil
      end
    end
  end
  return modes
end

local function tool_of(list)
  local versions = {}
  for i, all in ipairs(list) do
    versions[i] = all.tool.version
  end
  return { name = list[1].tool.name, version = table.concat(unique(versions), ", ") }
end

local function expectations_of(list)
  local merged, seen = nil, {}
  for _, all in ipairs(list) do
    if all.expectations then
      merged = merged or { file = all.expectations.file, problems = {} }
      for _, problem in ipairs(all.expectations.problems) do
        if not seen[problem.text] then
          seen[problem.text] = true
          merged.problems[#merged.problems + 1] = problem
        end
      end
    end
  end
  return merged
end

-- What is the same for a merge and for a table of several.
local function frame(list)
  local started, seconds = collect(list, "started"), 0
  table.sort(started)
  for _, all in ipairs(list) do
    seconds = seconds + all.seconds
  end
  local whole = {}
  for name, value in pairs(list[1]) do
    whole[name] = value
  end
  whole.tool, whole.target = tool_of(list), table.concat(unique(collect(list, "target")), ", ")
  whole.started, whole.seconds, whole.modes = started[1], seconds, modes_of(list)
  whole.expectations, whole.died = expectations_of(list), collect(list, "died")[1]
  whole.cut = nil
  return whole
end

-- One run of several files ---------------------------------------------------------------------------------

local Merge = {}
Merge.__index = Merge

function Merge:add_flakes(all)
  for _, flake in ipairs(all.flakes or {}) do
    self.counted[key_of { id = flake.id, mode = flake.mode, suite = flake.id:match "^watch/" and "watch" }] = flake
  end
  self.rounds = self.rounds or all.flakes ~= nil
end

-- Verdicts of a result in this file: of all its rounds, if there were several.
function Merge:count(key, sum, result)
  local flake = self.counted[key]
  for verdict, times in pairs(flake and flake.verdicts or { [result.verdict] = 1 }) do
    sum.verdicts[verdict] = (sum.verdicts[verdict] or 0) + times
  end
  sum.expected_failure = sum.expected_failure or (flake and flake.expected_failure)
end

-- Of two results the one that was run, then the worse.
function Merge:put(result, order)
  local key = key_of(result)
  local sum = self.sums[key]
  if not sum then
    sum = { entry = { order = order, result = result }, verdicts = {} }
    self.sums[key], self.list[#self.list + 1] = sum, sum
  elseif was_run(result) and (not was_run(sum.entry.result)
      or results.severity(result.verdict) > results.severity(sum.entry.result.verdict)) then
    sum.entry.result = result
  end
  if was_run(result) and result.suite ~= "watch" then
    self:count(key, sum, result)
  end
end

-- In the order of the catalogue; what it does not know stays behind what came before it.
function Merge:file(all, rank)
  self.counted = {}
  self:add_flakes(all)
  local last = 0
  for _, result in ipairs(all.results) do
    local order = math.huge
    if result.suite ~= "watch" and result.suite ~= "report" then
      last = rank[result.id] or math.floor(last)
      self.seen[result.id] = self.seen[result.id] or self:next_place()
      order = rank[result.id] or last + self.seen[result.id] / 1e7
    end
    self:put(result, order)
  end
end

function Merge:next_place()
  self.places = self.places + 1
  return self.places
end

function Merge:flakes()
  local list = {}
  for _, sum in ipairs(self.list) do
    local first = next(sum.verdicts)
    if first and next(sum.verdicts, first) then
      list[#list + 1] = { id = sum.entry.result.id, mode = sum.entry.result.mode, verdicts = sum.verdicts,
        expected_failure = sum.entry.result.expected_failure or sum.expected_failure }
    end
  end
  return (#list > 0 or self.rounds) and list or nil
end

-- What the shards of some results lack: a list of { name, text }, and whether there are shards.
local function shards_missing(list)
  local there, total = {}, nil
  for _, all in ipairs(list) do
    local shard = all.shard
    if shard and total and shard.total ~= total then
      return { { "shards", ("these are shards of different runs: one of %d and one of %d"):format(total, shard.total) } }, true
    elseif shard then
      total, there[shard.index] = shard.total, true
    end
  end
  local gone = {}
  for index = 1, math.min(total or 0, 1000) do
    if not there[index] then
      gone[#gone + 1] = { ("shard-%d-of-%d"):format(index, total),
        ("shard %d of %d is missing: its cases were not judged"):format(index, total) }
    end
  end
  return gone, total ~= nil
end

local function gaps(list, partial)
  local gone, sharded = {}, false
  if not partial then
    gone, sharded = shards_missing(list)
  end
  for _, all in ipairs(list) do
    if all.cut then
      gone[#gone + 1] = { "cut-" .. #gone + 1, ("%s ends early, %s: the run was cut short"):format(all.file or "a file", all.cut) }
    end
  end
  return gone, sharded
end

local function unrun(entries)
  for _, entry in ipairs(entries) do
    if not was_run(entry.result) then
      return true
    end
  end
  return false
end

--- Files of one run (shards, repetitions) as one result table. `rank`: positions of case ids; `partial`: shards may be
-- missing. The second value: lines about what is missing.
function merging.merge(list, rank, partial)
  local merge = setmetatable({ sums = {}, list = {}, seen = {}, places = 0 }, Merge)
  for _, all in ipairs(list) do
    merge:file(all, rank)
  end
  local entries, lines = {}, {}
  for i, sum in ipairs(merge.list) do
    entries[i] = sum.entry
  end
  local left = unrun(entries)
  local gone, whole = gaps(list, partial)
  for i, gap in ipairs(gone) do
    lines[i] = gap[2]
    entries[#entries + 1] = { order = math.huge, result = missing(gap[1], gap[2]) }
  end
  local all = frame(list)
  all.flakes = merge:flakes()
  all.shard = (partial or not whole) and all.shard or nil
  all.interrupted = (#list == 1 or left) and collect(list, "interrupted")[1] or nil
  all.complete = #gone == 0 and not left and (#list > 1 or list[1].complete)
  all.results = results.sorted(entries)
  all.summary = results.summary(all.results)
  return all, lines
end

-- Several runs -----------------------------------------------------------------------------------------------

--- Results by what they are of: a list of lists. A label says it, else target and version.
function merging.groups(list)
  local groups, by_name = {}, {}
  for _, all in ipairs(list) do
    local name = all.label and "label " .. all.label or table.concat({ "target", all.target, all.tool.version }, "\0")
    if not by_name[name] then
      by_name[name] = {}
      groups[#groups + 1] = by_name[name]
    end
    table.insert(by_name[name], all)
  end
  return groups
end

local function short(target)
  return (target:gsub("^%a+://", ""):gsub("/+$", ""):gsub("/", "-"))
end

--- Gives each of several merged results a label of its own, where it has none.
function merging.label(list)
  local taken = {}
  for _, all in ipairs(list) do
    local base = all.label or short(all.target)
    local label, number = base, 1
    if taken[label] then
      label = ("%s (%s)"):format(base, all.tool.version)
    end
    while taken[label] do
      number = number + 1
      label = ("%s (%d)"):format(base, number)
    end
    all.label, taken[label] = label, true
  end
end

local function prefixed(all, out)
  for _, result in ipairs(all.results) do
    local copy = {}
    for name, value in pairs(result) do
      copy[name] = value
    end
    copy.id, copy.suite = all.label .. "/" .. result.id, all.label .. "/" .. result.suite
    out[#out + 1] = copy
  end
end

local function proved(all)
  return results.exit_status(all) ~= results.EXIT.nothing
end

--- Several labelled results as one, for reports that cannot compare: ids and suites begin with the label.
function merging.beside(list)
  local all, any = frame(list), false
  all.label, all.shard, all.results, all.flakes = nil, nil, {}, nil
  all.interrupted, all.complete = collect(list, "interrupted")[1], true
  for _, one in ipairs(list) do
    any = any or proved(one)
  end
  for _, one in ipairs(list) do
    prefixed(one, all.results)
    if any and not proved(one) then
      all.results[#all.results + 1] = missing(one.label, one.label .. ": nothing was proved: every case was skipped or inconclusive")
    end
    for _, flake in ipairs(one.flakes or {}) do
      all.flakes = all.flakes or {}
      table.insert(all.flakes, { id = one.label .. "/" .. flake.id, mode = flake.mode, verdicts = flake.verdicts,
        expected_failure = flake.expected_failure })
    end
    all.complete = all.complete and one.complete
  end
  all.summary = results.summary(all.results)
  return all
end

return merging
