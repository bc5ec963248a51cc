-- What gating makes of a run (docs/gating.md): which of the selected cases run, what their results count for, and which
-- expectations do not hold.
local args = require "h2probe.args"
local expectations = require "h2probe.expectations"
local expectations_update = require "h2probe.expectations_update"
local profile = require "h2probe.profile"
local requirements = require "h2probe.requirements"
local rerun = require "h2probe.rerun"
local selection = require "h2probe.selection"
local shard = require "h2probe.shard"
local catalogue = require "h2probe.watch.catalogue"

local gate = {}

local Gate = {}
Gate.__index = Gate

local RANK <const> = { MUST = 3, ["MUST NOT"] = 3, SHOULD = 2, ["SHOULD NOT"] = 2, MAY = 1 }

-- Narrowing -------------------------------------------------------------------------------------------------

-- The watchman's findings as selections see them.
local function findings()
  local list = {}
  for i, rule in ipairs(catalogue.rules) do
    list[i] = { id = "watch/" .. rule[1], suite = "watch", req = { rule[1] }, h2spec = {} }
  end
  return list
end

-- Predicates of words; each must be about something that there is.
local function matchers(words, known, rows)
  local list = {}
  for i, word in ipairs(words or {}) do
    local matches, hit = selection.matcher(word), false
    for _, case in ipairs(known) do
      hit = hit or matches(case)
    end
    if not hit then
      return nil, (selection.unknown(word, known, rows))
    end
    list[i] = matches
  end
  return list
end

local function any(list, case)
  for _, matches in ipairs(list) do
    if matches(case) then
      return true
    end
  end
  return false
end

local function where(self, name)
  return self.options.origins and self.options.origins[name] or "--" .. name:gsub("_", "-")
end

