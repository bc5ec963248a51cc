-- CTRF, the Common Test Report Format (ctrf.io): JSON that dashboards and annotators of several CI systems read.
local build = require "h2probe.reports.shared.build"
local console = require "h2probe.reports.console"
local json = require "h2probe.reports.json"

local ctrf = { extension = "json" }

local VALUE <const> = 65536 -- octets of a value or line
local OUTPUT <const> = 1 << 20

local STATUS <const> = { pass = "passed", warn = "passed", fail = "failed", error = "failed", skip = "skipped",
  inconclusive = "other", expected = "skipped" }
local STATUSES <const> = { "passed", "failed", "skipped", "pending", "other" }

-- Members in their order.
local ORDER <const> = { "reportFormat", "specVersion", "timestamp", "generatedBy", "results", "tool", "name", "version",
  "summary", "tests", "passed", "failed", "skipped", "pending", "other", "flaky", "suites", "start", "stop", "status",
  "duration", "suite", "message", "trace", "rawStatus", "tags", "type", "filePath", "line", "stdout", "environment",
  "appName", "healthy", "extra", "conclusion", "exitStatus", "id", "mode", "title", "level", "req", "statement", "row",
  "expected", "observed", "expected_failure", "command" }

local function milliseconds(seconds)
  local finite = seconds and seconds >= 0 and seconds < 1e12
  return finite and math.floor(seconds * 1000 + 0.5) or 0
end

-- Days since 1970 of a day of the Gregorian calendar: years begin in March, so that leap days are at their end.
local function days(year, month, day)
  if month <= 2 then
    year = year - 1
  end
  local of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
  return 365 * year + year // 4 - year // 100 + year // 400 + of_year - 719468
end

-- "2026-11-23T10:00:00Z" as milliseconds since 1970.
local function epoch(stamp)
  local year, month, day, hour, minute, second = stamp:match "^(%d%d%d%d)-(%d%d)-(%d%d)T(%d%d):(%d%d):(%d%d)Z$"
  if not year then
    return 0
  end
  local date = days(tonumber(year), tonumber(month), tonumber(day))
  return math.tointeger((date * 86400 + hour * 3600 + minute * 60 + second) * 1000)
end

-- From the outside to the inside; never empty.
local function suite_of(result)
  local suite = { result.mode }
  for part in result.suite:gmatch "[^/]+" do
    suite[#suite + 1] = part
  end
  return suite
end

local function bounded(value)
  return value and build.bounded(value, VALUE)
end

local function list(values)
  return #values > 0 and values or nil
end

local function tags(result)
  local out = { result.mode, result.level }
  return table.move(result.req or {}, 1, #(result.req or {}), #out + 1, out)
end

local function test(result, verdict, message, flaky)
  local path, number = (result.location or ""):match "^(.+):(%d+)$"
  local told = verdict ~= "pass" or result.verdict ~= "pass"
  return {
    name = ("%s (%s)"):format(result.id, result.mode), status = STATUS[verdict],
    duration = milliseconds(result.seconds), suite = suite_of(result), message = told and bounded(message) or nil,
    trace = list(build.limited(build.transcript(result), VALUE, OUTPUT)), rawStatus = result.verdict,
    tags = tags(result), type = "conformance", filePath = path, line = number and math.tointeger(tonumber(number)),
    flaky = flaky, stdout = list(build.limited(result.notes or {}, VALUE, OUTPUT)),
    extra = { id = result.id, mode = result.mode, title = bounded(result.title), level = result.level, req = result.req,
      statement = bounded(result.statement), row = bounded(result.row), expected_failure = result.expected_failure,
      expected = bounded(result.expected),
      observed = bounded(result.observed),
      command = bounded(result.command) },
  }
end

local function tests_of(results, strict, summary)
  local tests, suites, flakes = {}, {}, build.flakes(results)
  for i, result in ipairs(results.results) do
    local flake = flakes[build.key(result)]
    local verdict, message = build.judged(result, strict, flake)
    local one = test(result, verdict, message, flake and true or nil)
    one.trace = one.trace and table.concat(one.trace, "\n")
    tests[i] = one
    summary[one.status] = summary[one.status] + 1
    summary.flaky = summary.flaky + (flake and 1 or 0)
    local suite = table.concat(one.suite, "/")
    summary.suites = summary.suites + (suites[suite] and 0 or 1)
    suites[suite] = true
  end
  return setmetatable(tests, { __jsontype = "array" })
end

-- Expectations that do not hold are failures that belong to no case.
local function add_problems(results, tests, summary)
  for _, problem in ipairs(build.problems(results)) do
    local at = #tests + 1
    tests[at] = { name = bounded(problem), status = "failed", duration = 0, suite = { "expectations" },
      message = bounded(problem), rawStatus = "fail", type = "conformance" }
    summary.tests, summary.failed = summary.tests + 1, summary.failed + 1
  end
end

function ctrf.write(results, options)
  local strict = options and options.strict
  local start, duration = epoch(results.started), milliseconds(results.seconds)
  local summary = { tests = #results.results, flaky = 0, suites = 0, start = start, stop = start + duration,
    duration = duration }
  for _, status in ipairs(STATUSES) do
    summary[status] = 0
  end
  local tests = tests_of(results, strict, summary)
  add_problems(results, tests, summary)
  local _, conclusion, status = console.conclusion(results, strict)
  return json.encode({ reportFormat = "CTRF", specVersion = "0.0.0", timestamp = results.started,
    generatedBy = results.tool.name .. " " .. results.tool.version,
    results = { tool = results.tool, summary = summary, tests = tests,
      environment = { appName = results.target, healthy = status == 0, extra = { modes = results.modes,
        complete = results.complete, interrupted = results.interrupted, died = results.died, conclusion = conclusion,
        exitStatus = status } } } }, true, ORDER) .. "\n"
end

return ctrf
