-- Markdown as GitHub, GitLab and others show it: result, counts by level and suite, then what did not pass.
--
-- What comes from a peer stands in code only, where nothing is a link, a mention or markup.
local build = require "h2probe.reports.shared.build"
local console = require "h2probe.reports.console"
local text = require "h2probe.reports.console.text"

local markdown = { extension = "md" }

local SHORT <const> = 300 -- octets of a value in a list or table
local LONG <const> = 4000 -- of a line of a conversation
local OUTPUT <const> = 65536 -- of a conversation
local REASONS <const> = 30

local VERDICTS <const> = { "pass", "warn", "fail", "error", "expected", "inconclusive", "skip" }
local HEADINGS <const> = { pass = "passed", warn = "warnings", fail = "failed", error = "errors",
  expected = "expected failures", inconclusive = "inconclusive", skip = "skipped" }
local SECTIONS <const> = { { "fail", "Failed" }, { "error", "Errors" }, { "warn", "Warnings" },
  { "inconclusive", "Inconclusive" }, { "expected", "Expected failures" } }
local LEVELS <const> = { MUST = "MUST", ["MUST NOT"] = "MUST", SHOULD = "SHOULD", ["SHOULD NOT"] = "SHOULD", MAY = "MAY" }
local LEVEL_ORDER <const> = { "MUST", "SHOULD", "MAY", "other" }

