-- The report for people: progress while the run goes on, then the result by mode and suite, each case that did not
-- pass in full, and a summary. Nothing of the peer's reaches the screen unescaped.
local build = require "h2probe.reports.shared.build"
local case = require "h2probe.reports.console.case"
local gating = require "h2probe.reports.console.gating"
local progress = require "h2probe.reports.console.progress"
local text = require "h2probe.reports.console.text"

local console = { extension = "txt", begin = progress.begin, progress = progress.event }

-- What is counted: verdicts, and known failures apart.
local VERDICTS <const> = { "pass", "warn", "fail", "error", "inconclusive", "expected", "skip" }
local WORDS <const> = { pass = { "passed", "passed" }, warn = { "warning", "warnings" }, fail = { "failed", "failed" },
  error = { "error", "errors" }, inconclusive = { "inconclusive", "inconclusive" }, skip = { "skipped", "skipped" },
  expected = { "expected", "expected" } }
local MARKS <const> = { [true] = { pass = "✓", warn = "!", fail = "✗", error = "✗", inconclusive = "?", skip = "-",
  expected = "~" },
  [false] = { pass = "ok", warn = "warn", fail = "FAIL", error = "FAIL", inconclusive = "?", skip = "-", expected = "~" } }
local IN_FULL <const> = { warn = true, fail = true, error = true, inconclusive = true }
local LEVELS <const> = { { "MUST", "MUST" }, { "MUST NOT", "MUST" }, { "SHOULD", "SHOULD" }, { "SHOULD NOT", "SHOULD" },
  { "MAY", "MAY" } }
local GROUPS <const> = 20
local NARROWEST <const> = 40

-- The page ----------------------------------------------------------------------------------------------

local Page = {}
Page.__index = Page

local function new_page(options)
  local unicode = options.unicode
  if unicode == nil then
    unicode = text.unicode(os.getenv)
  end
  return setmetatable({ width = math.max(options.width or 80, NARROWEST), color = options.color, unicode = unicode,
    verbose = options.verbose, quiet = options.quiet, strict = options.strict, lines = {} }, Page)
end

