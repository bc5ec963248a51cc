-- TAP, NDJSON, CTRF, Markdown and GitHub's annotations: golden files, and that each is what its readers take, whatever the
-- peer sends. `H2PROBE_GOLDEN=write` writes the golden files anew.
package.loaded["h2probe.engine"] = package.loaded["h2probe.engine"] or { version = "0" }
local console = require "h2probe.reports.console"
local ctrf = require "h2probe.reports.ctrf"
local data = dofile "tests/lua/results_data.lua"
local dkjson = require "dkjson"
local github = require "h2probe.reports.github"
local markdown = require "h2probe.reports.markdown"
local ndjson = require "h2probe.reports.ndjson"
local tap = require "h2probe.reports.tap"

local GOLDEN <const> = "tests/data/golden/"
local FIXTURES <const> = { "passes", "verdicts", "hostile", "empty", "interrupted", "long", "flaky" }
local FORMATS <const> = { tap = tap, ndjson = ndjson, ctrf = ctrf, markdown = markdown, github = github }

local function golden(name, content)
  if os.getenv "H2PROBE_GOLDEN" == "write" then
    local file = assert(io.open(GOLDEN .. name, "wb"))
    assert(file:write(content))
    file:close()
  end
  local file = assert(io.open(GOLDEN .. name, "rb"))
  local expected = file:read "a"
  file:close()
  assert.are.equal(expected, content)
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "([^\n]*)\n" do
    lines[#lines + 1] = line
  end
  return lines
end

-- Every fixture, with and without --strict, and what the exit status is.
local function each(check)
  for _, name in ipairs(FIXTURES) do
    for _, strict in ipairs { false, true } do
      local all = data[name]()
      local _, sentence, status = console.conclusion(all, strict)
      check(all, { strict = strict }, status, sentence)
    end
  end
end

describe("golden files", function()
  for format, writer in pairs(FORMATS) do
    for _, name in ipairs(FIXTURES) do
      it(format .. " " .. name, function()
        local shared = format == "ctrf" or format == "github" -- the extension is another format's, too
        golden(("%s.%s%s"):format(name, shared and format .. "." or "", writer.extension), writer.write(data[name]()))
      end)
    end
  end
end)

-- TAP ------------------------------------------------------------------------------------------------------

local function unescaped(text)
  return (text:gsub("\\([\\#])", "%1"))
end

-- The parts of what follows a test number: description and directive with its reason.
local function directive_of(rest)
  local hidden = rest:gsub("\\\\", "\1\1"):gsub("\\#", "\2\2")
  local at, _, word = hidden:find "%s+#%s*(%a+)"
  word = word and word:upper()
  if word ~= "SKIP" and word ~= "TODO" then
    return unescaped(rest)
  end
  local reason = rest:sub(at):match "#%s*%a+%s?(.*)"
  return unescaped(rest:sub(1, at - 1)), word, unescaped(reason)
end

-- Lines of a YAML block: "name: scalar", "name:" and "- scalar" below it. Double-quoted scalars are those of JSON.
local function check_yaml(lines)
  local keys = {}
  for _, line in ipairs(lines) do
    local key, value = line:match "^  ([%l_]+):%s?(.*)$"
    value = value or assert(line:match "^    %- (.*)$", line)
    if key then
      assert.is_nil(keys[key], key)
      keys[key] = true
    end
    if value ~= "" then
      local _, stop, message = dkjson.decode(value)
      assert.is_nil(message, value)
      assert.are.equal(#value + 1, stop, value)
    end
  end
end

local function parse_tap(text)
  local points, plan, bail = {}, nil, nil
  local lines = lines_of(text)
  assert.are.equal("TAP version 14", lines[1])
  local yaml
  for i = 2, #lines do
    local line = lines[i]
    local no, number, rest = line:match "^(n?o?t? ?)ok (%d+) %- (.*)$"
    if yaml then
      if line == "  ..." then
        check_yaml(yaml)
        yaml = nil
      else
        yaml[#yaml + 1] = line
      end
    elseif line == "  ---" then
      assert.is_truthy(lines[i - 1]:find "ok %d+", "a block follows a test point")
      yaml = {}
    elseif number then
      assert.are.equal(#points + 1, tonumber(number))
      local description, directive, reason = directive_of(rest)
      points[#points + 1] = { ok = no == "", description = description, directive = directive, reason = reason }
    elseif line:find "^1%.%.%d+$" then
      assert.is_nil(plan)
      plan = tonumber(line:match "%d+$")
    elseif line:find "^Bail out! " then
      bail = line
    else
      assert.is_truthy(line:find "^# ", line)
    end
  end
  assert.is_nil(yaml)
  assert.are.equal(#points, plan)
  return points, bail
end

describe("tap", function()
  it("is TAP 14 and agrees with the exit status", function()
    each(function(all, options, status)
      local text = tap.write(all, options)
      assert.is_truthy(utf8.len(text))
      assert.is_nil(text:find "[\0-\9\11-\31\127]")
      local points, bail = parse_tap(text)
      local good = bail == nil and #points > 0
      for _, point in ipairs(points) do
        good = good and (point.ok or point.directive == "TODO")
      end
      assert.are.equal(status == 0, good)
    end)
  end)

  it("lets no text begin a directive", function()
    local all = data.verdicts()
    all.results[3].title = [[a # SKIP b \# TODO c \\# skip d]]
    local point = parse_tap(tap.write(all))[3]
    assert.is_nil(point.directive)
    assert.is_true(point.ok)
    assert.is_truthy(point.description:find([[a # SKIP b \# TODO c \\# skip d]], 1, true), point.description)
  end)

  it("skips with the reason, and has a known failure as TODO", function()
    local all = data.verdicts()
    all.results[1].expected_failure = { reason = "ticket # 12", file = "known.txt", line = 3 }
    all.expectations = { problems = { { text = "known.txt:9: nothing has that id" } } }
    local points = parse_tap(tap.write(all))
    assert.are.same({ false, "TODO", "expected fail: ticket # 12" },
      { points[1].ok, points[1].directive, points[1].reason })
    assert.are.same({ true, "SKIP", "the peer does not upgrade" }, { points[7].ok, points[7].directive, points[7].reason })
    assert.are.same({ false, "known.txt:9: nothing has that id" }, { points[#points].ok, points[#points].description })
  end)
end)

-- NDJSON ---------------------------------------------------------------------------------------------------

local function values_of(text)
  local values = {}
  for i, line in ipairs(lines_of(text)) do
    local value, stop, message = dkjson.decode(line)
    assert.is_nil(message, line)
    assert.are.equal(#line + 1, stop)
    values[i] = value
  end
  return values
end

local function live()
  local written = {}
  return { target = "https://h/", tool = { name = "h2probe", version = "0" }, started = "2026-11-23T10:00:00Z", modes = {},
    write = function(text) written[#written + 1] = text end }, written
end

describe("ndjson", function()
  it("is a line of JSON for the run, each result and the end", function()
    each(function(all)
      local values = values_of(ndjson.write(all))
      assert.are.equal(#all.results + 2, #values)
      assert.are.same({ "run", "end" }, { values[1].kind, values[#values].kind })
      assert.are.equal(all.summary.total, values[#values].summary.total)
    end)
  end)

  it("tells a result as it comes, once, and at the end what is new", function()
    local all = data.passes()
    local context, written = live()
    ndjson.begin(context)
    assert.are.equal("run", values_of(written[1])[1].kind)
    for i = 1, 5 do
      ndjson.progress(context, { kind = "result", done = i, total = 8, result = all.results[i] })
    end
    assert.are.equal(6, #written)
    all.results[2].verdict = "error"
    local rest = values_of(ndjson.finish(context, all))
    local ids = {}
    for i, value in ipairs(rest) do
      ids[i] = value.kind == "result" and value.result.id .. " " .. value.result.mode or value.kind
    end
    assert.are.same({ "http2/settings/case-2 alpn", "http2/settings/case-2 prior", "http2/settings/case-3 prior",
      "hpack/static-table prior", "end" }, ids)
  end)

  it("numbers the rounds", function()
    local context, written = live()
    context.rounds = 2
    local result = data.passes().results[1]
    ndjson.begin(context)
    for round = 1, 2 do
      ndjson.progress(context, { kind = "result", round = round, done = 1, total = 1, result = result })
    end
    assert.are.same({ 1, 2 }, { values_of(written[2])[1].round, values_of(written[3])[1].round })
  end)
end)

-- CTRF -----------------------------------------------------------------------------------------------------
-- The members that the published schema knows; anything else is an error there.

local TEST <const> = { name = "string", status = "string", duration = "integer", suite = "table", message = "string",
  trace = "string", rawStatus = "string", tags = "table", type = "string", filePath = "string", line = "integer",
  flaky = "boolean", stdout = "table", extra = "table" }
local SUMMARY <const> = { tests = "integer", passed = "integer", failed = "integer", skipped = "integer", pending = "integer",
  other = "integer", flaky = "integer", suites = "integer", start = "integer", stop = "integer", duration = "integer" }

local function check_members(value, known, required)
  for name, member in pairs(value) do
    assert.are.equal(known[name], math.type(member) == "integer" and "integer" or type(member), name)
  end
  for _, name in ipairs(required) do
    assert.is_not_nil(value[name], name)
  end
end

describe("ctrf", function()
  it("has what the schema asks for, counts right and agrees with the exit status", function()
    each(function(all, options, status)
      local back = assert(dkjson.decode(ctrf.write(all, options)))
      assert.are.same({ "CTRF", "0.0.0" }, { back.reportFormat, back.specVersion })
      local results, counts = back.results, { passed = 0, failed = 0, skipped = 0, pending = 0, other = 0 }
      check_members(results.summary, SUMMARY, { "tests", "passed", "failed", "skipped", "pending", "other", "start", "stop" })
      for _, test in ipairs(results.tests) do
        check_members(test, TEST, { "name", "status", "duration" })
        assert.is_true(#test.name > 0 and #test.suite > 0 and test.duration >= 0)
        counts[test.status] = counts[test.status] + 1
      end
      assert.are.equal(#results.tests, results.summary.tests)
      for name, count in pairs(counts) do
        assert.are.equal(count, results.summary[name])
      end
      assert.are.equal(status == 0, results.environment.healthy)
      assert.is_true(status ~= 0 or counts.failed == 0)
    end)
  end)

  it("knows the time since 1970", function()
    for _, stamp in ipairs { "2026-11-23T10:00:00Z", "2024-02-29T23:59:59Z", "2000-03-01T00:00:00Z", "1970-01-01T00:00:00Z" } do
      local all = data.passes()
      all.started = stamp
      local start = dkjson.decode(ctrf.write(all)).results.summary.start
      assert.are.equal(stamp, os.date("!%Y-%m-%dT%H:%M:%SZ", start // 1000))
    end
  end)

  it("has a known failure as skipped, and an expectation that does not hold as failed", function()
    local tests = dkjson.decode(ctrf.write(data.expected())).results.tests
    assert.are.same({ "skipped", "fail" }, { tests[1].status, tests[1].rawStatus })
    assert.is_truthy(tests[1].message:find "ticket 12")
    assert.are.equal("failed", tests[#tests].status)
  end)
end)

-- Markdown -------------------------------------------------------------------------------------------------

-- What is left of a text when its code is taken away: fenced blocks, then spans with fences of one length.
local function without_code(text)
  local kept, fence = {}, nil
  for _, line in ipairs(lines_of(text)) do
    local ticks = line:match "^(```+)"
    if not fence and ticks then
      fence = ticks
    elseif fence then
      fence = line ~= fence and fence or nil
    else
      local at = 1
      while true do
        local first, last = line:find("`+", at)
        if not first then break end
        local run = line:sub(first, last)
        local stop = line:find("[^`]" .. run .. "%f[^`]", last + 1)
        assert.is_truthy(stop, "a span that does not end: " .. line)
        line = line:sub(1, first - 1) .. line:sub(stop + #run + 1)
        at = first
      end
      kept[#kept + 1] = line
    end
  end
  assert.is_nil(fence, "a block that does not end")
  return table.concat(kept, "\n")
end

describe("markdown", function()
  it("keeps what a peer sent in code", function()
    local all = data.verdicts()
    local one = all.results[1]
    for _, name in ipairs { "id", "observed", "expected", "row", "command", "location" } do
      one[name] = "EVIL` ``` <b> @team #1 [x](http://evil.example) | ![y](z)\n```\n# EVIL"
    end
    one.notes = { one.observed }
    one.transcript[1].text, one.transcript[1].lines = one.observed, { "````", "```text" }
    all.target = one.observed
    local rest = without_code(markdown.write(all))
    assert.is_nil(rest:find "EVIL")
    assert.is_nil(rest:find("evil.example", 1, true))
    assert.is_nil(rest:find "@")
  end)

  it("has no markup from titles and statements", function()
    local all = data.verdicts()
    all.results[1].title = "<script>x</script> *a* [b](https://evil.example) @team #12 | `c`"
    local rest = without_code(markdown.write(all))
    assert.is_nil(rest:find "[^\\]<script")
    assert.is_nil(rest:find "[^\\]%[b")
    assert.is_nil(rest:find "[@]")
  end)

  it("has as many cells in each row of a table", function()
    each(function(all, options)
      local cells
      for _, line in ipairs(lines_of(markdown.write(all, options))) do
        local _, bars = line:gsub("\\|", ""):gsub("|", "")
        cells = line:find "^| " and (cells or bars) or nil
        assert.is_true(cells == nil or cells == bars, line)
      end
    end)
  end)

  it("puts servers side by side: where they differ", function()
    local first, second = data.verdicts(), data.verdicts()
    second.results[3].verdict = "fail"
    table.remove(second.results, 9)
    local text = markdown.compare { { label = "a|b", results = first }, { label = "c", results = second } }
    local from = text:find("| case |", 1, true)
    assert.are.same({ "| case | `a\\|b` | `c` |", "| --- | --- | --- |",
      "| `http2/settings/ack-with-payload` (alpn) | passed | **failed** |", "| `messages/large` (prior) | skipped |  |", "",
      "8 judged alike.", "", "" }, lines_of(text:sub(from) .. "\n"))
  end)

  it("says what the exit status is and keeps to a limit", function()
    each(function(all, options, status)
      assert.is_truthy(markdown.write(all, options):find(("(exit status %d)"):format(status), 1, true))
    end)
    local long = markdown.write(data.hostile(), { limit = 3000 })
    assert.is_true(#long <= 3000)
    assert.is_truthy(long:find("does not fit", 1, true))
    without_code(long)
  end)
end)

-- GitHub ---------------------------------------------------------------------------------------------------

describe("github", function()
  it("is one command a line, with an error exactly where the exit status says so", function()
    each(function(all, options, status)
      local text, errors = github.write(all, options), 0
      assert.is_nil(text:find "[^\n -~\128-\255]")
      for _, line in ipairs(lines_of(text)) do
        local kind, properties = line:match "^::(%l+) (title=[^:]*)::[^\n]+$"
        assert.is_truthy(kind == "error" or kind == "warning", line)
        for part in properties:gmatch "[^,]+" do
          assert.is_truthy(part:find "^%l+=[^=]", part)
        end
        errors = errors + (kind == "error" and 1 or 0)
      end
      assert.are.equal(status ~= 0, errors > 0)
    end)
  end)

  it("shows ten, and names the others in the last", function()
    local all = data.verdicts()
    local list = {}
    for i = 1, 30 do
      list[i] = setmetatable({ id = "a/case-" .. i, verdict = i > 15 and "warn" or "fail" }, { __index = all.results[1] })
    end
    local lines = lines_of(github.write(data.table(list)))
    assert.are.equal(20, #lines)
    assert.is_truthy(lines[10]:find("title=h2probe%3A 6 more::a/case-10 (alpn)%0Aa/case-11 (alpn)", 1, true), lines[10])
  end)

  it("points to scripts of the user's, not to suites of the product", function()
    local all = data.verdicts()
    all.results[1].location = "probes/a,b.lua:7"
    assert.is_truthy(github.write(all):find(",file=probes/a%2Cb.lua,line=7::", 1, true))
    assert.is_nil(github.write(data.verdicts()):find ",file=")
  end)
end)
