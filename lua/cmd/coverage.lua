-- h2probe coverage: which case or rule of the watchman judges each requirement that a test of servers can observe.
--
-- Works in a source tree. Without options it says what is missing, and fails if anything is; --write writes
-- docs/coverage.md and docs/h2spec.md. Rows that nothing judges have their reason in suites/uncovered.tsv.
local catalogue = require "h2probe.watch.catalogue"
local loader = require "h2probe.loader"
local requirements = require "h2probe.requirements"
local resources = require "h2probe.resources"
local results = require "h2probe.results"
local words = require "h2probe.words"

local EXIT = results.EXIT
local UNCOVERED <const>, H2SPEC <const> = "suites/uncovered.tsv", "tests/data/h2spec.tsv"
local LEVELS <const> = { "MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY" }

-- Reading --------------------------------------------------------------------------------------------------------------

-- Rows of a table with a head, as lists; problems get its wrong lines.
local function rows_of(text, name, columns, problems)
  local rows, number = {}, 0
  for line in text:gmatch "([^\n]*)\n?" do
    number = number + 1
    if number > 1 and line ~= "" then
      local row = { line = number }
      for field in (line .. "\t"):gmatch "([^\t]*)\t" do
        row[#row + 1] = field
      end
      if #row == columns then
        rows[#rows + 1] = row
      else
        problems[#problems + 1] = ("%s:%d: %d columns instead of %d"):format(name, number, #row, columns)
      end
    end
  end
  return rows
end

-- What a test of servers can see of a peer.
local function in_scope(row)
  return (row.role == "client" or row.role == "both") and row.observable ~= "no"
end

local function judges(cases)
  local by_id = {}
  local function add(id, name)
    by_id[id] = by_id[id] or {}
    table.insert(by_id[id], name)
  end
  for _, case in ipairs(cases) do
    for _, id in ipairs(case.role == "client" and case.req or {}) do
      add(id, case.id)
    end
  end
  for _, rule in ipairs(catalogue.of "client") do
    add(rule[1], "watch/" .. rule[1])
  end
  return by_id
end

local function read_reasons(view)
  view.reasons = {}
  local text = assert(resources.read(UNCOVERED))
  for _, row in ipairs(rows_of(text, UNCOVERED, 2, view.problems)) do
    local id, reason = row[1], row[2]
    local function wrong(what)
      view.problems[#view.problems + 1] = ("%s:%d: %s: %s"):format(UNCOVERED, row.line, id, what)
    end
    if not view.rows[id] then
      wrong "there is no such requirement"
    elseif not in_scope(view.rows[id]) then
      wrong "no test of servers can observe it: it needs no reason"
    elseif view.by_id[id] then
      wrong("it is judged, by " .. view.by_id[id][1])
    elseif view.reasons[id] or reason == "" then
      wrong "a second reason, or none"
    end
    view.reasons[id] = reason
  end
end

-- "see ID": the row says again what another one says, which has to be judged itself.
local function check_restatements(view)
  for id, reason in pairs(view.reasons) do
    for other in reason:gmatch "see (RFC%d+%-[%w.]+%-%d+)" do
      if not view.by_id[other] then
        view.problems[#view.problems + 1] = ("%s: %s: nothing judges %s"):format(UNCOVERED, id, other)
      end
    end
  end
end

local function check_orphans(view)
  for _, row in ipairs(view.rows) do
    if in_scope(row) and not view.by_id[row.id] and not view.reasons[row.id] then
      view.problems[#view.problems + 1] = ("%s: no case, no rule of the watchman, no reason in %s"):format(row.id, UNCOVERED)
    end
  end
end

local function read_h2spec(view)
  local file <close> = io.open(H2SPEC)
  view.h2spec = file and rows_of(file:read "a", H2SPEC, 4, view.problems) or {}
  view.of_h2spec = {}
  for _, case in ipairs(view.cases) do
    for _, id in ipairs(case.role == "client" and case.h2spec or {}) do
      view.of_h2spec[id] = view.of_h2spec[id] or {}
      table.insert(view.of_h2spec[id], case.id)
    end
  end
  local known = {}
  for _, row in ipairs(view.h2spec) do
    known[row[1]] = true
    if not view.of_h2spec[row[1]] and not row[4]:find "^dropped: " then
      view.problems[#view.problems + 1] = ("%s: no case does the job of h2spec's %s"):format(H2SPEC, row[1])
    end
  end
  for id, list in pairs(file and view.of_h2spec or {}) do
    if not known[id] then
      view.problems[#view.problems + 1] = ("%s: h2spec has no case %s"):format(list[1], id)
    end
  end
end

local function look()
  local rows = assert(requirements.load())
  local cases, mistakes = loader.all {}
  if not cases then
    return nil, mistakes
  end
  local view = { rows = rows, cases = cases, by_id = judges(cases), problems = {} }
  read_reasons(view)
  check_restatements(view)
  check_orphans(view)
  read_h2spec(view)
  table.sort(view.problems)
  return view
end

-- docs/coverage.md ---------------------------------------------------------------------------------------------------------

local function cell(text)
  return (text:gsub("|", "\\|"):gsub("<", "&lt;"))
end

local function counts(view)
  local by_rfc, order = {}, {}
  for _, row in ipairs(view.rows) do
    local rfc = row.id:match "^RFC(%d+)"
    if in_scope(row) then
      local count = by_rfc[rfc]
      if not count then
        count = { rows = 0, judged = 0, reasons = 0 }
        by_rfc[rfc] = count
        order[#order + 1] = rfc
      end
      count.rows = count.rows + 1
      count[row.level] = (count[row.level] or 0) + 1
      local how = view.by_id[row.id] and "judged" or view.reasons[row.id] and "reasons"
      if how then
        count[how] = count[how] + 1
        count[how .. row.level] = (count[how .. row.level] or 0) + 1
      end
    end
  end
  return by_rfc, order
end

local function count_lines(view)
  local by_rfc, order = counts(view)
  local all = { rows = 0, judged = 0, reasons = 0 }
  local lines = { "| RFC | rows | " .. table.concat(LEVELS, " | ") .. " | judged | with a reason |",
    "|---|---|" .. ("---|"):rep(#LEVELS) .. "---|---|" }
  local function line(name, count)
    local cells = { name, count.rows }
    for _, level in ipairs(LEVELS) do
      cells[#cells + 1] = ("%d of %d"):format(count["judged" .. level] or 0, count[level] or 0)
    end
    cells[#cells + 1], cells[#cells + 2] = count.judged, count.reasons
    lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |"
  end
  for _, rfc in ipairs(order) do
    for key, value in pairs(by_rfc[rfc]) do
      all[key] = (all[key] or 0) + value
    end
    line(rfc, by_rfc[rfc])
  end
  line("all", all)
  return lines
end

local function case_counts(cases)
  local count = { client = 0, server = 0 }
  for _, case in ipairs(cases) do
    count[case.role] = count[case.role] + 1
  end
  return count
end

local function coverage_text(view)
  local count = case_counts(view.cases)
  local lines = {
    "# What is judged", "",
    "Written by `h2probe coverage --write`; not to be edited.", "",
    ("%d cases test servers, %d test clients; the watchman holds %d rules against servers in every case, and %d against clients.")
      :format(count.client, count.server, #catalogue.of "client", #catalogue.of "server"), "",
    "Requirements of `suites/requirements.tsv` that a test of a server can observe, and how many of them a case or the "
      .. "watchman judges:", "",
  }
  table.move(count_lines(view), 1, 100, #lines + 1, lines)
  local rfc
  for _, row in ipairs(view.rows) do
    if in_scope(row) then
      local of = row.id:match "^RFC(%d+)"
      if of ~= rfc then
        rfc = of
        table.move({ "", "## RFC " .. rfc, "", "| requirement | level | statement | judged by |", "|---|---|---|---|" }, 1, 5,
          #lines + 1, lines)
      end
      local list = view.by_id[row.id]
      local how = list and "`" .. table.concat(list, "` `") .. "`" or view.reasons[row.id] or "**nothing**"
      lines[#lines + 1] = ("| %s | %s%s | %s | %s |"):format(row.id, row.level, row.soft and ", soft" or "",
        cell(row.statement), cell(how))
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- docs/h2spec.md -----------------------------------------------------------------------------------------------------------

local HEAD <const> = [[
# From h2spec

Written by `h2probe coverage --write`; not to be edited.

Each of h2spec's %d cases for servers and the cases that do the same job: *same*; *split*: several cases share it;
*corrected*: the outcomes or the stimulus differ, and why. `h2probe run URL h2spec:http2/6.5/3` runs those of one,
`h2probe run URL h2spec:http2` those of a group.

What is corrected everywhere: any code that is applicable passes, and so do the generic codes (RFC 9113 section 5.4); a stream
error may become a connection error (5.4.1); the stream of RST_STREAM is compared; after GOAWAY with an error the end of the
connection is looked for; whether a frame is ignored is decided by round trips and a witness request, not by a time.

Here: %s.

| h2spec | its title | | cases |
|---|---|---|---|
]]

local function kind_of(row, cases)
  if row[4]:find "^dropped: " then
    return "dropped", row[4]
  elseif row[4] ~= "" then
    return "corrected", "corrected: " .. row[4]
  elseif #cases > 1 then
    return "split", "split"
  end
  return "same", "same"
end

local function h2spec_text(view)
  local lines, count = {}, {}
  for _, row in ipairs(view.h2spec) do
    local cases = view.of_h2spec[row[1]] or {}
    local kind, text = kind_of(row, cases)
    count[kind] = (count[kind] or 0) + 1
    lines[#lines + 1] = ("| %s | %s | %s | %s |"):format(row[1], cell(row[2]), cell(text),
      #cases > 0 and "`" .. table.concat(cases, "` `") .. "`" or "")
  end
  local parts = {}
  for _, kind in ipairs { "same", "split", "corrected", "dropped" } do
    parts[#parts + 1] = ("%s %d"):format(kind, count[kind] or 0)
  end
  return HEAD:format(#view.h2spec, table.concat(parts, ", ")) .. table.concat(lines, "\n") .. "\n"
end

-- The command ----------------------------------------------------------------------------------------------------------------

local function write(name, text)
  local file <close> = assert(io.open(name, "w"))
  assert(file:write(text))
end

local function summary(view)
  local _, order = counts(view)
  local by_rfc = counts(view)
  local rows, judged, reasons = 0, 0, 0
  for _, rfc in ipairs(order) do
    local count = by_rfc[rfc]
    rows, judged, reasons = rows + count.rows, judged + count.judged, reasons + count.reasons
  end
  return ("%d requirements of servers: %d judged, %d with a reason, %d with neither"):format(rows, judged, reasons,
    rows - judged - reasons)
end

return function(options)
  local view, mistakes = look()
  if not view then
    words.say_all(mistakes)
    return EXIT.usage
  end
  if options.write then
    if #view.h2spec == 0 then
      words.say(("there is no %s here: this is no source tree"):format(H2SPEC))
      return EXIT.usage
    end
    write("docs/coverage.md", coverage_text(view))
    write("docs/h2spec.md", h2spec_text(view))
  end
  view.problems[#view.problems + 1] = summary(view)
  local shown = words.show(table.concat(view.problems, "\n") .. "\n")
  return shown ~= EXIT.ok and shown or (#view.problems > 1 and EXIT.failed or EXIT.ok)
end