function Page:add(line)
  self.lines[#self.lines + 1] = line
end

function Page:add_all(lines)
  for _, line in ipairs(lines) do
    self:add(line)
  end
end

function Page:paint(style, line)
  return text.paint(style, line, self.color)
end

function Page:printable(value)
  return text.printable(value, self.unicode)
end

--- Prose after a head of fixed width, wrapped.
function Page:flow(head, value, style)
  for i, line in ipairs(text.wrap(self:printable(value), self.width - text.width(head))) do
    self:add((i == 1 and head or (" "):rep(text.width(head))) .. (style and self:paint(style, line) or line))
  end
end

function Page:heading(value)
  self:add(self:paint("strong", value))
end

-- Counting ----------------------------------------------------------------------------------------------

local function tally()
  return { total = 0, expected = 0, pass = 0, warn = 0, fail = 0, skip = 0, inconclusive = 0, error = 0 }
end

local function add_to(counts, result)
  local verdict = gating.counted(result)
  counts.total = counts.total + 1
  counts[verdict] = counts[verdict] + 1
end

local function number(n, word)
  return ("%d %s"):format(n, word[n == 1 and 1 or 2])
end

-- "12 passed, 1 failed": what is not zero, after a head, wrapped.
function Page:counts(head, counts)
  local lines, indent = {}, text.width(head)
  local line, used = nil, indent
  for _, verdict in ipairs(VERDICTS) do
    if counts[verdict] > 0 then
      local part = number(counts[verdict], WORDS[verdict])
      if line and used + #part + 3 > self.width then
        lines[#lines + 1] = line .. ","
        line, used = (" "):rep(indent), indent
      elseif line then
        line, used = line .. ", ", used + 2
      end
      line = (line or head) .. self:paint(verdict, part)
      used = used + #part
    end
  end
  lines[#lines + 1] = line or head .. "none"
  return lines
end

local function worst(counts)
  for _, verdict in ipairs { "error", "fail", "warn", "inconclusive", "pass", "expected" } do
    if counts[verdict] > 0 then
      return verdict
    end
  end
  return "skip"
end

--- Things in the order of their first appearance: list, and item(key, make) that finds or makes one.
local function collection()
  local list, by_key = {}, {}
  return list, function(key, make)
    if not by_key[key] then
      by_key[key] = make()
      list[#list + 1] = by_key[key]
    end
    return by_key[key]
  end
end

local function add_mode(modes, mode)
  if modes[#modes] ~= mode then
    modes[#modes + 1] = mode
  end
end

-- Head and overview -------------------------------------------------------------------------------------

local function top(page, results)
  local started = results.started:gsub("T", " "):gsub("Z$", " UTC")
  page:add(page:paint("strong", page:printable(results.tool.name .. " " .. results.tool.version)))
  page:flow("  target   ", results.target)
  page:flow("  started  ", started)
  for i, mode in ipairs(results.modes or {}) do
    local offered = mode.offered and "offered" or "not offered" .. (mode.reason and ": " .. mode.reason or "")
    page:flow(i == 1 and "  modes    " or "           ", ("%-8s %s"):format(mode.mode, offered))
  end
  gating.head(page, results)
  page:add ""
end

-- Modes with their suites with their counts.
local function overview_of(results)
  local modes, mode_of = collection()
  for _, result in ipairs(results) do
    local mode = mode_of(result.mode, function()
      local list, item = collection()
      return { name = result.mode, suites = list, item = item }
    end)
    local suite = mode.item(result.suite, function() return { name = result.suite, counts = tally() } end)
    add_to(suite.counts, result)
  end
  return modes
end

local function column(modes, page)
  local widest = 0
  for _, mode in ipairs(modes) do
    for _, suite in ipairs(mode.suites) do
      suite.shown = page:printable(suite.name)
      widest = math.max(widest, text.width(suite.shown))
    end
  end
  return math.min(widest, page.width // 2)
end

local function suite_line(page, suite, columns)
  local verdict = worst(suite.counts)
  local mark = MARKS[page.unicode][verdict]
  local gap = (page.unicode and 2 or 5) - text.width(mark)
  local shown = text.width(suite.shown) > columns and text.cut(suite.shown, columns) or suite.shown
  local head = ("  %s%s%s%s  "):format(mark, (" "):rep(gap), shown, (" "):rep(columns - text.width(shown)))
  local lines = page:counts(head, suite.counts)
  lines[1] = "  " .. page:paint(verdict, mark) .. lines[1]:sub(3 + #mark)
  page:add_all(lines)
end

local function overview(page, results)
  local modes = overview_of(results)
  local columns = column(modes, page)
  for _, mode in ipairs(modes) do
    page:heading(page:printable(mode.name))
    for _, suite in ipairs(mode.suites) do
      suite_line(page, suite, columns)
    end
    page:add ""
  end
end

-- Cases in full -----------------------------------------------------------------------------------------

local function same(result)
  return table.concat({ result.id, result.verdict, tostring(result.row), tostring(result.expected),
    tostring(result.observed) }, "\0")
end

local was_run = build.was_run

-- With --quiet only what fails the build.
local function in_full(page, result)
  if page.quiet then
    local verdict = build.judged(result, page.strict)
    return verdict == "fail" or verdict == "error"
  end
  return IN_FULL[gating.counted(result)]
end

-- What came out alike in several modes is shown once, with the conversation of the first; --verbose shows all.
local function blocks_of(page, results)
  local verbose = page.verbose
  local blocks, block_of = collection()
  for i, result in ipairs(results) do
    if in_full(page, result) and was_run(result) or (verbose and result.transcript and #result.transcript > 0) then
      local block = block_of(verbose and i or same(result), function() return { result = result, modes = {} } end)
      add_mode(block.modes, result.mode)
    end
  end
  return blocks
end

local function cases(page, results)
  local watching = false
  for _, block in ipairs(blocks_of(page, results)) do
    if block.result.suite == "watch" and not watching then
      watching = true
      page:flow("", "watch: what the peer did wrong in the traffic of all cases, each requirement once", "strong")
      page:add ""
    end
    case.show(page, block.result, block.modes)
  end
end

-- Reasons with the number of cases, in the order of their first appearance.
local function grouped(page, title, list)
  if #list == 0 then
    return
  end
  local groups, group_of = collection()
  for _, reason in ipairs(list) do
    local group = group_of(reason, function() return { reason = reason, count = 0 } end)
    group.count = group.count + 1
  end
  page:heading(title)
  local shown = (page.verbose or #groups <= GROUPS) and #groups or GROUPS - 1
  for i = 1, shown do
    page:flow(("  %5d  "):format(groups[i].count), groups[i].reason)
  end
  if shown < #groups then
    page:flow((" "):rep(9), ("... and %d reasons more (--verbose)"):format(#groups - shown))
  end
  page:add ""
end

local function reasons_of(page, results)
  local reasons, notes, unrun = {}, {}, {}
  for _, result in ipairs(results) do
    if not was_run(result) then
      unrun[#unrun + 1] = ("%s: %s"):format(result.mode, result.observed:match "^not run: (.*)$")
    elseif gating.counted(result) == "skip" then
      reasons[#reasons + 1] = ("%s: %s"):format(result.mode, result.observed or "no reason given")
    elseif result.verdict == "pass" then
      for _, note in ipairs(result.notes or {}) do
        notes[#notes + 1] = ("%s: %s"):format(result.mode, note)
      end
    end
  end
  grouped(page, "passed with a note", notes)
  grouped(page, "skipped", reasons)
  grouped(page, "not run", unrun)
end

-- Verdicts of several rounds that are not the same in all; nil is one round.
local function flakes(page, list, rounds)
  if not list then
    return
  end
  page:heading((#list > 0 and "verdicts that changed in %s rounds" or "no verdict changed in %s rounds"):format(rounds or "several"))
  for _, flake in ipairs(list) do
    page:flow("  ", ("%s (%s): %s%s"):format(flake.id, flake.mode, build.counts(flake.verdicts),
      flake.expected_failure and "; expected: " .. flake.expected_failure.reason or ""))
  end
  page:add ""
end

-- Summary -----------------------------------------------------------------------------------------------

local function by_level(results)
  local list, item = collection()
  for _, row in ipairs(LEVELS) do
    item(row[2], function() return { name = row[2], counts = tally() } end)
  end
  local group = {}
  for _, row in ipairs(LEVELS) do group[row[1]] = row[2] end
  for _, result in ipairs(results) do
    local name = group[result.level] or "other"
    add_to(item(name, function() return { name = name, counts = tally() } end).counts, result)
  end
  return list
end

local function accused(page, results)
  local list, item = collection()
  for _, result in ipairs(results) do
    local verdict = gating.counted(result)
    if (verdict == "fail" or verdict == "error") and was_run(result) then
      local entry = item(result.verdict .. result.id, function()
        return { verdict = result.verdict, id = result.id, modes = {} }
      end)
      add_mode(entry.modes, result.mode)
    end
  end
  for i, entry in ipairs(list) do
    if i > GROUPS and not page.verbose then
      page:flow("        ", ("... and %d more"):format(#list - GROUPS))
      return
    end
    page:flow(("  %-6s"):format(entry.verdict), ("%s (%s)"):format(entry.id, table.concat(entry.modes, ", ")),
      entry.verdict)
  end
end

local function not_run(results)
  local count = 0
  for _, result in ipairs(results) do
    count = count + (was_run(result) and 0 or 1)
  end
  return count
end

local function failed_text(summary, flaky, unmet)
  local parts = {}
  if summary.fail > 0 then parts[#parts + 1] = number(summary.fail, { "failure", "failures" }) end
  if summary.error > 0 then parts[#parts + 1] = number(summary.error, { "error", "errors" }) end
  if flaky > 0 then
    parts[#parts + 1] = number(flaky, { "verdict that changed between rounds", "verdicts that changed between rounds" })
  end
  parts[#parts + 1] = unmet
  return table.concat(parts, ", ")
end

-- The run did not come to its end.
local function stopped_text(results)
  local count = number(not_run(results.results), { "case", "cases" })
  if results.interrupted == "deadline" then
    return ("The deadline of the whole run came, %s not run"):format(count)
  end
  return ("Interrupted by %s, %s not run"):format(results.interrupted, count)
end

--- What the exit status says (section 7 of the design), in words: style, sentence, status.
function console.conclusion(results, strict)
  local summary, flaky, unmet = results.summary, gating.flaky(results), gating.failed_text(results)
  if results.died and not gating.known_death(results) then
    return "error", ("The target died: %s"):format(results.died), 4
  end
  if results.interrupted then
    return "error", stopped_text(results), 1
  end
  if summary.fail + summary.error + flaky > 0 or unmet then
    return "fail", "Not passed: " .. failed_text(summary, flaky, unmet), 1
  end
  local warnings = summary.warn > 0 and number(summary.warn, WORDS.warn)
  if strict and warnings then
    return "fail", ("Not passed: %s under --strict"):format(warnings), 1
  end
  if gating.nothing_to_run(results) then
    return "pass", ("Nothing was to run: %s"):format(gating.nothing_to_run(results)), 0
  end
  if summary.pass + summary.warn == 0 and not gating.proved(results) then
    return "error", summary.total == 0 and "Nothing was run"
      or "Nothing was proved: every case was skipped or inconclusive", 5
  end
  local known = (summary.expected_failures or 0) > 0 and number(summary.expected_failures,
    { "expected failure", "expected failures" })
  local with = warnings and known and warnings .. " and " .. known or warnings or known
  return warnings and "warn" or "pass", "Passed" .. (with and " with " .. with or ""), 0
end

local function count_line(page, name, counts)
  page:add_all(page:counts(("  %-8s%5d  "):format(name, counts.total), counts))
end

-- The last line; `lost`: formats of reports that are not there.
local function last_line(page, results, lost)
  local style, sentence, status = console.conclusion(results, page.strict)
  if lost then
    style, status = "error", 6
    sentence = ("%s; could not be written: %s"):format(sentence, table.concat(lost, ", "))
  end
  page:flow("", page:printable(("%s (exit status %d)."):format(sentence, status)), style)
end

local function summary(page, results)
  page:heading "summary"
  accused(page, results.results)
  for _, level in ipairs(by_level(results.results)) do
    if level.counts.total > 0 then
      count_line(page, level.name, level.counts)
    end
  end
  local all = tally()
  for _, result in ipairs(results.results) do
    add_to(all, result)
  end
  count_line(page, "all", all)
  page:add(("  %-8s%.2f s"):format("time", results.seconds < math.huge and results.seconds or 0))
  page:add ""
end

--- The whole report. Options: width (80), color, verbose, quiet, strict, tty (a status line is on the screen), unicode
-- (nil: what the locale says), lost (formats of reports that could not be written).
function console.write(results, options)
  options = options or {}
  local page = new_page(options)
  if options.quiet then
    cases(page, results.results)
    flakes(page, results.flakes and #results.flakes > 0 and results.flakes or nil, options.rounds)
    gating.problems(page, results)
  else
    top(page, results)
    overview(page, results.results)
    cases(page, results.results)
    reasons_of(page, results.results)
    gating.known(page, results)
    flakes(page, results.flakes, options.rounds)
    gating.problems(page, results)
    summary(page, results)
  end
  last_line(page, results, options.lost)
  return progress.clear(options) .. table.concat(page.lines, "\n") .. "\n"
end

--- One case alone, in full. Options: width, verbose, unicode.
function console.case(result, options)
  local page = new_page(options)
  case.show(page, result, { result.mode })
  return table.concat(page.lines, "\n")
end

return console
