-- JUnit XML as Jenkins, GitLab and Surefire read it: one testsuite for each mode and suite.
--
-- What their readers differ in: Surefire takes at most three decimals of a second, wants a type with each failure
-- and error, and knows no timestamp in most of its versions (so that is a property); Jenkins shows the message of a
-- skip, GitLab its content; GitLab drops the second of two cases with the same name; both follow [[ATTACHMENT|PATH]] in
-- the output to a file, so no peer may write that.
local build = require "h2probe.reports.shared.build"

local junit = { extension = "xml" }

local MESSAGE <const> = 500 -- octets of an attribute; more of the text is in the content
local VALUE <const> = 65536 -- octets of a value or line
local OUTPUT <const> = 1 << 20 -- octets of an output: readers on libxml2 refuse texts of 10 million

local ENTITIES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function byte_escape(octet)
  return ("\\x%02x"):format(octet:byte())
end

-- Characters that XML 1.0 permits and that are safe to show: no C1 controls, nothing that turns the direction of
-- writing, no other line ends.
local function permitted(code)
  if code >= 0x200e and code <= 0x200f or code >= 0x2028 and code <= 0x202e or code >= 0x2066 and code <= 0x2069 then
    return false
  end
  return code >= 0xa0 and code <= 0xd7ff or code >= 0xe000 and code <= 0xfffd or code >= 0x10000 and code <= 0x10ffff
end