function Gate:words(catalogue_cases)
  local known = table.move(catalogue_cases, 1, #catalogue_cases, 1, {})
  local watch = findings()
  table.move(watch, 1, #watch, #known + 1, known)
  for _, name in ipairs { "exclude", "only" } do
    local list, message = matchers(self.options[name], known, requirements.load())
    if not list then
      return nil, ("%s: %s"):format(where(self, name), message)
    end
    self[name] = list
  end
  return true
end

function Gate:strong_enough(level)
  local least = self.options.level
  return not least or (RANK[level] or 0) >= RANK[least]
end

function Gate:excluded(case, level)
  return any(self.exclude, case) or not self:strong_enough(level)
end

-- Shards are of what is left then, so that they are alike.
local function weight(case)
  return case.each and #case.each or 1
end

function Gate:narrow(cases)
  local list = {}
  for _, case in ipairs(cases) do
    local wanted = not self:excluded(case, case.level) and (#self.only == 0 or any(self.only, case))
      and (not self.rerun or self.rerun.wanted[case.id])
    list[#list + 1] = wanted and case or nil
  end
  local selected = #list
  if self.shard then
    list = shard.choose(list, self.shard, weight)
    self.nothing_to_run = #list == 0 and selected > 0
      and ("shard %d of %d got none of the cases (%d)"):format(self.shard.index, self.shard.total, selected) or nil
  end
  return list
end

-- What there was to run again, and whether there still is.
function Gate:look_back()
  local file, missing = self.options.rerun_failed, {}
  if self.rerun.count == 0 then
    self.nothing_to_run = ("everything passed in %s"):format(file)
  end
  for id in pairs(self.rerun.wanted) do
    missing[#missing + 1] = id:find "/" and not self.known[id] and id or nil
  end
  table.sort(missing)
  if #missing > 0 then
    self.notes[1] = args.printable(("%s: of its cases %d %s not here: %s%s"):format(file, #missing,
      #missing == 1 and "is" or "are", missing[1], #missing > 1 and ", ..." or ""))
  end
end

--- Whether a case runs in a mode.
function Gate:wanted(case, mode)
  return not self.rerun or (self.rerun.wanted[case.id] or {})[mode] ~= nil
end

-- Results ---------------------------------------------------------------------------------------------------

--- Called with each result as it comes, and again: profile (of findings) and expectations.
function Gate:mark(result)
  if self.expectations then
    self.expectations:mark(result)
  end
end

local function as_case(result)
  return { id = result.id, req = result.req or {}, h2spec = {} }
end

--- The entries of a run: without findings that are excluded, treated by the profile, marked.
function Gate:entries(entries)
  local list = {}
  for _, entry in ipairs(entries) do
    local result = entry.result
    if result.suite ~= "watch" or not self:excluded(as_case(result), result.level) then
      profile.treat(result, self.profile)
      self:mark(result)
      local near = self.expectations and self.expectations:near_miss(result)
      result.notes[#result.notes + 1] = near
      list[#list + 1] = entry
    end
  end
  return list
end

-- Probes are known to h2probe probe alone.
local function foreign_to(probes)
  return function(id) return not probes and id:find "^probe/" ~= nil end
end

-- Whether a run could not but show what the watchman finds: all cases ran, in all modes of the target.
function Gate:whole(run)
  local narrowed = self.narrowed or self.shard or self.rerun or #self.only > 0 or #self.exclude > 0
    or self.options.level and self.options.level ~= "MAY" or not run.complete or run.interrupted
    or self.options.mode and self.options.mode ~= "all"
  return function(id)
    local role = (self.known[id] or {}).role -- nil: peers of both roles can break it
    return not narrowed and (not role or role == self.role)
  end
end

local function results_of(entries)
  local list = {}
  for i, entry in ipairs(entries) do
    list[i] = entry.result
  end
  return list
end

function Gate:update(run, list)
  if not self.options.update_expect then
    return true
  end
  if not run.complete or run.interrupted then
    return true, ("%s is left as it was: the run did not come to its end"):format(self.expectations.file)
  end
  return expectations_update.write(self.expectations, { results = list, flakes = run.flakes, known = self.known,
    foreign = self.foreign, whole = self:whole(run), strict = self.options.strict })
end

--- What the results' table gets of gating: members for results.new and something to say; or nil and one line (the file could
-- not be written). `run`: entries (as of gate:entries), flakes, complete, interrupted.
function Gate:members(run)
  local members = { settings_file = self.options.settings_file, shard = self.shard, nothing_to_run = self.nothing_to_run,
    profile = next(self.profile) and self.options.profile or nil }
  if not self.expectations then
    return members
  end
  local list = results_of(run.entries)
  local known, said = self:update(run, list)
  if not known then
    return nil, said
  end
  self.expectations = known ~= true and known or self.expectations
  for _, result in ipairs(list) do
    self:mark(result)
  end
  for _, flake in ipairs(run.flakes or {}) do
    self.expectations:mark_flake(flake)
  end
  members.expectations = { file = self.expectations.file, problems = self.expectations:problems {
    results = list, known = self.known, foreign = self.foreign, whole = self:whole(run) } }
  return members, said
end

-- Opening ---------------------------------------------------------------------------------------------------

local function lines(self, name, list)
  for i, message in ipairs(list) do
    list[i] = ("%s: %s"):format(where(self, name), args.printable(message))
  end
  return list
end

function Gate:open_files()
  local options = self.options
  if options.update_expect and not options.expect then
    return nil, { "--update-expect needs --expect FILE" }
  elseif options.update_expect and options.expect:find "%.lua$" then
    return nil, { ("--update-expect writes plain lists, and %s is a Lua table"):format(args.printable(options.expect)) }
  end
  if options.expect then
    local known, mistakes = expectations.load(options.expect, options.update_expect)
    if not known then
      return nil, lines(self, "expect", mistakes)
    end
    self.expectations = known
  end
  if options.rerun_failed then
    local message
    self.rerun, message = rerun.load(options.rerun_failed, options.strict)
    if not self.rerun then
      return nil, lines(self, "rerun_failed", { message })
    end
  end
  return true
end

function Gate:open_shard()
  if not self.options.shard then
    return true
  end
  local part, message = shard.resolve(self.options.shard, os.getenv)
  self.shard = part
  if message then
    return nil, { ("%s: %s"):format(where(self, "shard"), args.printable(message)) }
  end
  return true
end

-- All the cases that ids may name: those of the user's files, too.
local function all_cases(plan)
  local list, seen = {}, {}
  for _, cases in ipairs { plan.cases, plan.catalogue or {} } do
    for _, case in ipairs(cases) do
      if not seen[case] then
        seen[case] = true
        list[#list + 1] = case
      end
    end
  end
  return list
end

--- The gate of a run, with its cases and notes (lines for people); or nil and a list of lines. `plan`: options, role, cases
-- (selected), catalogue (all cases), narrowed (there was a selection), probes (cases are probes).
function gate.open(plan)
  local self = setmetatable({ options = plan.options, role = plan.role or "client", narrowed = plan.narrowed, exclude = {},
    only = {}, notes = {} }, Gate)
  local all = all_cases(plan)
  self.known = expectations.known_ids(all)
  self.foreign = foreign_to(plan.probes)
  self.profile = assert(profile.load(plan.options.profile))
  local ok, mistakes = self:open_files()
  if ok then
    ok, mistakes = self:open_shard()
  end
  if ok then
    local message
    ok, message = self:words(all)
    mistakes = { message }
  end
  if not ok then
    return nil, mistakes
  end
  if self.rerun then
    self:look_back()
  end
  self.cases = self:narrow(profile.cases(plan.cases, self.profile))
  return self
end

return gate
