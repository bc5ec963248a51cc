-- Which case or rule of the watchman judges each requirement that a test can observe: of servers, and of clients.
--
-- look() -> view, or nil and the mistakes of the suites. view.sides: what is known of each side, with its rows in order,
-- by_id (names of the judges) and reasons; view.cases, view.h2spec, view.of_h2spec; view.problems: lines.
local catalogue = require "h2probe.watch.catalogue"
local loader = require "h2probe.loader"
local requirements = require "h2probe.requirements"
local resources = require "h2probe.resources"

local coverage = {}

coverage.H2SPEC = "tests/data/h2spec.tsv"

-- Clients are tested for how HTTP/2 starts: these sections, and the rows of other RFCs that negotiation rests on.
local NEGOTIATION <const> = { "RFC9113-3", "RFC9113-9.2", "RFC7540-3", "RFC7540-9.2", "RFC7301", "RFC8740", "RFC8446", "RFC9112",
  "RFC9110-7.8", "RFC9110-15.2" }

local function about_negotiation(id)
  for _, section in ipairs(NEGOTIATION) do
    local after = id:sub(#section + 1, #section + 1)
    if id:sub(1, #section) == section and (after == "-" or after == ".") then
      return true
    end
  end
  return false
end

-- The peers that are tested; role: what the tester plays then; reasons: the file with the rows that nothing judges.
coverage.SIDES = {
  { peer = "servers", role = "client", reasons = "suites/uncovered.tsv", within = function() return true end },
  { peer = "clients", role = "server", reasons = "suites/uncovered_clients.tsv", within = about_negotiation },
}

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

-- What a tester in this role can see of a peer.
local function observable(row, role)
  return (row.role == role or row.role == "both") and row.observable ~= "no"
end

local function judges(cases, role)
  local by_id = {}
  local function add(id, name)
    by_id[id] = by_id[id] or {}
    table.insert(by_id[id], name)
  end
  for _, case in ipairs(cases) do
    for _, id in ipairs(case.role == role and case.req or {}) do
      add(id, case.id)
    end
  end
  for _, rule in ipairs(catalogue.of(role)) do
    if not rule.unproven then
      add(rule[1], "watch/" .. rule[1])
    end
  end
  return by_id
end

-- Rows that a side has to account for; and those beyond them that are judged as well.
local function rows_of_side(side, all)
  side.rows, side.beyond = {}, {}
  for _, row in ipairs(all) do
    if observable(row, side.role) then
      if side.within(row.id) then
        table.insert(side.rows, row)
        side.rows[row.id] = row
      elseif side.by_id[row.id] then
        table.insert(side.beyond, row)
      end
    end
  end
end

-- What is wrong with a reason, or nil.
local function wrong_reason(side, all, id, reason)
  if not all[id] then
    return "there is no such requirement"
  elseif not side.rows[id] then
    return ("no test of %s has to judge it: it needs no reason"):format(side.peer)
  elseif side.by_id[id] then
    return "it is judged, by " .. side.by_id[id][1]
  elseif side.reason_of[id] or reason == "" then
    return "a second reason, or none"
  end
  -- "see ID": the row says again what another one says, which has to be judged itself.
  for other in reason:gmatch "see (RFC%d+%-[%w.]+%-%d+)" do
    if not side.by_id[other] then
      return "nothing judges " .. other
    end
  end
end

--- Reads the reasons of a side from a table with the columns id and reason; problems get what is wrong with them.
function coverage.read_reasons(side, all, text, problems)
  side.reason_of = {}
  for _, row in ipairs(rows_of(text, side.reasons, 2, problems)) do
    local id, reason = row[1], row[2]
    local wrong = wrong_reason(side, all, id, reason)
    if wrong then
      problems[#problems + 1] = ("%s:%d: %s: %s"):format(side.reasons, row.line, id, wrong)
    end
    side.reason_of[id] = reason
  end
end

--- Rows with neither a judge nor a reason.
function coverage.find_orphans(side, problems)
  for _, row in ipairs(side.rows) do
    if not side.by_id[row.id] and not side.reason_of[row.id] then
      problems[#problems + 1] = ("%s: no case for %s, no rule of the watchman, no reason in %s"):format(row.id, side.peer,
        side.reasons)
    end
  end
end

--- A side (a row of SIDES) with its rows and their judges: { rows =, beyond =, by_id = }.
function coverage.side(given, cases, all)
  local side = setmetatable({ by_id = judges(cases, given.role) }, { __index = given })
  rows_of_side(side, all)
  return side
end

local function read_h2spec(view)
  local file <close> = io.open(coverage.H2SPEC)
  view.h2spec = file and rows_of(file:read "a", coverage.H2SPEC, 4, view.problems) or {}
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
      view.problems[#view.problems + 1] = ("%s: no case does the job of h2spec's %s"):format(coverage.H2SPEC, row[1])
    end
  end
  for id, list in pairs(file and view.of_h2spec or {}) do
    if not known[id] then
      view.problems[#view.problems + 1] = ("%s: h2spec has no case %s"):format(list[1], id)
    end
  end
end

--- Looks at the suites and the watchman of this build.
function coverage.look()
  local all = assert(requirements.load())
  local cases, mistakes = loader.all {}
  if not cases then
    return nil, mistakes
  end
  local view = { cases = cases, sides = {}, problems = {} }
  for position, given in ipairs(coverage.SIDES) do
    local side = coverage.side(given, cases, all)
    coverage.read_reasons(side, all, assert(resources.read(given.reasons)), view.problems)
    coverage.find_orphans(side, view.problems)
    view.sides[position] = side
  end
  read_h2spec(view)
  table.sort(view.problems)
  return view
end

return coverage