local function non_ascii(text)
  local out = {}
  local at = 1
  while at <= #text do
    local code = utf8.len(text, at, at) and utf8.codepoint(text, at)
    if code and permitted(code) then
      out[#out + 1] = utf8.char(code)
      at = at + #out[#out]
    else
      out[#out + 1] = byte_escape(text:sub(at, at))
      at = at + 1
    end
  end
  return table.concat(out)
end

--- Any octets to XML text: markup is escaped, what XML cannot hold becomes \xNN.
local function xml(text)
  text = tostring(text):gsub("[\0-\8\11-\31\127]", byte_escape):gsub("[\x80-\xff]+", non_ascii)
  text = text:gsub("%[%[(ATTACHMENT)", "[\\x5b%1")
  return (text:gsub('[&<>"]', ENTITIES))
end

-- The same for an attribute, where line ends would be folded to blanks.
local function attribute(text)
  return (xml(text):gsub("\n", "&#10;"):gsub("\t", "&#9;"))
end

local function seconds(value)
  local finite = value and value >= 0 and value < math.huge
  return ("%.3f"):format(finite and value or 0)
end

local function details(result)
  local out = {}
  local function add(label, value)
    if value then out[#out + 1] = label .. ": " .. build.bounded(value, VALUE):gsub("\n", "\n  ") end
  end
  add("requirement", result.req and table.concat(result.req, " "))
  add("statement", result.statement)
  add("row", result.row)
  add("expected", result.expected)
  add("observed", result.observed)
  add("where", result.location)
  add("again", result.command)
  return table.concat(out, "\n")
end

local function system_out(result)
  local out = {}
  for _, note in ipairs(result.notes or {}) do out[#out + 1] = "note: " .. note end
  if result.verdict == "warn" then out[#out + 1] = "warning: " .. (result.observed or "") end
  for _, line in ipairs(build.transcript(result)) do out[#out + 1] = line end
  if #out == 0 then return "" end
  return "      <system-out>" .. xml(table.concat(build.limited(out, VALUE, OUTPUT), "\n")) .. "\n</system-out>\n"
end

-- What the server wrote of its end.
local function system_err(result)
  if not result.log then return "" end
  return "      <system-err>" .. xml(build.bounded(result.log, OUTPUT)) .. "\n</system-err>\n"
end

local function element(name, message, kind, text)
  return ('      <%s message="%s"%s>%s</%s>\n'):format(name, attribute(build.bounded(message, MESSAGE)),
    kind and (' type="%s"'):format(attribute(kind)) or "", xml(text), name)
end

-- Text of the element, with the reason first.
local function reason_and(result, message)
  local text = details(result)
  return message == result.observed and text or build.bounded(message, VALUE) .. "\n" .. text
end

-- What stands in the testcase for each verdict; a pass and a warning have nothing.
local outcomes = {
  fail = function(result, message)
    local id = result.req and result.req[1] or ""
    return element("failure", message, id ~= "" and id or "failure", reason_and(result, message))
  end,
  error = function(result, message) return element("error", message, "error", reason_and(result, message)) end,
  expected = function(_, message) return element("skipped", message, nil, build.bounded(message, VALUE)) end,
  skip = function(_, message) return element("skipped", message, nil, build.bounded(message, VALUE)) end,
  inconclusive = function(_, message)
    return element("skipped", "inconclusive: " .. message, nil, "inconclusive: " .. build.bounded(message, VALUE))
  end,
}

local function testcase(result, verdict, message, classname, name)
  local outcome = outcomes[verdict]
  local head = ('    <testcase classname="%s" name="%s" time="%s"'):format(classname, name, seconds(result.seconds))
  local body = (outcome and outcome(result, message) or "") .. system_out(result) .. system_err(result)
  if body == "" then return head .. "/>\n" end
  return head .. ">\n" .. body .. "    </testcase>\n"
end

local COUNTED <const> = { fail = "failures", error = "errors", skip = "skipped", inconclusive = "skipped",
  expected = "skipped" }

local function new_suite(name)
  return { name = name, tests = 0, failures = 0, errors = 0, skipped = 0, time = 0, cases = {}, names = {} }
end

local function count(suite, verdict, time)
  suite.tests = suite.tests + 1
  suite.time = suite.time + (time or 0)
  local counter = COUNTED[verdict]
  if counter then suite[counter] = suite[counter] + 1 end
end

-- The name of a case, the only one of its class.
local function unique(suite, name)
  local times = (suite.names[name] or 0) + 1
  suite.names[name] = times
  return times == 1 and name or unique(suite, ("%s (%d)"):format(name, times))
end

local function add(suite, result, options, flake)
  local verdict, message = build.judged(result, options.strict, flake)
  local name = unique(suite, attribute(build.bounded(result.id .. (result.title and ": " .. result.title or ""), MESSAGE)))
  count(suite, verdict, result.seconds)
  suite.cases[#suite.cases + 1] = testcase(result, verdict, message, attribute(suite.name), name)
end

-- Expectations that do not hold fail the build, and belong to no case.
local function unmet(results)
  local problems = results.expectations and results.expectations.problems or {}
  if #problems == 0 then
    return nil
  end
  local suite = new_suite "h2probe.expectations"
  for _, problem in ipairs(problems) do
    local name = unique(suite, attribute(build.bounded(("%s:%d: %s"):format(results.expectations.file, problem.line, problem.id),
      MESSAGE)))
    count(suite, "fail", 0)
    suite.cases[#suite.cases + 1] = testcase({ seconds = 0, notes = {}, verdict = "fail", observed = problem.text }, "fail",
      problem.text, attribute(suite.name), name)
  end
  return suite
end

-- Results by mode and suite, in the order of the results.
local function group(results, options)
  local list, by_name, flakes = {}, {}, build.flakes(results)
  for _, result in ipairs(results.results) do
    local name = ("h2probe.%s.%s"):format(result.mode, (result.suite:gsub("/", ".")))
    local suite = by_name[name]
    if not suite then
      suite = new_suite(name)
      by_name[name] = suite
      list[#list + 1] = suite
    end
    add(suite, result, options, flakes[build.key(result)])
  end
  list[#list + 1] = unmet(results)
  return list
end

local function properties(results)
  local rows = { { "target", results.target }, { "tool", results.tool.name .. " " .. results.tool.version },
    { "started", results.started } }
  for _, key in ipairs { "interrupted", "died" } do
    if results[key] then rows[#rows + 1] = { key, results[key] } end
  end
  local out = {}
  for i, row in ipairs(rows) do
    out[i] = ('      <property name="%s" value="%s"/>\n'):format(row[1], attribute(row[2]))
  end
  return "    <properties>\n" .. table.concat(out) .. "    </properties>\n"
end

--- The whole report as a string; results and options as docs/runtime.md describes them.
function junit.write(results, options)
  local suites = group(results, options or {})
  local total = new_suite "h2probe"
  local out = {}
  for _, suite in ipairs(suites) do
    for _, key in ipairs { "tests", "failures", "errors", "skipped" } do total[key] = total[key] + suite[key] end
    out[#out + 1] = ('  <testsuite name="%s" tests="%d" failures="%d" errors="%d" skipped="%d" time="%s">\n')
      :format(attribute(suite.name), suite.tests, suite.failures, suite.errors, suite.skipped, seconds(suite.time))
    out[#out + 1] = properties(results)
    out[#out + 1] = table.concat(suite.cases)
    out[#out + 1] = "  </testsuite>\n"
  end
  local head = ('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="h2probe" tests="%d" failures="%d"'
    .. ' errors="%d" time="%s">\n')
    :format(total.tests, total.failures, total.errors, seconds(results.seconds))
  return head .. table.concat(out) .. "</testsuites>\n"
end

return junit
