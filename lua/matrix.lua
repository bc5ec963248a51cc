-- What many targets came to, side by side: one character for each verdict, shown as text, CSV, JSON or Markdown.
local dkjson = require "dkjson"
local outfile = require "h2probe.outfile"
local results = require "h2probe.results"
local text = require "h2probe.reports.console.text"

local matrix = {}

local EXIT = results.EXIT
local WORDS <const> = { [EXIT.ok] = "ok", [EXIT.failed] = "failed", [EXIT.usage] = "not run", [EXIT.unreachable] = "no HTTP/2",
  [EXIT.died] = "died", [EXIT.nothing] = "nothing", [EXIT.internal] = "incomplete" }

-- Verdicts as they are counted, and the character of each.
local COLUMNS <const> = { { "pass", ".", "passed", "pass" }, { "warn", "w", "warned", "warn" },
  { "fail", "F", "failed", "fail" }, { "error", "E", "in error", "error" },
  { "expected", "x", "expected failures", "known" }, { "inconclusive", "?", "inconclusive", "incl." },
  { "skip", "-", "skipped", "skip" } }
local NAME_OF, CODE_OF = {}, {}
for _, column in ipairs(COLUMNS) do
  NAME_OF[column[2]], CODE_OF[column[1]] = column[1], column[2]
end
local BAD <const> = { fail = true, error = true, inconclusive = true, warn = true }
local DIFFERENT <const>, NAMED <const> = 40, 4 -- lines of cases, and targets named in a line

local Matrix = {}
Matrix.__index = Matrix

--- An empty one.
function matrix.new()
  return setmetatable({ keys = {}, index = {} }, Matrix)
end

local function verdict_of(result)
  return result.expected_failure and "expected" or result.verdict
end

