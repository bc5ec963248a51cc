-- JUnit XML as Jenkins, GitLab and Surefire read it: one testsuite for each mode and suite.
local junit = { extension = "xml" }

local ENTITIES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function byte_escape(octet)
  return ("\\x%02x"):format(octet:byte())
end

-- Characters that XML 1.0 permits, and that are safe to show: no C1 controls.
local function permitted(code)
  return code >= 0xa0 and code <= 0xd7ff or code >= 0xe000 and code <= 0xfffd or code >= 0x10000 and code <= 0x10ffff
end

local function non_ascii(text)
  local out = {}
  local at = 1
  while at <= #text do
    local length = utf8.len(text, at, at) and (utf8.offset(text, 2, at) or #text + 1) - at
    local char = length and text:sub(at, at + length - 1)
    if char and permitted(utf8.codepoint(char)) then
      out[#out + 1] = char
      at = at + length
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
  return (text:gsub('[&<>"]', ENTITIES))
end

-- The same for an attribute, where line ends would be folded to blanks.
local function attribute(text)
  return (xml(text):gsub("\n", "&#10;"):gsub("\t", "&#9;"))
end

local function seconds(value)
  return ("%.6f"):format(value or 0)
end

local function transcript(result)
  local out = {}
  for _, entry in ipairs(result.transcript or {}) do
    out[#out + 1] = ("%8.3f ms %s %s"):format(entry.time * 1000, entry.sent and "->" or "<-", entry.text)
    for _, line in ipairs(entry.lines or {}) do out[#out + 1] = "                 " .. line end
  end
  return out
end

local function details(result)
  local out = {}
  local function add(label, value)
    if value then out[#out + 1] = label .. ": " .. value end
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
  for _, line in ipairs(transcript(result)) do out[#out + 1] = line end
  if #out == 0 then return "" end
  return "      <system-out>" .. xml(table.concat(out, "\n")) .. "\n</system-out>\n"
end

local function element(name, message, kind, text)
  return ('      <%s message="%s"%s>%s</%s>\n'):format(name, attribute(message),
    kind and (' type="%s"'):format(attribute(kind)) or "", xml(text), name)
end

-- What stands in the testcase for each verdict; a pass and a warning have nothing.
local outcomes = {
  fail = function(result)
    return element("failure", result.observed or "failed", result.req and result.req[1], details(result))
  end,
  error = function(result) return element("error", result.observed or "error", "error", details(result)) end,
  skip = function(result) return element("skipped", result.observed or "skipped", nil, "") end,
  inconclusive = function(result)
    return element("skipped", "inconclusive: " .. (result.observed or ""), nil, "")
  end,
}

local function testcase(result, classname)
  local outcome = outcomes[result.verdict]
  local head = ('    <testcase classname="%s" name="%s" time="%s"'):format(attribute(classname),
    attribute(result.id .. ": " .. (result.title or "")), seconds(result.seconds))
  local body = (outcome and outcome(result) or "") .. system_out(result)
  if body == "" then return head .. "/>\n" end
  return head .. ">\n" .. body .. "    </testcase>\n"
end

local COUNTED <const> = { fail = "failures", error = "errors", skip = "skipped", inconclusive = "skipped" }

local function new_suite(name)
  return { name = name, tests = 0, failures = 0, errors = 0, skipped = 0, time = 0, cases = {} }
end

local function count(suite, result)
  suite.tests = suite.tests + 1
  suite.time = suite.time + (result.seconds or 0)
  local counter = COUNTED[result.verdict]
  if counter then suite[counter] = suite[counter] + 1 end
end

-- Results by mode and suite, in the order of the results.
local function group(results)
  local list, by_name = {}, {}
  for _, result in ipairs(results.results) do
    local name = ("h2probe.%s.%s"):format(result.mode, result.suite:gsub("/", "."))
    local suite = by_name[name]
    if not suite then
      suite = new_suite(name)
      by_name[name] = suite
      list[#list + 1] = suite
    end
    count(suite, result)
    suite.cases[#suite.cases + 1] = testcase(result, name)
  end
  return list
end

local function properties(results)
  local rows = { { "target", results.target }, { "tool", results.tool.name .. " " .. results.tool.version } }
  if results.interrupted then rows[#rows + 1] = { "interrupted", results.interrupted } end
  local out = {}
  for i, row in ipairs(rows) do
    out[i] = ('      <property name="%s" value="%s"/>\n'):format(row[1], attribute(row[2]))
  end
  return "    <properties>\n" .. table.concat(out) .. "    </properties>\n"
end

--- The whole report as a string; results as docs/runtime.md describes them.
function junit.write(results)
  local suites = group(results)
  local total = new_suite "h2probe"
  local out = {}
  local stamp = results.started:gsub("Z$", "")
  for _, suite in ipairs(suites) do
    for _, key in ipairs { "tests", "failures", "errors", "skipped" } do total[key] = total[key] + suite[key] end
    out[#out + 1] = ('  <testsuite name="%s" tests="%d" failures="%d" errors="%d" skipped="%d" time="%s" timestamp="%s">\n')
      :format(attribute(suite.name), suite.tests, suite.failures, suite.errors, suite.skipped, seconds(suite.time), stamp)
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
