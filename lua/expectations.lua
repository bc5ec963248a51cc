-- Known failures (--expect FILE): which results the entries cover, and which entries do not hold any more.
local catalogue = require "h2probe.watch.catalogue"
local data_file = require "h2probe.data_file"
local expectations_file = require "h2probe.expectations_file"
local selection = require "h2probe.selection"

local expectations = {}

-- Verdicts that say that a known failure is no more; the others say nothing about it.
local MENDED <const> = { pass = true, warn = true }
local NO_FILE <const> = 2 -- ENOENT
local GUESSES <const> = 10 -- ids that get a "did you mean": it takes a look at every case

local Expectations = {}
Expectations.__index = Expectations

--- The entries of a text, or nil and a list of lines.
function expectations.parse(path, text)
  local self, mistakes = expectations_file.parse(path, text)
  if not self then
    return nil, mistakes
  end
  self.file = path
  return setmetatable(self, Expectations)
end

--- The entries of a file; with `update` one that does not exist has none.
function expectations.load(path, update)
  local text, message, code = data_file.text(path)
  if not text and update and code == NO_FILE then
    text = ""
  end
  if not text then
    return nil, { message }
  end
  return expectations.parse(path, text)
end

-- Results -----------------------------------------------------------------------------------------------------

local function about(entry, mode)
  return not entry.modes or entry.modes[mode] ~= nil
end

-- What the end of the run came before (settle.describe) is nobody's known failure.
local function was_run(result)
  return not (result.observed or ""):find "^not run: "
end

local function covers(entry, result)
  return about(entry, result.mode) and entry.verdicts[result.verdict] ~= nil and was_run(result)
    and (not entry.text or (result.observed or ""):find(entry.text, 1, true) ~= nil)
end

--- The entry that covers a result that did not pass, or nil.
function Expectations:covering(result)
  for _, entry in ipairs(self.by_id[result.id] or {}) do
    if covers(entry, result) then
      return entry
    end
  end
end

function Expectations:member(entry)
  return { reason = entry.reason, file = self.file, line = entry.line }
end

--- Marks a result that is a known failure (docs/runtime.md).
function Expectations:mark(result)
  local entry = result.verdict ~= "pass" and self:covering(result)
  result.expected_failure = entry and self:member(entry) or nil
end

--- Why an entry about a result that did not pass does not cover it, or nil.
function Expectations:near_miss(result)
  if result.verdict == "pass" or result.expected_failure or not was_run(result) then
    return nil
  end
  for _, entry in ipairs(self.by_id[result.id] or {}) do
    if about(entry, result.mode) then
      return ("%s:%d expects %s%s"):format(self.file, entry.line,
        expectations_file.joined(entry.verdicts, expectations_file.ORDER.verdicts):gsub(",", " or "),
        entry.text and (" with \"%s\" in what is observed"):format(entry.text) or "")
    end
  end
end

--- Marks a verdict that changed between rounds, where an entry lists all that it was.
function Expectations:mark_flake(flake)
  flake.expected_failure = nil
  for _, entry in ipairs(self.by_id[flake.id] or {}) do
    local all = about(entry, flake.mode)
    for verdict in pairs(flake.verdicts) do
      all = all and entry.verdicts[verdict == "absent" and "pass" or verdict] ~= nil
    end
    if all then
      flake.expected_failure = self:member(entry)
      return
    end
  end
end

-- Entries that do not hold ------------------------------------------------------------------------------------

local function watch_ids()
  local ids = {}
  for _, rule in ipairs(catalogue.rules) do
    local id, role = "watch/" .. rule[1], rule.role
    ids[id] = { role = (not ids[id] or ids[id].role == role) and role or nil }
  end
  return ids
end

--- Ids that there are, of the cases and of the watchman's rules: { [id] = case }.
function expectations.known_ids(cases)
  local ids = watch_ids()
  for _, case in ipairs(cases) do
    ids[case.id] = case
  end
  return ids
end

local function by_id_and_mode(list)
  local map = {}
  for _, result in ipairs(list) do
    map[result.id] = map[result.id] or {}
    map[result.id][result.mode] = result
  end
  return map
end

local function count(map)
  local n = 0
  for _ in pairs(map or {}) do
    n = n + 1
  end
  return n
end

local function names(map)
  local list = {}
  for name in pairs(map) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

--- The modes in which an entry does not hold any more, with the verdict that came: { [mode] = verdict }.
function Expectations:mended(entry, results_of_id)
  local modes = {}
  for mode, result in pairs(results_of_id or {}) do
    if about(entry, mode) and MENDED[result.verdict] and not entry.verdicts[result.verdict]
      and not self:covering(result) then
      modes[mode] = result.verdict
    end
  end
  return modes
end

local SAID <const> = { pass = "passes", warn = "is only a warning now" }

-- `all`: nothing is left that the entry could be about.
local function mended_text(entry, modes, all)
  local list = expectations_file.joined(modes, expectations_file.ORDER.modes):gsub(",", ", ")
  local what = ("%s %s in mode %s"):format(entry.id, SAID[modes[list:match "^%a+"]], list)
  return what .. ": delete the line" .. (all and "" or ", or name the modes that it is still about")
end

function Expectations:problem_of(entry, run, results_of_id)
  local case = run.known[entry.id]
  if not case and not results_of_id and not run.foreign(entry.id) then
    run.guesses = (run.guesses or 0) + 1
    local near = run.guesses <= GUESSES and selection.nearest(entry.id, names(run.known))
    return "unknown", ("there is no case '%s'%s: delete the line"):format(entry.id,
      near and (" (did you mean '%s'?)"):format(near) or "")
  end
  if entry.id:find "^watch/" then
    local unseen = run.whole(entry.id) and not results_of_id and not entry.verdicts.pass
    return unseen and "passes" or nil, ("%s was not seen: delete the line"):format(entry.id)
  end
  local modes = self:mended(entry, results_of_id)
  if not next(modes) then
    return nil
  end
  local of = entry.modes and count(entry.modes) or case and case.modes and #case.modes
  local kind = (modes.alpn == "pass" or modes.upgrade == "pass" or modes.prior == "pass") and "passes" or "changed"
  return kind, mended_text(entry, modes, count(modes) == of)
end

--- What is wrong with the entries, in the order of the file. `run`: results, known (ids), foreign(id) (of another
-- command), whole(id) (all cases ran, and this finding would be told: then what was not seen is not there).
function Expectations:problems(run)
  local list, by_id = {}, by_id_and_mode(run.results)
  for _, entry in ipairs(self.entries) do
    local kind, text = self:problem_of(entry, run, by_id[entry.id])
    if kind then
      list[#list + 1] = { line = entry.line, kind = kind, id = entry.id,
        text = ("%s:%d: %s"):format(self.file, entry.line, text) }
    end
  end
  return list
end

expectations.by_id_and_mode = by_id_and_mode

return expectations
