-- Several observations become one: a confirmation, a repetition, the rows of a case, the watchman's findings.
local captures = require "h2probe.captures"
local case_run = require "h2probe.case_run"
local results = require "h2probe.results"

local settle = {}

local function add_note(record, text)
  record.notes[#record.notes + 1] = text
end

local function said(record)
  return record.verdict .. (record.observed and ": " .. record.observed or "")
end

--- An accusation that rests on silence and its second run, which is patient.
function settle.confirmed(first, second)
  if second.verdict == "fail" then
    second.expected = second.expected or first.expected
    add_note(second, "seen twice: a second run with more patience came to the same")
    return second
  end
  return { verdict = "inconclusive", expected = first.expected, notes = first.notes, label = first.label,
    observed = ("two runs disagree: at first %s; then %s"):format(said(first), said(second)), run = first.run,
    seconds = second.seconds }
end

--- A run that proved nothing (or did not get through to the target) and its repetition: the second counts.
function settle.repeated(first, second)
  add_note(second, "the first run was " .. said(first))
  return second
end

-- Rows ----------------------------------------------------------------------------------------------

local function worst(records)
  local decides
  for _, record in ipairs(records) do
    if not decides or results.severity(record.verdict) > results.severity(decides.verdict) then
      decides = record
    end
  end
  return decides
end

-- The record that the verdict comes from. Some rows skipped, none worse: the others count.
local function deciding(records)
  local decides = worst(records)
  if decides.verdict ~= "skip" then
    return decides
  end
  for _, record in ipairs(records) do
    if record.verdict == "pass" then
      return record
    end
  end
  return decides
end

local function notes_of(records, decides)
  local notes, seen = {}, {}
  for _, record in ipairs(records) do
    local prefix = #records > 1 and record.label and ("[%s] "):format(record.label) or ""
    local list = record.notes
    if record.verdict == "skip" and decides ~= record then
      list = { "skipped: " .. (record.observed or "") }
    end
    for _, text in ipairs(list) do
      local line = prefix .. text
      if not seen[line] then
        seen[line] = true
        notes[#notes + 1] = line
      end
    end
  end
  return notes
end

local function gentle_verdict(verdict, gentle)
  return verdict == "fail" and gentle and "warn" or verdict
end

local function wants_transcript(verdict, verbose)
  return verbose or (verdict ~= "pass" and verdict ~= "skip")
end

settle.deciding = deciding

--- The result of a unit (case and mode) from the records of its rows.
function settle.result(unit, context)
  local decides = deciding(unit.records)
  local case = decides.run and decides.run.case or unit.case
  local gentle = case.gentle
  if unit.case.probe and case.req[1] then
    gentle = context.gentle(case.req[1])
  end
  local verdict = gentle_verdict(decides.verdict, gentle)
  local seconds = 0
  for _, record in ipairs(unit.records) do
    seconds = seconds + (record.seconds or 0)
  end
  return settle.describe(unit, {
    verdict = verdict, row = verdict ~= "pass" and decides.label or nil, expected = decides.expected,
    observed = decides.observed, log = decides.log,
    notes = notes_of(unit.records, decides), seconds = seconds, case = case,
    transcript = wants_transcript(verdict, context.verbose) and decides.run and case_run.transcript(decides.run)
      or nil,
  }, context)
end

--- The result table of a unit with a verdict given: also for what was not run.
function settle.describe(unit, outcome, context)
  local case = outcome.case or unit.case
  local row = case.requirement or (case.req[1] and context.rows[case.req[1]])
  return {
    id = unit.case.id, mode = unit.mode, title = case.title, suite = unit.case.suite, verdict = outcome.verdict,
    level = row and row.level or case.level, req = case.req, statement = row and row.statement,
    seconds = outcome.seconds or 0, row = outcome.row, expected = outcome.expected, observed = outcome.observed,
    log = outcome.log, notes = outcome.notes or {}, location = unit.case.location, transcript = outcome.transcript,
    command = context.command(unit.case, unit.mode),
  }
end

-- The watchman ----------------------------------------------------------------------------------------

--- Findings by requirement: of each the first in the order of the suites, whatever came first in time.
function settle.watch(found, unit, position, run)
  for _, finding in ipairs(run.findings) do
    local known = found[finding.requirement]
    local harder = known and known.soft and not finding.soft
    if not known or harder or position < known.position and known.soft == finding.soft then
      found[finding.requirement] = { position = position, soft = finding.soft, unit = unit, text = finding.text,
        transcript = case_run.transcript_of(finding.conn, finding.event), case = run.case, mode = run.mode,
        row = run.row, capture = run.target and run.target.capture and captures.of(finding.conn) or nil }
    end
  end
end

--- One result for each requirement that was broken anywhere.
function settle.watch_entries(found, context)
  local entries = {}
  for id, finding in pairs(found) do
    local row = context.rows[id] or { level = "MUST", statement = id }
    entries[#entries + 1] = { order = math.huge, finding = finding, result = {
      id = "watch/" .. id, mode = finding.mode, title = row.statement, suite = "watch",
      verdict = gentle_verdict("fail", finding.soft or context.gentle(id)), level = row.level, req = { id },
      statement = row.statement, seconds = 0, expected = row.statement, observed = finding.text,
      notes = { "seen in " .. finding.case.id }, seen_in = finding.case.id, transcript = finding.transcript,
      command = finding.unit and context.command(finding.unit.case, finding.mode) or context.command(nil, finding.mode),
    } }
  end
  return entries
end

return settle
