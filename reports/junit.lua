-- JUnit XML as Jenkins, GitLab and Surefire read it: one testsuite for each mode and suite.
--
-- What their readers differ in: Surefire takes at most three decimals of a second and wants a type with each failure
-- and error; Jenkins shows the message of a skip, GitLab its content; GitLab drops the second of two cases with the same
-- name; both follow [[ATTACHMENT|PATH]] in the output to a file, so no peer may write that.
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

-- A text that is not too long, and never cut inside a character.
local function bounded(text, limit)
  text = tostring(text)
  if #text <= limit then return text end
  local last = limit
  while last > limit - 4 and text:find("^[\128-\191]", last + 1) do last = last - 1 end
  return ("%s... (%d octets more)"):format(text:sub(1, last), #text - last)
end

local function transcript(result)
  local out = {}
  for _, entry in ipairs(result.transcript or {}) do
    out[#out + 1] = ("%8.3f ms %s %s"):format(entry.time * 1000,
      entry.kind == "note" and "--" or entry.sent and "->" or "<-", entry.text)
    for _, line in ipairs(entry.lines or {}) do out[#out + 1] = "                 " .. line end
  end
  return out
end

local function details(result)
  local out = {}
  local function add(label, value)
    if value then out[#out + 1] = label .. ": " .. bounded(value, VALUE):gsub("\n", "\n  ") end
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

-- Lines as one text, as many as there is room for.
local function joined(lines)
  local room = OUTPUT
  for i, line in ipairs(lines) do
    lines[i] = bounded(line, VALUE)
    room = room - #lines[i] - 1
    if room < 0 then
      return table.concat(lines, "\n", 1, i - 1) .. ("\n(%d lines more)"):format(#lines - i + 1)
    end
  end
  return table.concat(lines, "\n")
end

local function system_out(result)
  local out = {}
  for _, note in ipairs(result.notes or {}) do out[#out + 1] = "note: " .. note end
  if result.verdict == "warn" then out[#out + 1] = "warning: " .. (result.observed or "") end
  for _, line in ipairs(transcript(result)) do out[#out + 1] = line end
  if #out == 0 then return "" end
  return "      <system-out>" .. xml(joined(out)) .. "\n</system-out>\n"
end

-- What the server wrote of its end.
local function system_err(result)
  if not result.log then return "" end
  return "      <system-err>" .. xml(bounded(result.log, OUTPUT)) .. "\n</system-err>\n"
end

local function element(name, message, kind, text)
  return ('      <%s message="%s"%s>%s</%s>\n'):format(name, attribute(bounded(message, MESSAGE)),
    kind and (' type="%s"'):format(attribute(kind)) or "", xml(text), name)
end

-- Text of the element, with the reason first.
local function reason_and(result, message)
  local text = details(result)
  return message == result.observed and text or bounded(message, VALUE) .. "\n" .. text
end

-- What stands in the testcase for each verdict; a pass and a warning have nothing.
local outcomes = {
  fail = function(result, message)
    local id = result.req and result.req[1] or ""
    return element("failure", message, id ~= "" and id or "failure", reason_and(result, message))
  end,
  error = function(result, message) return element("error", message, "error", reason_and(result, message)) end,
  skip = function(_, message) return element("skipped", message, nil, bounded(message, VALUE)) end,
  inconclusive = function(_, message)
    return element("skipped", "inconclusive: " .. message, nil, "inconclusive: " .. bounded(message, VALUE))
  end,
}

local VERDICTS <const> = { "pass", "warn", "fail", "skip", "inconclusive", "error", "absent" }

-- "pass 4, skip 1" of a verdict that changed between rounds; by id and mode.
local function flakes_of(results)
  local by_key = {}
  for _, flake in ipairs(results.flakes or {}) do
    local parts = {}
    for _, verdict in ipairs(VERDICTS) do
      local times = flake.verdicts[verdict]
      if times then parts[#parts + 1] = ("%s %d"):format(verdict, times) end
    end
    by_key[flake.id .. " " .. flake.mode] = "the verdict changed between rounds: " .. table.concat(parts, ", ")
  end
  return by_key
end

-- Verdict and message as a build sees them, so that report and exit status agree: a warning under --strict and a
-- verdict that changes are failures.
local function judged(result, strict, flake)
  local verdict, message = result.verdict, result.observed or result.verdict
  if flake and verdict ~= "fail" and verdict ~= "error" then
    return "fail", flake
  end
  if verdict == "warn" and strict then
    return "fail", message
  end
  return verdict, message
end

local function testcase(result, verdict, message, classname, name)
  local outcome = outcomes[verdict]
  local head = ('    <testcase classname="%s" name="%s" time="%s"'):format(classname, name, seconds(result.seconds))
  local body = (outcome and outcome(result, message) or "") .. system_out(result) .. system_err(result)
  if body == "" then return head .. "/>\n" end
  return head .. ">\n" .. body .. "    </testcase>\n"
end

local COUNTED <const> = { fail = "failures", error = "errors", skip = "skipped", inconclusive = "skipped" }

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
  local verdict, message = judged(result, options.strict, flake)
  local name = unique(suite, attribute(bounded(result.id .. (result.title and ": " .. result.title or ""), MESSAGE)))
  count(suite, verdict, result.seconds)
  suite.cases[#suite.cases + 1] = testcase(result, verdict, message, attribute(suite.name), name)
end

-- Results by mode and suite, in the order of the results.
local function group(results, options)
  local list, by_name, flakes = {}, {}, flakes_of(results)
  for _, result in ipairs(results.results) do
    local name = ("h2probe.%s.%s"):format(result.mode, (result.suite:gsub("/", ".")))
    local suite = by_name[name]
    if not suite then
      suite = new_suite(name)
      by_name[name] = suite
      list[#list + 1] = suite
    end
    add(suite, result, options, flakes[result.id .. " " .. result.mode])
  end
  return list
end

local function properties(results)
  local rows = { { "target", results.target }, { "tool", results.tool.name .. " " .. results.tool.version } }
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
