-- One case in full: requirement, expected, observed, conversation, and the command that runs it again.
local build = require "h2probe.reports.shared.build"
local focus_of = require "h2probe.reports.shared.focus"
local text = require "h2probe.reports.console.text"

local case = {}

local LABEL <const> = 13
local FRAMES <const> = 8
local ENTRIES <const> = 16
local FRAME_LINES <const> = 6
local VALUE <const> = { short = 1000, full = 65536 }
local LIST <const> = 10
local LOG_LINES <const> = 12

local function shortened(value, page)
  return build.bounded(value, page.verbose and VALUE.full or VALUE.short)
end

local function member(page, label, value, style)
  for i, line in ipairs(text.wrap(page:printable(shortened(value, page)), page.width - LABEL - 2)) do
    local head = ("  %-" .. LABEL .. "s"):format(i == 1 and label or "")
    page:add(page:paint("faint", head) .. (style and page:paint(style, line) or line))
  end
end

-- The conversation ------------------------------------------------------------------------------------

-- What is said beside the conversation: not counted among the last frames.
local function is_aside(entry)
  return entry.kind == "note" or (entry.sent and entry.name == "WINDOW_UPDATE")
end

-- Where the last frames begin.
local function tail_of(entries, frames)
  local first = #entries + 1
  while first > 1 and #entries - first + 1 < ENTRIES do
    frames = frames - (is_aside(entries[first - 1]) and 0 or 1)
    if frames < 0 then
      break
    end
    first = first - 1
  end
  return first
end

-- Positions of the entries that are shown: the last frames, and the one that the verdict is about.
local function chosen(entries, focus, verbose)
  local first = verbose and 1 or tail_of(entries, FRAMES)
  local list = {}
  if focus and focus < first then
    list[1] = focus
    first = math.max(tail_of(entries, FRAMES - 1), focus + 1)
  end
  for i = first, #entries do
    list[#list + 1] = i
  end
  return list
end

local function arrow(entry)
  return entry.kind == "note" and "--" or entry.sent and "->" or "<-"
end

local function detail_lines(page, lines, indent)
  local shown = (page.verbose or #lines <= FRAME_LINES) and #lines or FRAME_LINES - 1
  for i = 1, shown do
    for _, line in ipairs(text.wrap(page:printable(shortened(lines[i], page)), page.width - indent)) do
      page:add((" "):rep(indent) .. page:paint(lines[i]:find "^! " and "fail" or "faint", line))
    end
  end
  if shown < #lines then
    page:add((" "):rep(indent) .. page:paint("faint", ("... %d lines more"):format(#lines - shown)))
  end
end

-- A single detail stands on the line of its frame if there is room.
local function entry_lines(page, entry, is_focus)
  local head = ("  %s%9.3f %s "):format(is_focus and "> " or "  ", entry.time * 1000, arrow(entry))
  local said, lines = page:printable(shortened(entry.text, page)), entry.lines or {}
  local detail = #lines == 1 and page:printable(shortened(lines[1], page)) or ""
  if detail ~= "" and #head + text.width(said) + 2 + text.width(detail) <= page.width then
    page:add(head .. (is_focus and page:paint("strong", said) or said) .. "  "
      .. page:paint(detail:find "^! " and "fail" or "faint", detail))
    return
  end
  for i, line in ipairs(text.wrap(said, page.width - #head)) do
    page:add((i == 1 and head or (" "):rep(#head)) .. (is_focus and page:paint("strong", line) or line))
  end
  detail_lines(page, lines, #head + 2)
end

local function conversation(page, entries, passed)
  local focus = not passed and focus_of(entries) or nil
  local positions = chosen(entries, focus, page.verbose)
  local part = #positions < #entries and ("%d of %d entries, "):format(#positions, #entries) or ""
  page:flow("  ", ("conversation (%stimes in ms)"):format(part), "faint")
  local before = 0
  for _, position in ipairs(positions) do
    if position > before + 1 then
      page:add("    " .. page:paint("faint", ("%13s"):format "..."))
    end
    entry_lines(page, entries[position], position == focus)
    before = position
  end
end

-- The case --------------------------------------------------------------------------------------------

local function requirement(page, result)
  local ids = result.req and table.concat(result.req, ", ") or ""
  if ids == "" then
    return
  end
  local level = result.level and (" (%s)"):format(result.level) or ""
  member(page, "requirement", ("%s%s%s"):format(ids, level, result.statement and ": " .. result.statement or ""))
end

local function notes(page, result)
  local list = result.notes or {}
  local shown = (page.verbose or #list <= LIST) and #list or LIST - 1
  for i = 1, shown do
    member(page, "note", list[i])
  end
  if shown < #list then
    member(page, "", ("... and %d notes more (--verbose)"):format(#list - shown))
  end
end

-- What the server wrote of its end; of many lines the first, where a report says what it is about.
local function log(page, result)
  local count, left = 0, 0
  for line in result.log:gmatch "[^\r\n]+" do
    count = count + 1
    if not page.verbose and count > LOG_LINES then
      left = left + 1
    else
      member(page, count == 1 and "server's log" or "", line)
    end
  end
  if left > 0 then
    member(page, "", ("... and %d lines more (--verbose)"):format(left))
  end
end

-- A line for the shell: broken where a shell takes it, and nowhere else.
local function again(page, result)
  for i, line in ipairs(text.wrap_command(page:printable(result.command), page.width - LABEL - 2)) do
    page:add(page:paint("faint", ("  %-" .. LABEL .. "s"):format(i == 1 and "again" or "")) .. line)
  end
end

local WORDS <const> = { pass = "PASS", warn = "WARN", fail = "FAIL", skip = "SKIP", inconclusive = "INCONCLUSIVE",
  error = "ERROR" }

local function header(page, result, modes)
  local word = WORDS[result.verdict]
  local name = page:printable(("%s (%s)"):format(result.id, table.concat(modes, ", ")))
  for i, line in ipairs(text.wrap(name, page.width - #word - 1)) do
    page:add((i == 1 and page:paint(result.verdict, word) or (" "):rep(#word)) .. " " .. page:paint("strong", line))
  end
end

--- Writes a case to the page; `modes` are those in which it came out like this.
function case.show(page, result, modes)
  header(page, result, modes)
  if result.title and result.title ~= result.statement then
    for _, line in ipairs(text.wrap(page:printable(shortened(result.title, page)), page.width - 2)) do
      page:add("  " .. line)
    end
  end
  requirement(page, result)
  if result.row then member(page, "row", result.row) end
  if result.expected and result.expected ~= result.statement then member(page, "expected", result.expected) end
  if result.observed then member(page, "observed", result.observed, result.verdict) end
  notes(page, result)
  if result.log then log(page, result) end
  if result.transcript and #result.transcript > 0 then
    conversation(page, result.transcript, result.verdict == "pass")
  end
  if result.location then member(page, "where", result.location) end
  if result.command then again(page, result) end
  page:add ""
end

return case