function Matrix:key(result)
  local name = ("%s (%s)"):format(result.id, result.mode)
  if not self.index[name] then
    self.keys[#self.keys + 1] = name
    self.index[name] = #self.keys
  end
  return self.index[name]
end

--- Takes the results of a target; nothing of them is kept but this.
function Matrix:add(target, all)
  local codes, counts = {}, {}
  for _, result in ipairs(all.results) do
    local verdict = verdict_of(result)
    codes[self:key(result)] = CODE_OF[verdict]
    counts[verdict] = (counts[verdict] or 0) + 1
  end
  for i = 1, #self.keys do
    codes[i] = codes[i] or " "
  end
  target.codes, target.counts = table.concat(codes), counts
end

-- What a target has for a case: a verdict, or nil where the case did not run there.
local function at(target, index)
  return target.codes and NAME_OF[target.codes:sub(index, index)]
end

-- Text -----------------------------------------------------------------------------------------------------------

local function counts_text(counts)
  local parts = {}
  for _, column in ipairs(COLUMNS) do
    if counts[column[1]] then
      parts[#parts + 1] = ("%d %s"):format(counts[column[1]], column[3])
    end
  end
  return table.concat(parts, ", ")
end

local function status_of(target)
  return WORDS[target.status] or "not run"
end

-- What a target says of itself: its counts, or why there are none.
local function story(target)
  return target.counts and counts_text(target.counts) or target.said and target.said[1] or "not run"
end

--- One line when a target is through, and what was said about it besides.
function Matrix:line(target, done, total)
  local lines = { ("%" .. #tostring(total) .. "d/%d  %-10s  %s  %s  %.1f s"):format(done, total, status_of(target),
    text.printable(target.label), text.printable(story(target)), target.seconds) }
  for i = target.counts and 1 or 2, #(target.said or {}) do
    lines[#lines + 1] = "    " .. text.printable(target.said[i])
  end
  return table.concat(lines, "\n") .. "\n"
end

-- Cases whose verdicts differ or that are bad somewhere, the most failures first: { name, bad = { target, ... }, ran = }.
function Matrix:rows(targets)
  local rows = {}
  for index, name in ipairs(self.keys) do
    local row = { name = name, index = index, bad = {}, ran = 0, weight = 0 }
    for _, target in ipairs(targets) do
      local verdict = at(target, index)
      row.ran = row.ran + (verdict and 1 or 0)
      if BAD[verdict] then
        row.bad[#row.bad + 1] = target
        row.weight = row.weight + ((verdict == "fail" or verdict == "error") and 1000 or 1)
      end
    end
    rows[#rows + 1] = #row.bad > 0 and row or nil
  end
  table.sort(rows, function(a, b)
    if a.weight ~= b.weight then
      return a.weight > b.weight
    end
    return a.index < b.index
  end)
  return rows
end

local function who(row)
  local names = {}
  for i = 1, math.min(NAMED, #row.bad) do
    names[i] = ("%s (%s)"):format(text.printable(row.bad[i].label), at(row.bad[i], row.index))
  end
  return table.concat(names, ", ") .. (#row.bad > NAMED and (" and %d more"):format(#row.bad - NAMED) or "")
end

local function table_lines(targets)
  local widest = #"target"
  for _, target in ipairs(targets) do
    widest = math.max(widest, text.width(text.printable(target.label)))
  end
  local head = { "target" .. (" "):rep(widest - 6), ("%-10s"):format "result" }
  for _, column in ipairs(COLUMNS) do
    head[#head + 1] = ("%5s"):format(column[4])
  end
  local lines = { table.concat(head, "  ") }
  for _, target in ipairs(targets) do
    local label = text.printable(target.label)
    local cells = { label .. (" "):rep(widest - text.width(label)), ("%-10s"):format(status_of(target)) }
    for _, column in ipairs(COLUMNS) do
      cells[#cells + 1] = ("%5s"):format(target.counts and (target.counts[column[1]] or 0) or "")
    end
    lines[#lines + 1] = table.concat(cells, "  ")
  end
  return lines
end

--- The end of a run over many targets.
function Matrix:text(targets, stopped, status)
  local lines = { "" }
  table.move(table_lines(targets), 1, #targets + 1, 2, lines)
  local rows = self:rows(targets)
  if #rows > 0 then
    lines[#lines + 1] = ""
    lines[#lines + 1] = "cases that did not pass everywhere, the most failures first"
    for i = 1, math.min(DIFFERENT, #rows) do
      lines[#lines + 1] = ("  %d of %d  %s: %s"):format(#rows[i].bad, rows[i].ran, rows[i].name, who(rows[i]))
    end
    if #rows > DIFFERENT then
      lines[#lines + 1] = ("  and %d more (--summary FILE has all)"):format(#rows - DIFFERENT)
    end
  end
  local good = 0
  for _, target in ipairs(targets) do
    good = good + (target.status == EXIT.ok and 1 or 0)
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = ("%s%d of %d targets are ok (exit status %d)."):format(
    stopped and ("Ended early (%s): "):format(stopped) or "", good, #targets, status)
  return table.concat(lines, "\n") .. "\n"
end

-- Files ----------------------------------------------------------------------------------------------------------

local writers = {}

local function quoted(value)
  value = tostring(value)
  return value:find '[",\r\n]' and '"' .. value:gsub('"', '""') .. '"' or value
end

--- A line for each case, a column for each target.
function writers.csv(self, targets)
  local lines, head = {}, { "case" }
  for i, target in ipairs(targets) do
    head[i + 1] = quoted(target.label)
  end
  lines[1] = table.concat(head, ",")
  for index, name in ipairs(self.keys) do
    local cells = { quoted(name) }
    for i, target in ipairs(targets) do
      cells[i + 1] = at(target, index) or ""
    end
    lines[#lines + 1] = table.concat(cells, ",")
  end
  return table.concat(lines, "\n") .. "\n"
end

function writers.json(self, targets)
  local list, cases = {}, {}
  for i, target in ipairs(targets) do
    list[i] = { label = target.label, url = target.url, status = target.status, result = status_of(target),
      seconds = target.seconds, counts = target.counts, said = target.said and #target.said > 0 and target.said or nil }
  end
  for index, name in ipairs(self.keys) do
    local verdicts = {}
    for i, target in ipairs(targets) do
      verdicts[i] = at(target, index) or dkjson.null
    end
    cases[index] = { case = name, verdicts = verdicts }
  end
  return dkjson.encode({ schema = 1, targets = setmetatable(list, { __jsontype = "array" }),
    cases = setmetatable(cases, { __jsontype = "array" }) }, { indent = true,
    keyorder = { "schema", "targets", "label", "url", "status", "result", "seconds", "counts", "said", "cases", "case" } }) .. "\n"
end

local function cell(value)
  return (text.printable(tostring(value), true):gsub("[\\`*_<>|]", "\\%0"))
end

function writers.md(self, targets)
  local lines = { "| target | result |", "|---|---|" }
  for _, column in ipairs(COLUMNS) do
    lines[1], lines[2] = lines[1] .. (" %s |"):format(column[3]), lines[2] .. "---:|"
  end
  for _, target in ipairs(targets) do
    local cells = { cell(target.label), target.counts and status_of(target) or cell(status_of(target) .. ": " .. story(target)) }
    for _, column in ipairs(COLUMNS) do
      cells[#cells + 1] = target.counts and (target.counts[column[1]] or 0) or ""
    end
    lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |"
  end
  table.move({ "", "| case | not passed | where |", "|---|---:|---|" }, 1, 3, #lines + 1, lines)
  for _, row in ipairs(self:rows(targets)) do
    lines[#lines + 1] = ("| `%s` | %d of %d | %s |"):format(row.name, #row.bad, row.ran, cell(who(row)))
  end
  return table.concat(lines, "\n") .. "\n"
end

local function writer_of(path)
  return writers[path:match "%.(%w+)$" or ""]
end

--- Why no summary can be written there, or nil.
function matrix.unknown(path)
  if not writer_of(path) then
    return ("--summary: '%s' ends in none of .csv, .json, .md"):format(path)
  end
end

--- Writes it: true, or nil and one line.
function Matrix:write(path, targets)
  return outfile.write(path, writer_of(path)(self, targets))
end

return matrix
