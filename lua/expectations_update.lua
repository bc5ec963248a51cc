-- The expectations file as a run would have it (--update-expect): entries that do not hold go, new failures come; reasons,
-- comments and order stay.
local expectations = require "h2probe.expectations"
local expectations_file = require "h2probe.expectations_file"
local reporting = require "h2probe.reporting"

local update = {}

local MODES <const> = expectations_file.ORDER.modes
local BAD <const> = { fail = true, error = true }
local REASON <const> = 120 -- octets of what was observed
local WIDEST <const> = 60

local function placeholder(result)
  local text = (result.observed or result.verdict):gsub("[%c\127-\255]+", " "):gsub("%s+", " "):gsub("^ ", "")
  return "observed: " .. (#text > REASON and text:sub(1, REASON) .. "..." or text)
end

local function is_empty(set)
  return next(set) == nil
end

-- What is new -------------------------------------------------------------------------------------------------

local function verdicts_of(result, flake)
  local set = { [result.verdict] = true }
  for verdict in pairs(flake and flake.verdicts or {}) do
    set[verdict == "absent" and "pass" or verdict] = true
  end
  return set
end

-- Results that fail the run and that no entry covers, flaky ones among them: { [id] = { [mode] = { result, verdicts } } }.
local function uncovered(old, run)
  local flaky = expectations.by_id_and_mode(run.flakes or {})
  local fresh, order = {}, {}
  for _, result in ipairs(run.results) do
    local flake = (flaky[result.id] or {})[result.mode]
    if flake then
      old:mark_flake(flake)
    end
    local bad = BAD[result.verdict] or run.strict and result.verdict == "warn"
    if bad and not old:covering(result) or flake and not flake.expected_failure then
      if not fresh[result.id] then
        fresh[result.id] = {}
        order[#order + 1] = result.id
      end
      fresh[result.id][result.mode] = { result = result, verdicts = verdicts_of(result, flake) }
    end
  end
  return fresh, order
end

local function same_set(a, b)
  for key in pairs(a) do
    if not b[key] then return false end
  end
  for key in pairs(b) do
    if not a[key] then return false end
  end
  return true
end

-- The reason of the entry that was about it, if its text is not what is wrong with it.
local function old_reason(entries, mode)
  for _, entry in ipairs(entries or {}) do
    if not entry.text and (not entry.modes or entry.modes[mode]) then
      return entry.reason
    end
  end
end

-- Entries for what is new of one id: modes with the same verdicts and reason share one.
local function new_entries(id, modes, old, case)
  local list = {}
  for _, mode in ipairs(MODES) do
    local one = modes[mode]
    if one then
      local reason, into = old_reason(old.by_id[id], mode), nil
      for _, entry in ipairs(list) do
        into = into or same_set(entry.verdicts, one.verdicts) and entry.kept == reason and entry or nil
      end
      if not into then
        into = { id = id, modes = {}, verdicts = one.verdicts, kept = reason, reason = reason or placeholder(one.result) }
        list[#list + 1] = into
      end
      into.modes[mode] = true
    end
  end
  for _, entry in ipairs(list) do
    local everywhere = case and case.modes or {}
    local all = #everywhere > 0
    for _, mode in ipairs(everywhere) do
      all = all and entry.modes[mode]
    end
    if all or id:find "^watch/" then
      entry.modes = nil
    end
  end
  return list
end

-- What becomes of the old lines ---------------------------------------------------------------------------------

-- What is left of an entry: itself, a narrower one, or nil.
local function rest_of(entry, gone, case)
  local modes, touched = {}, false
  for _, mode in ipairs(entry.modes and MODES or case and case.modes or MODES) do
    if not entry.modes or entry.modes[mode] then
      modes[mode] = not gone[mode] or nil
      touched = touched or gone[mode] ~= nil
    end
  end
  if not touched then
    return entry
  elseif is_empty(modes) then
    return nil
  end
  return setmetatable({ modes = modes }, { __index = entry })
end

-- Entries that a watch/ id has are about every mode at once.
local function kept(old, entry, run, fresh, by_id)
  local kind = old:problem_of(entry, run, by_id[entry.id])
  if kind == "unknown" or entry.id:find "^watch/" and (kind or fresh[entry.id]) then
    return nil
  elseif entry.id:find "^watch/" then
    return entry
  end
  local gone = old:mended(entry, by_id[entry.id])
  for mode in pairs(fresh[entry.id] or {}) do
    gone[mode] = "new"
  end
  return rest_of(entry, gone, run.known[entry.id])
end

-- The lines of the file, each false where it goes, and how many changed; `last` is the last line of each id.
local function old_lines(old, run, fresh)
  local by_id, lines, last = expectations.by_id_and_mode(run.results), table.move(old.lines, 1, #old.lines, 1, {}), {}
  local count = { removed = 0, changed = 0, added = 0 }
  for _, entry in ipairs(old.entries) do
    local rest = kept(old, entry, run, fresh, by_id)
    if not rest then
      lines[entry.line] = false
      count.removed = count.removed + 1
    elseif rest ~= entry then
      lines[entry.line] = expectations_file.line(rest)
      count.changed = count.changed + 1
    end
    last[entry.id] = entry.line
  end
  return lines, last, count
end

-- The column of ids; one that is very long does not move the others.
local function width_of(ids)
  local width = 0
  for _, id in ipairs(ids) do
    width = math.max(width, #id <= WIDEST and #id or 0)
  end
  return width
end

--- The text of the file as the run would have it, and what changed: { removed, changed, added } in lines.
function update.text(old, run)
  local fresh, order = uncovered(old, run)
  local lines, last, count = old_lines(old, run, fresh)
  local behind, tail, width = {}, {}, width_of(order)
  for _, id in ipairs(order) do
    local into = tail
    if last[id] then
      into = {}
      behind[last[id]] = into
    end
    for _, entry in ipairs(new_entries(id, fresh[id], old, run.known[id])) do
      into[#into + 1] = expectations_file.line(entry, width)
      count.added = count.added + 1
    end
  end
  local out = {}
  for number, line in ipairs(lines) do
    out[#out + 1] = line or nil
    table.move(behind[number] or {}, 1, #(behind[number] or {}), #out + 1, out)
  end
  table.move(tail, 1, #tail, #out + 1, out)
  return #out > 0 and table.concat(out, "\n") .. "\n" or "", count
end

local function said(file, count)
  local parts = {}
  for _, what in ipairs { "added", "changed", "removed" } do
    if count[what] > 0 then
      parts[#parts + 1] = ("%d %s %s"):format(count[what], count[what] == 1 and "line" or "lines", what)
    end
  end
  return ("%s: %s"):format(file, #parts > 0 and table.concat(parts, ", ") or "nothing to change")
end

--- Writes the file; the new expectations and what changed in words, or nil and one line.
-- `run`: results, flakes, known, foreign, whole as for Expectations:problems, strict.
function update.write(old, run)
  local text, count = update.text(old, run)
  local changed = count.added + count.changed + count.removed > 0
  if changed then
    local ok, message = reporting.write_file(old.file, text)
    if not ok then
      return nil, ("the expectations could not be written: %s"):format(message)
    end
  end
  return assert(expectations.parse(old.file, changed and text or table.concat(old.lines, "\n"))), said(old.file, count)
end

return update
