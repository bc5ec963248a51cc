-- TAP version 14: a test point for each case and mode, with a YAML block for what did not pass.
local build = require "h2probe.reports.shared.build"
local console = require "h2probe.reports.console"
local text = require "h2probe.reports.console.text"

local tap = { extension = "tap" }

local LINE <const> = 500 -- octets of a description or reason; the YAML block has the rest
local VALUE <const> = 65536
local OUTPUT <const> = 1 << 20

-- What follows a test number: "#" begins a directive there, so it is escaped, and the backslash with it.
local function escaped(value)
  return (text.printable(build.bounded(value, LINE), true):gsub("[\\#]", "\\%0"))
end

-- A double-quoted scalar of YAML 1.2.
local function quoted(value)
  return '"' .. text.printable(build.bounded(value, VALUE), true):gsub('[\\"]', "\\%0") .. '"'
end

local function add_list(out, name, list)
  if list and #list > 0 then
    out[#out + 1] = ("  %s:"):format(name)
    for _, value in ipairs(build.limited(list, VALUE, OUTPUT)) do
      out[#out + 1] = "    - " .. quoted(value)
    end
  end
end

local MEMBERS <const> = { "level", "statement", "row", "expected", "observed", "location", "command" }

local function yaml(out, result, message)
  out[#out + 1] = "  ---"
  out[#out + 1] = "  message: " .. quoted(message)
  out[#out + 1] = "  severity: " .. quoted(result.verdict)
  local known = result.expected_failure
  if known and known.file then
    out[#out + 1] = "  expected_in: " .. quoted(known.line and ("%s:%d"):format(known.file, known.line) or known.file)
  end
  add_list(out, "requirements", result.req)
  for _, name in ipairs(MEMBERS) do
    if result[name] then
      out[#out + 1] = ("  %s: %s"):format(name, quoted(result[name]))
    end
  end
  local seconds = result.seconds or 0
  local finite = seconds >= 0 and seconds < math.huge
  out[#out + 1] = ("  duration_ms: %.3f"):format(finite and seconds * 1000 or 0)
  add_list(out, "notes", result.notes)
  add_list(out, "conversation", build.transcript(result))
  out[#out + 1] = "  ..."
end

local function skipped(message)
  return true, " # SKIP " .. escaped(message)
end

-- Whether a verdict is ok, and the directive.
local OUTCOME <const> = {
  pass = function() return true, "" end,
  warn = function() return true, "" end,
  fail = function() return false, "" end,
  error = function() return false, "" end,
  skip = skipped,
  expected = function(message) return false, " # TODO " .. escaped(message) end,
  inconclusive = function(message) return skipped("inconclusive: " .. message) end,
}

-- One test point; whether it is no failure.
local function point(out, number, result, verdict, message)
  local ok, directive = OUTCOME[verdict](message)
  out[#out + 1] = ("%sok %d - %s (%s)%s%s"):format(ok and "" or "not ", number, escaped(result.id), escaped(result.mode),
    result.title and ": " .. escaped(result.title) or "", directive)
  if verdict ~= "skip" and (verdict ~= "pass" or #(result.notes or {}) > 0) then
    yaml(out, result, message)
  end
  return ok or verdict == "expected"
end

-- What no test point of a case says: expectations that do not hold, a whole that is not good although nothing failed,
-- an early end. The number of test points.
local function conclude(out, results, strict, failed, number)
  local _, sentence, status = console.conclusion(results, strict)
  for _, problem in ipairs(build.problems(results)) do
    number, failed = number + 1, failed + 1
    out[#out + 1] = ("not ok %d - %s"):format(number, escaped(problem))
  end
  if status ~= 0 and failed == 0 then
    number = number + 1
    out[#out + 1] = ("not ok %d - %s"):format(number, escaped(sentence))
  end
  if results.died or results.interrupted then
    out[#out + 1] = "Bail out! " .. escaped(sentence)
  end
  return number
end

function tap.write(results, options)
  local strict = options and options.strict
  local flakes, failed = build.flakes(results), 0
  local out = { "TAP version 14", ("# %s: %s"):format(text.printable(results.tool.name .. " " .. results.tool.version, true),
    text.printable(results.target, true)), "" }
  for number, result in ipairs(results.results) do
    local verdict, message = build.judged(result, strict, flakes[build.key(result)])
    failed = failed + (point(out, number, result, verdict, message) and 0 or 1)
  end
  out[3] = ("1..%d"):format(conclude(out, results, strict, failed, #results.results))
  return table.concat(out, "\n") .. "\n"
end

return tap
