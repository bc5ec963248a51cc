-- h2probe coverage: which case or rule of the watchman judges each requirement that a test of servers, or of clients, can observe.
--
-- Works in a source tree. Without options it says what is missing, and fails if anything is; --write writes
-- docs/coverage.md and docs/h2spec.md. Rows that nothing judges have their reason in suites/uncovered.tsv (servers) and
-- suites/uncovered_clients.tsv.
local catalogue = require "h2probe.watch.catalogue"
local coverage = require "h2probe.coverage"
local results = require "h2probe.results"
local words = require "h2probe.words"

local EXIT = results.EXIT
local LEVELS <const> = { "MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY" }

-- docs/coverage.md ---------------------------------------------------------------------------------------------------------

local function cell(text)
  return (text:gsub("|", "\\|"):gsub("<", "&lt;"))
end

local function counts(side)
  local by_rfc, order = {}, {}
  for _, row in ipairs(side.rows) do
    local rfc = row.id:match "^RFC(%d+)"
    local count = by_rfc[rfc]
    if not count then
      count = { rows = 0, judged = 0, reasons = 0 }
      by_rfc[rfc] = count
      order[#order + 1] = rfc
    end
    count.rows = count.rows + 1
    count[row.level] = (count[row.level] or 0) + 1
    local how = side.by_id[row.id] and "judged" or side.reason_of[row.id] and "reasons"
    if how then
      count[how] = count[how] + 1
      count[how .. row.level] = (count[how .. row.level] or 0) + 1
    end
  end
  return by_rfc, order
end

local function total(by_rfc)
  local all = { rows = 0, judged = 0, reasons = 0 }
  for _, count in pairs(by_rfc) do
    for key, value in pairs(count) do
      all[key] = (all[key] or 0) + value
    end
  end
  return all
end

local function count_lines(side)
  local by_rfc, order = counts(side)
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
    line(rfc, by_rfc[rfc])
  end
  line("all", total(by_rfc))
  return lines
end

local function add(lines, more)
  table.move(more, 1, #more, #lines + 1, lines)
end

local TABLE <const> = { "", "| requirement | level | statement | judged by |", "|---|---|---|---|" }

local function row_line(side, row)
  local list = side.by_id[row.id]
  local how = list and "`" .. table.concat(list, "` `") .. "`" or side.reason_of[row.id] or "**nothing**"
  return ("| %s | %s%s | %s | %s |"):format(row.id, row.level, row.soft and ", soft" or "", cell(row.statement), cell(how))
end

-- A chapter: the counts of a side, and its rows by RFC.
local function add_side(lines, side, title, introduction)
  add(lines, { "", "## " .. title, "", introduction, "" })
  add(lines, count_lines(side))
  local rfc
  for _, row in ipairs(side.rows) do
    local of = row.id:match "^RFC(%d+)"
    if of ~= rfc then
      rfc = of
      add(lines, { "", ("### %s: RFC %s"):format(title, rfc) })
      add(lines, TABLE)
    end
    lines[#lines + 1] = row_line(side, row)
  end
  if #side.beyond > 0 then
    add(lines, { "", ("### %s: judged beyond that"):format(title) })
    add(lines, TABLE)
    for _, row in ipairs(side.beyond) do
      lines[#lines + 1] = row_line(side, row)
    end
  end
end

local CHAPTERS <const> = {
  servers = { "Servers", "Requirements of `suites/requirements.tsv` that a test of a server can observe, and how many of them "
    .. "a case or the watchman judges:" },
  clients = { "Clients", "Clients are tested for how they start HTTP/2: requirements about negotiation (RFC 9113 sections 3 "
    .. "and 9.2, RFC 7540 section 3, ALPN, TLS, Upgrade) that a test of a client can observe:" },
}

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
      :format(count.client, count.server, #catalogue.of "client", #catalogue.of "server"),
  }
  for _, side in ipairs(view.sides) do
    add_side(lines, side, table.unpack(CHAPTERS[side.peer]))
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

local function summary(side)
  local count = total(counts(side))
  return ("%d requirements of %s: %d judged, %d with a reason, %d with neither"):format(count.rows, side.peer, count.judged,
    count.reasons, count.rows - count.judged - count.reasons)
end

return function(options)
  local view, mistakes = coverage.look()
  if not view then
    words.say_all(mistakes)
    return EXIT.usage
  end
  if options.write then
    if #view.h2spec == 0 then
      words.say(("there is no %s here: this is no source tree"):format(coverage.H2SPEC))
      return EXIT.usage
    end
    write("docs/coverage.md", coverage_text(view))
    write("docs/h2spec.md", h2spec_text(view))
  end
  local lines = table.move(view.problems, 1, #view.problems, 1, {})
  for _, side in ipairs(view.sides) do
    lines[#lines + 1] = summary(side)
  end
  local shown = words.show(table.concat(lines, "\n") .. "\n")
  return shown ~= EXIT.ok and shown or (#view.problems > 0 and EXIT.failed or EXIT.ok)
end
