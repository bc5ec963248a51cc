-- The two forms of an expectations file, plain lines and a Lua table, to entries; every mistake with file and line.
local data_file = require "h2probe.data_file"
local selection = require "h2probe.selection"

local expectations_file = {}

local MODES <const> = { alpn = true, upgrade = true, prior = true }
local VERDICTS <const> = { pass = true, warn = true, fail = true, skip = true, inconclusive = true, error = true }
local ORDER <const> = { modes = { "alpn", "upgrade", "prior" },
  verdicts = { "pass", "warn", "fail", "error", "inconclusive", "skip" } }
local MAX_MISTAKES <const> = 20
local GRAMMAR <const> = "a line is: id [mode] verdict [\"text\"] # reason"

-- Words ---------------------------------------------------------------------------------------------------

-- "fail,error" to a set, or nil and the part that is none of them.
local function set_of(word, known)
  local set = {}
  for part in (word .. ","):gmatch "([^,]*)," do
    if not known[part] then
      return nil, part
    end
    set[part] = true
  end
  return set
end

local function names(set)
  local list = {}
  for name in pairs(set) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

local function unknown_word(word)
  local candidates = names(VERDICTS)
  table.move(names(MODES), 1, 3, #candidates + 1, candidates)
  local near = selection.nearest(word, candidates)
  return ("%s is neither a mode nor a verdict%s"):format(data_file.shown(word),
    near and (" (did you mean '%s'?)"):format(near) or "; verdicts are fail, error, warn, inconclusive, skip")
end

-- Checks what is alike in both forms of the file.
local function checked(entry)
  if not entry.reason or not entry.reason:find "%S" then
    return nil, "the reason is missing: say why, after #"
  elseif entry.id:find "^watch/" and entry.modes then
    return nil, "a finding of the watchman (watch/...) is reported once, whatever the mode: leave the mode out"
  elseif next(entry.verdicts) == "pass" and next(entry.verdicts, "pass") == nil then
    return nil, "'pass' alone expects nothing: name what it does beside it (pass,fail)"
  end
  return entry
end

-- Plain lines -----------------------------------------------------------------------------------------------

-- The quoted text at the start of `rest`, and what is behind it.
local function quoted_text(rest)
  local at, out = 2, {}
  while at <= #rest do
    local octet = rest:sub(at, at)
    if octet == '"' then
      return table.concat(out), rest:sub(at + 1)
    elseif octet == "\\" then
      at = at + 1
      octet = rest:sub(at, at)
    end
    out[#out + 1] = octet
    at = at + 1
  end
  return nil
end

-- One word after the id: a mode or a verdict.
local function take_word(entry, word)
  local verdicts = set_of(word, VERDICTS)
  if verdicts and entry.verdicts then
    return nil, ("a second verdict '%s': join them with a comma"):format(word)
  end
  local modes = not verdicts and set_of(word, MODES)
  if not verdicts and not modes then
    local _, part = set_of(word, VERDICTS)
    return nil, unknown_word(part)
  elseif modes and (entry.modes or entry.verdicts) then
    return nil, ("the mode '%s' is not where it belongs: %s"):format(word, GRAMMAR)
  end
  entry.verdicts, entry.modes = verdicts or entry.verdicts, modes or entry.modes
  return true
end

local function take_text(entry, rest)
  local text, behind = quoted_text(rest)
  if not text then
    return nil, "the text in quotes has no end"
  elseif entry.text or not entry.verdicts then
    return nil, "the text in quotes is not where it belongs: " .. GRAMMAR
  end
  entry.text = text ~= "" and text or nil
  return behind
end

-- An entry, nil for a line without one, or nil and what is wrong.
local function entry_of_line(line)
  local id, rest = line:match "^%s*([^%s#]+)(.*)$"
  if not id then
    return nil
  end
  local entry = { id = id }
  while rest:find "%S" do
    rest = rest:gsub("^%s+", "")
    local good, message
    if rest:find "^#" then
      entry.reason, rest = rest:match "^#+%s*(.-)%s*$", ""
    elseif rest:find '^"' then
      rest, message = take_text(entry, rest)
    else
      local word = rest:match '^[^%s#"]+'
      good, message = take_word(entry, word)
      rest = good and rest:sub(#word + 1) or nil
    end
    if not rest then
      return nil, message
    end
  end
  if not entry.verdicts then
    return nil, "the verdict is missing: " .. GRAMMAR
  end
  return checked(entry)
end

local function lines_of(text)
  local lines = {}
  for line in (text:gsub("^\239\187\191", "") .. "\n"):gmatch "([^\n]*)\n" do
    lines[#lines + 1] = line
  end
  if lines[#lines] == "" then
    lines[#lines] = nil
  end
  return lines
end

local function of_lines(text)
  local entries, mistakes, lines = {}, {}, lines_of(text)
  for number, line in ipairs(lines) do
    local entry, message = entry_of_line(line)
    if entry then
      entry.line = number
      entries[#entries + 1] = entry
    elseif message then
      mistakes[#mistakes + 1] = { number, message }
    end
  end
  return entries, mistakes, lines
end

-- A Lua table -----------------------------------------------------------------------------------------------

local KEYS <const> = { id = true, mode = true, verdict = true, text = true, reason = true }

-- A word or a list of words to a set.
local function member_set(given, name, known)
  local list = type(given) == "table" and given or { given }
  local set = {}
  for key, word in pairs(list) do
    local parts = math.type(key) == "integer" and type(word) == "string" and set_of(word, known)
    if not parts then
      return nil, ("%s: %s is none of %s"):format(name, data_file.shown(word), table.concat(names(known), ", "))
    end
    for part in pairs(parts) do
      set[part] = true
    end
  end
  if not next(set) then
    return nil, ("%s is missing"):format(name)
  end
  return set
end

local function wrong_key(given)
  for key, value in pairs(given) do
    if key ~= 1 and not KEYS[key] then
      local near = type(key) == "string" and selection.nearest(key, names(KEYS))
      return ("unknown key %s%s"):format(data_file.shown(key), near and (" (did you mean '%s'?)"):format(near) or "")
    elseif key ~= "mode" and key ~= "verdict" and type(value) ~= "string" then
      return ("%s is no string: %s"):format(key == 1 and "id" or key, data_file.shown(value))
    end
  end
end

local function entry_of_table(given)
  if type(given) ~= "table" then
    return nil, "it is no table: an entry is { \"id\", verdict = \"fail\", reason = \"...\" }"
  end
  local wrong = wrong_key(given)
  if wrong then
    return nil, wrong
  end
  local entry = { id = given.id or given[1], text = given.text ~= "" and given.text or nil, reason = given.reason }
  if not entry.id or entry.id == "" then
    return nil, "the id is missing"
  end
  local message
  entry.verdicts, message = member_set(given.verdict, "verdict", VERDICTS)
  if entry.verdicts and given.mode ~= nil then
    entry.modes, message = member_set(given.mode, "mode", MODES)
  end
  if message then
    return nil, message
  end
  return checked(entry)
end

local function of_table(path, text)
  local loaded, message = data_file.load(path, text)
  if not loaded then
    return nil, message
  elseif type(loaded.returned) ~= "table" then
    return nil, path .. ": it returns no table: return { { \"id\", verdict = \"fail\", reason = \"...\" }, ... }"
  end
  local opened = loaded.positions.tables[2] or {}
  local entries, mistakes = {}, {}
  for number, given in ipairs(loaded.returned) do
    -- Where the tables are not written out one by one, their lines are not known.
    local line = #opened == #loaded.returned and opened[number] or 1
    local entry, wrong = entry_of_table(given)
    if entry then
      entry.line = line
      entries[#entries + 1] = entry
    else
      mistakes[#mistakes + 1] = { line, ("entry %d: %s"):format(number, wrong) }
    end
  end
  for key in pairs(loaded.returned) do
    if math.type(key) ~= "integer" or key < 1 or key > #loaded.returned then
      mistakes[#mistakes + 1] = { (loaded.positions.keys[1] or {})[key] or 1,
        ("the key %s is none: entries stand in a list"):format(data_file.shown(key)) }
    end
  end
  return entries, mistakes
end

-- Loading -----------------------------------------------------------------------------------------------------

local function overlap(a, b)
  if not a.modes or not b.modes then
    return true
  end
  for mode in pairs(a.modes) do
    if b.modes[mode] then
      return true
    end
  end
  return false
end

-- Two entries about the same thing: one of them would never be looked at.
local function twins(entries, mistakes)
  local by_id = {}
  for _, entry in ipairs(entries) do
    for _, other in ipairs(by_id[entry.id] or {}) do
      if overlap(entry, other) and (entry.text == other.text) then
        mistakes[#mistakes + 1] = { entry.line, ("line %d is about %s too"):format(other.line, entry.id) }
        break
      end
    end
    by_id[entry.id] = by_id[entry.id] or {}
    table.insert(by_id[entry.id], entry)
  end
  return by_id
end

local function told(path, mistakes)
  table.sort(mistakes, function(a, b) return a[1] < b[1] end)
  local list = {}
  for i, mistake in ipairs(mistakes) do
    list[i] = i <= MAX_MISTAKES and ("%s:%d: %s"):format(path, mistake[1], mistake[2]) or nil
  end
  return list
end

--- The entries of a text: { entries, by_id, lines (of the plain form) }, or nil and a list of lines. `path` says which form
-- it has: *.lua is a table.
function expectations_file.parse(path, text)
  local entries, mistakes, lines
  if path:find "%.lua$" then
    entries, mistakes = of_table(path, text)
  else
    entries, mistakes, lines = of_lines(text)
  end
  if not entries then
    return nil, { mistakes }
  end
  local by_id = twins(entries, mistakes)
  if #mistakes > 0 then
    return nil, told(path, mistakes)
  end
  return { entries = entries, by_id = by_id, lines = lines }
end

--- A line of the plain form; `width` is that of the column of ids.
function expectations_file.line(entry, width)
  local words = { entry.id .. (" "):rep((width or 0) - #entry.id) }
  if entry.modes then
    words[#words + 1] = expectations_file.joined(entry.modes, ORDER.modes)
  end
  words[#words + 1] = expectations_file.joined(entry.verdicts, ORDER.verdicts)
  if entry.text then
    words[#words + 1] = '"' .. entry.text:gsub('[\\"]', "\\%0") .. '"'
  end
  return table.concat(words, "  ") .. "  # " .. entry.reason
end

--- The members of a set, in order, with commas between them.
function expectations_file.joined(set, order)
  local list = {}
  for _, name in ipairs(order) do
    list[#list + 1] = set[name] and name or nil
  end
  return table.concat(list, ",")
end

expectations_file.ORDER = ORDER

return expectations_file
