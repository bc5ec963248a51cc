-- Profiles (--profile): requirements that do not bind a peer of an older RFC, with the reason (suites/rfc7540.tsv).
local resources = require "h2probe.resources"

local profile = {}

profile.NAMES = { "rfc9113", "rfc7540" }

local EFFECTS <const> = { skip = true, warn = true }

--- The text of a table to { [requirement] = { effect, reason } }, or nil and one line.
function profile.parse(text, name)
  local rows, number = {}, 0
  for line in text:gmatch "[^\n]+" do
    number = number + 1
    if number > 1 then
      local id, effect, reason = line:match "^([^\t]+)\t([^\t]+)\t([^\t]+)$"
      if not id or not EFFECTS[effect] then
        return nil, ("%s:%d: a row is: requirement, skip or warn, reason"):format(name, number)
      elseif rows[id] then
        return nil, ("%s:%d: %s is there twice"):format(name, number, id)
      end
      rows[id] = { effect = effect, reason = reason }
    end
  end
  return rows
end

--- The rows of a profile; rfc9113 has none.
function profile.load(name)
  if not name or name == "rfc9113" then
    return {}
  end
  local file = ("suites/%s.tsv"):format(name)
  return profile.parse(assert(resources.read(file)), file)
end

local TEXT <const> = { skip = "RFC 7540 does not ask for it (--profile rfc7540): %s",
  warn = "at most a warning, for RFC 7540 is less strict (--profile rfc7540): %s" }

--- What a row does, in words.
function profile.text(row)
  return TEXT[row.effect]:format(row.reason)
end

--- Cases as the profile has them: a copy of each that it touches.
function profile.cases(cases, rows)
  local list = {}
  for i, case in ipairs(cases) do
    local row = rows[case.req[1]]
    if row then
      local changed = { gentle = true, excused = row.effect == "skip" and profile.text(row) or nil }
      case = setmetatable(changed, { __index = case })
    end
    list[i] = case
  end
  return list
end

--- A result of the profile's: of a case that became gentle, a note says so; what the watchman found is judged anew.
function profile.treat(result, rows)
  local row = result.req and rows[result.req[1]]
  if not row then
    return
  end
  if result.suite == "watch" then
    if row.effect == "skip" then
      result.notes[#result.notes + 1] = "seen: " .. (result.observed or "")
      result.verdict, result.observed, result.transcript = "skip", profile.text(row), nil
    else
      result.verdict = "warn"
    end
  end
  if result.verdict == "warn" then
    result.notes[#result.notes + 1] = profile.text(row)
  end
end

return profile