-- Inline code: the fence is longer than any run of backticks in it. In a table a bar is escaped even there.
local function code(value, in_table)
  local shown = text.printable(build.bounded(value, SHORT), true)
  local longest = 0
  for run in shown:gmatch "`+" do
    longest = math.max(longest, #run)
  end
  local fence = ("`"):rep(longest + 1)
  local pad = (shown == "" or shown:find "^[` ]" or shown:find "[` ]$") and " " or ""
  local result = fence .. pad .. shown .. pad .. fence
  return in_table and result:gsub("|", "\\|") or result
end

-- Prose of the catalogue or of a script: no character of it is markup or begins a mention or reference.
local function prose(value)
  local shown = text.printable(build.bounded(value, LONG), true)
  shown = shown:gsub("[\\`*_{}%[%]()<>|~!&$]", "\\%0"):gsub("[@#]", "`%0`")
  return (shown:gsub("://", ":`//`"):gsub("([Ww][Ww][Ww])%.", "%1`.`"))
end

-- "RFC9113-6.5-10" as a link to its section.
local function requirement(id)
  local number, section = id:match "^RFC(%d+)%-([%d.]+)%-%d+$"
  if not number then
    return code(id)
  end
  return ("[%s](https://www.rfc-editor.org/rfc/rfc%s#section-%s)"):format(id, number, section)
end

-- The text of a block of code, whose fence is longer than any run of backticks in it.
local function fenced(lines)
  local shown, longest = {}, 2
  for i, line in ipairs(build.limited(lines, LONG, OUTPUT)) do
    shown[i] = text.printable(line, true)
    for run in shown[i]:gmatch "`+" do
      longest = math.max(longest, #run)
    end
  end
  local fence = ("`"):rep(longest + 1)
  return fence .. "text\n" .. table.concat(shown, "\n") .. "\n" .. fence
end

-- Tables of counts -----------------------------------------------------------------------------------------

local function tally()
  local counts = { total = 0 }
  for _, verdict in ipairs(VERDICTS) do
    counts[verdict] = 0
  end
  return counts
end

local function add(counts, result)
  local verdict = result.expected_failure and "expected" or result.verdict
  counts.total = counts.total + 1
  counts[verdict] = counts[verdict] + 1
end

local function column_names(rows)
  local names = {}
  for _, verdict in ipairs(VERDICTS) do
    local wanted = verdict ~= "expected"
    for _, row in ipairs(rows) do
      wanted = wanted or row.counts[verdict] > 0
    end
    names[#names + 1] = wanted and verdict or nil
  end
  return names
end

local function table_of(out, title, rows)
  local head, rule, columns = { title, "total" }, { "---", "--:" }, column_names(rows)
  for _, verdict in ipairs(columns) do
    head[#head + 1], rule[#rule + 1] = HEADINGS[verdict], "--:"
  end
  out[#out + 1] = "| " .. table.concat(head, " | ") .. " |\n| " .. table.concat(rule, " | ") .. " |"
  for _, row in ipairs(rows) do
    local cells = { row.name, ("%d"):format(row.counts.total) }
    for _, verdict in ipairs(columns) do
      local n = row.counts[verdict]
      local loud = n > 0 and (verdict == "fail" or verdict == "error")
      cells[#cells + 1] = n == 0 and "" or loud and ("**%d**"):format(n) or ("%d"):format(n)
    end
    out[#out + 1] = "| " .. table.concat(cells, " | ") .. " |"
  end
  out[#out + 1] = ""
end

local function by_level(results)
  local counts, rows = {}, {}
  for _, result in ipairs(results.results) do
    local level = LEVELS[result.level] or "other"
    counts[level] = counts[level] or tally()
    add(counts[level], result)
  end
  for _, level in ipairs(LEVEL_ORDER) do
    rows[#rows + 1] = counts[level] and { name = level, counts = counts[level] } or nil
  end
  local all = tally()
  for _, result in ipairs(results.results) do
    add(all, result)
  end
  rows[#rows + 1] = { name = "all", counts = all }
  return rows
end

local function by_suite(results)
  local rows, by_name = {}, {}
  for _, result in ipairs(results.results) do
    local name = result.suite .. "\0" .. result.mode
    if not by_name[name] then
      by_name[name] = { name = code(result.suite, true) .. " " .. code(result.mode, true), counts = tally() }
      rows[#rows + 1] = by_name[name]
    end
    add(by_name[name].counts, result)
  end
  return rows
end

-- Cases ------------------------------------------------------------------------------------------------------

local function block_text(block)
  local result, out = block.result, {}
  out[1] = ("#### %s (%s)\n"):format(code(result.id), table.concat(block.modes, ", "))
  if result.title and result.title ~= result.statement then
    out[#out + 1] = prose(result.title) .. "\n"
  end
  local ids = {}
  for i, id in ipairs(result.req or {}) do
    ids[i] = requirement(id)
  end
  if #ids > 0 then
    out[#out + 1] = ("- requirement: %s%s%s"):format(table.concat(ids, ", "),
      result.level and (" (%s)"):format(prose(result.level)) or "", result.statement and ": " .. prose(result.statement) or "")
  end
  local function member(label, value)
    out[#out + 1] = value and ("- %s: %s"):format(label, code(value)) or nil
  end
  member("row", result.row)
  member("expected", result.expected ~= result.statement and result.expected or nil)
  member("observed", result.observed)
  member("verdict", block.message ~= result.observed and block.message or nil)
  for _, note in ipairs(result.notes or {}) do
    member("note", note)
  end
  member("where", result.location)
  member("seen in", result.seen_in)
  if result.command then
    out[#out + 1] = "\n" .. fenced { result.command }
  end
  if result.transcript and #result.transcript > 0 then
    out[#out + 1] = "\n<details><summary>conversation</summary>\n\n" .. fenced(build.transcript(result)) .. "\n\n</details>"
  end
  return table.concat(out, "\n") .. "\n"
end

local function cases(out, results, strict)
  for _, section in ipairs(SECTIONS) do
    local blocks = build.blocks(results, strict, function(verdict, result)
      return verdict == section[1] and build.was_run(result)
    end)
    for i, block in ipairs(blocks) do
      out[#out + 1] = (i == 1 and ("### %s\n\n"):format(section[2]) or "") .. block_text(block)
    end
  end
end

-- Reasons with the number of cases, in the order of their first appearance.
local function reasons(out, title, results, reason_of)
  local list, count = {}, {}
  for _, result in ipairs(results.results) do
    local reason = reason_of(result)
    if reason and not count[reason] then
      list[#list + 1] = reason
    end
    if reason then
      count[reason] = (count[reason] or 0) + 1
    end
  end
  if #list == 0 then
    return
  end
  local lines = {}
  for i = 1, math.min(#list, REASONS) do
    lines[i] = ("- %d: %s"):format(count[list[i]], code(list[i]))
  end
  lines[#lines + 1] = #list > REASONS and ("- and %d reasons more"):format(#list - REASONS) or nil
  out[#out + 1] = ("<details><summary>%s</summary>\n\n%s\n\n</details>\n"):format(title, table.concat(lines, "\n"))
end

local function flakes(out, results)
  if not results.flakes or #results.flakes == 0 then
    return
  end
  local lines = { "### Verdicts that changed\n" }
  for _, flake in ipairs(results.flakes) do
    lines[#lines + 1] = ("- %s (%s): %s"):format(code(flake.id), flake.mode, build.counts(flake.verdicts))
  end
  out[#out + 1] = table.concat(lines, "\n") .. "\n"
end

local function head(results, strict)
  local problems = build.problems(results)
  local out = { ("## h2probe: %s\n"):format(code(results.target)) }
  local _, sentence, status = console.conclusion(results, strict)
  out[#out + 1] = ("**%s** (exit status %d)\n"):format(prose(sentence), status)
  for i, problem in ipairs(problems) do
    out[#out + 1] = ("- %s%s"):format(code(problem), i == #problems and "\n" or "")
  end
  for _, mode in ipairs(results.modes or {}) do
    out[#out + 1] = mode.offered and ("- %s: offered"):format(mode.mode)
      or ("- %s: not offered%s"):format(mode.mode, mode.reason and ": " .. code(mode.reason) or "")
  end
  out[#out + 1] = ""
  table_of(out, "level", by_level(results))
  return out
end

-- Parts as one text, as many as there is room for.
local function joined(parts, limit)
  local room = (limit or math.huge) - 100
  for i, part in ipairs(parts) do
    room = room - #part - 1
    if room < 0 then
      return table.concat(parts, "\n", 1, i - 1) .. "\n\nMore does not fit here: see the other reports of this run.\n"
    end
  end
  return table.concat(parts, "\n") .. "\n"
end

--- The whole report. Options: strict, limit (octets at most).
function markdown.write(results, options)
  options = options or {}
  local out = head(results, options.strict)
  flakes(out, results)
  cases(out, results, options.strict)
  reasons(out, "not run", results, function(result) return not build.was_run(result) and result.observed or nil end)
  reasons(out, "skipped", results, function(result)
    return result.verdict == "skip" and not result.expected_failure and build.was_run(result) and (result.observed or "no reason given") or nil
  end)
  if #results.results > 0 then
    out[#out + 1] = "<details><summary>suites</summary>\n"
    table_of(out, "suite", by_suite(results))
    out[#out + 1] = "</details>\n"
  end
  return joined(out, options.limit)
end

-- Several servers ------------------------------------------------------------------------------------------------

local WORDS <const> = { pass = "passed", warn = "warning", fail = "**failed**", error = "**error**",
  expected = "expected failure", inconclusive = "inconclusive", skip = "skipped" }

-- Rows by case and mode in the order of their first appearance: { id, mode, [column] = verdict }.
local function rows_of(list)
  local rows, by_key = {}, {}
  for column, each in ipairs(list) do
    for _, result in ipairs(each.results.results) do
      local key = build.key(result)
      if not by_key[key] then
        by_key[key] = { id = result.id, mode = result.mode }
        rows[#rows + 1] = by_key[key]
      end
      by_key[key][column] = result.expected_failure and "expected" or result.verdict
    end
  end
  return rows
end

local function differ(row, columns)
  for column = 2, columns do
    if row[column] ~= row[1] then
      return true
    end
  end
  return false
end

local function differences(out, list)
  local names, rule, alike = { "case" }, { "---" }, 0
  for i, each in ipairs(list) do
    names[i + 1], rule[i + 1] = code(each.label, true), "---"
  end
  out[#out + 1] = "| " .. table.concat(names, " | ") .. " |\n| " .. table.concat(rule, " | ") .. " |"
  for _, row in ipairs(rows_of(list)) do
    if differ(row, #list) then
      local cells = { ("%s (%s)"):format(code(row.id, true), row.mode) }
      for column = 1, #list do
        cells[column + 1] = WORDS[row[column]] or ""
      end
      out[#out + 1] = "| " .. table.concat(cells, " | ") .. " |"
    else
      alike = alike + 1
    end
  end
  out[#out + 1] = ("\n%d judged alike.\n"):format(alike)
end

--- Several results side by side: { { label =, results = }, ... }; how each came out, and the cases in which they differ.
function markdown.compare(list, options)
  options = options or {}
  local out, rows = { ("## h2probe: %d results side by side\n"):format(#list) }, {}
  for i, each in ipairs(list) do
    local _, sentence, status = console.conclusion(each.results, options.strict)
    out[#out + 1] = ("- %s: %s, %s (exit status %d)"):format(code(each.label), code(each.results.target), prose(sentence), status)
    rows[i] = { name = code(each.label, true), counts = tally() }
    for _, result in ipairs(each.results.results) do
      add(rows[i].counts, result)
    end
  end
  out[#out + 1] = ""
  table_of(out, "results", rows)
  differences(out, list)
  return joined(out, options.limit)
end

return markdown
