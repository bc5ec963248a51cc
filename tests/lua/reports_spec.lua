-- The reports: golden files, hostile octets, and what readers of JUnit rely on.
--
-- The golden files are in tests/data/golden. `H2PROBE_GOLDEN=write` writes them anew; look at the difference
-- before it is committed.
local console = require "h2probe.reports.console"
local data = dofile "tests/lua/results_data.lua"
local json = require "h2probe.reports.json"
local junit = require "h2probe.reports.junit"
local text = require "h2probe.reports.console.text"

local GOLDEN <const> = "tests/data/golden/"
local FIXTURES <const> = { "passes", "verdicts", "hostile", "empty", "interrupted", "long", "flaky", "gated" }

local function read(path)
  local file = assert(io.open(path, "rb"))
  local content = file:read "a"
  file:close()
  return content
end

local function write(path, content)
  local file = assert(io.open(path, "wb"))
  assert(file:write(content))
  assert(file:close())
end

local function golden(name, content)
  if os.getenv "H2PROBE_GOLDEN" == "write" then
    write(GOLDEN .. name, content)
  end
  assert.are.equal(read(GOLDEN .. name), content)
end

local function plain(fixture, options)
  options = options or {}
  options.unicode = options.unicode or false
  return console.write(fixture, options)
end

local function lines_of(content)
  local lines = {}
  for line in content:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

describe("golden files", function()
  for _, name in ipairs(FIXTURES) do
    it("console " .. name, function() golden(name .. ".txt", plain(data[name]())) end)
    it("junit " .. name, function() golden(name .. ".xml", junit.write(data[name]())) end)
    it("json " .. name, function() golden(name .. ".json", json.write(data[name]())) end)
  end

  it("console in colour, wide, verbose, in UTF-8", function()
    golden("verdicts-wide.txt", console.write(data.verdicts(), { width = 140, color = true, verbose = true,
      strict = true, unicode = true }))
  end)

  it("junit under --strict", function()
    golden("verdicts-strict.xml", junit.write(data.verdicts(), { strict = true }))
  end)
end)

describe("console", function()
  it("keeps to the width", function()
    for _, name in ipairs(FIXTURES) do
      for width = 40, 160, 7 do
        for _, unicode in ipairs { true, false } do
          local content = console.write(data[name](), { width = width, unicode = unicode, verbose = width % 2 == 1 })
            .. console.write(data[name](), { width = width, unicode = unicode, quiet = width % 2 == 0 })
          local command = false -- its words are never broken
          for _, line in ipairs(lines_of(content)) do
            command = line ~= "" and (command or line:find "^  again" ~= nil)
            assert.is_true(text.width(line) <= width or command, line)
          end
        end
      end
    end
  end)

  it("writes printable ASCII only, except the escapes of its own colours", function()
    for _, name in ipairs(FIXTURES) do
      assert.is_nil(plain(data[name]()):find "[^\n -~]")
      local coloured = plain(data[name](), { color = true }):gsub("\27%[[%d;]+m", "")
      assert.is_nil(coloured:find "[^\n -~]")
    end
  end)

  it("writes valid UTF-8 without controls where the locale has it", function()
    local mixed = "\xf0\xa4\xad\xa2\x9e \u{e4}\x80 \xc3"
    assert.are.equal("\\xf0\\xa4\\xad\\xa2\\x9e \u{e4}\\x80 \\xc3", text.printable(mixed, true))
    local content = console.write(data.hostile(), { unicode = true })
    assert.is_truthy(utf8.len(content))
    for _, code in utf8.codes(content) do
      assert.is_true(code == 10 or code >= 32 and code < 127 or code >= 0xa1 and code ~= 0x202e, code)
    end
  end)

  it("says the same in colour", function()
    local coloured = plain(data.verdicts(), { color = true }):gsub("\27%[[%d;]+m", "")
    assert.are.equal(plain(data.verdicts()), coloured)
  end)

  it("shows all conversations when verbose, and the stimulus when not", function()
    local content = plain(data.verdicts())
    assert.is_truthy(content:find(">     0.500 -> PRIORITY stream 3", 1, true))
    assert.is_nil(content:find("SETTINGS stream 0 ACK", 1, true))
    assert.is_truthy(plain(data.verdicts(), { verbose = true }):find("SETTINGS stream 0 ACK", 1, true))
  end)

  it("takes the status line away on a terminal only", function()
    assert.are.equal("h2probe", plain(data.empty()):sub(1, 7))
    if os.getenv "TERM" ~= "dumb" then
      assert.are.equal("\r\27[Kh2probe", plain(data.empty(), { tty = true }):sub(1, 11))
    end
  end)

  it("ends with the exit status that the program has", function()
    package.loaded["h2probe.engine"] = package.loaded["h2probe.engine"] or { version = "0" }
    local results = require "h2probe.results"
    local passes = data.passes()
    local tables = { data.verdicts(), data.empty(), data.interrupted(), passes,
      data.table(passes.results, { died = "no answer" }),
      data.table(passes.results, { flakes = { { id = "a", mode = "alpn", verdicts = { pass = 1, skip = 1 } } } }) }
    local verdicts = data.verdicts().results
    for _, one in ipairs(verdicts) do tables[#tables + 1] = data.table { one } end
    for _, all in ipairs(tables) do
      for _, strict in ipairs { true, false } do
        local _, _, status = console.conclusion(all, strict)
        assert.are.equal(results.exit_status(all, strict), status)
      end
    end
  end)
end)

describe("text", function()
  it("cuts no escaped octet and no character", function()
    assert.are.same({ "abc", "\\x41d" }, { text.cut("abc\\x41d", 5) })
    assert.are.same({ "\\x41", "\\x42" }, { text.cut("\\x41\\x42", 4) })
    assert.are.same({ "ä", "öü" }, { text.cut("äöü", 1) })
    assert.are.same({ "日", "本" }, { text.cut("日本", 3) })
  end)

  it("wraps at blanks, and words that are too long", function()
    assert.are.same({ "one two", "three" }, text.wrap("one two three", 8))
    assert.are.same({ "abcd", "ef gh" }, text.wrap("abcdef gh", 5) and text.wrap("abcd ef gh", 5))
    assert.are.same({ "abcde", "f gh" }, text.wrap("abcdef gh", 5))
    assert.are.same({ "" }, text.wrap("", 5))
    assert.are.same({ "" }, text.wrap("    ", 5))
  end)

  it("breaks a command where the shell takes it", function()
    local command = [[h2probe run https://host/ --header 'a:  b c' --header 'it'\''s: d  e' --mode alpn]]
    for width = 10, 100 do
      local joined = table.concat(text.wrap_command(command, width), "\n")
      local pipe = assert(io.popen("printf '%s\\n' " .. joined .. " 2>&1"))
      local got = pipe:read "a"
      pipe:close()
      assert.are.equal("h2probe\nrun\nhttps://host/\n--header\na:  b c\n--header\nit's: d  e\n--mode\nalpn\n", got)
    end
  end)

  it("knows UTF-8 from the locale", function()
    local function locale(set) return text.unicode(function(name) return set[name] end) end
    assert.is_true(locale { LANG = "de_DE.UTF-8" })
    assert.is_true(locale { LANG = "C", LC_ALL = "C.utf8" })
    assert.is_false(locale { LANG = "de_DE.UTF-8", LC_ALL = "C" })
    assert.is_false(locale {})
  end)
end)

describe("the status line", function()
  local function context(tty)
    local written, clock = {}, 0
    return { tty = tty, width = 80, target = "https://h/\27\n", now = function() clock = clock + 1 return clock end,
      write = function(octets) written[#written + 1] = octets end }, written
  end

  local function feed(live, total)
    console.begin(live)
    for i, verdict in ipairs { "pass", "pass", "fail", "skip", "warn", "error", "inconclusive" } do
      console.progress(live, { kind = "result", done = i, total = total or 7, result = { id = "a" .. i, mode = "alpn",
        verdict = verdict, observed = "seen a" .. i } })
    end
  end

  it("is not there when standard output is no terminal", function()
    local live, written = context(false)
    feed(live)
    assert.are.same({}, written)
  end)

  if os.getenv "TERM" ~= "dumb" then
    it("is one line, written again in place, below failures as they happen", function()
      local live, written = context(true)
      feed(live)
      assert.is_true(#written > 1)
      local failures = {}
      for _, text_ in ipairs(written) do
        assert.is_truthy(text_:find "^\r\27%[K")
        local lines = text_:sub(5) .. "\n"
        for line in lines:gmatch "([^\n]*)\n" do
          assert.is_truthy(line:find "^[ -~]*$")
          assert.is_true(#line < 80)
          failures[#failures + 1] = line:match "^%u+ .*"
        end
      end
      assert.are.same({ "FAIL a3 (alpn): seen a3", "ERROR a6 (alpn): seen a6" }, failures)
      assert.are.equal("\r\27[K7/7  2 passed, 1 failed, 1 in error, 1 warned, 1 inconclusive, 1 skipped  1.0/s", written[#written])
    end)

    it("tells rate and remaining time, and drops what matters least where it is narrow", function()
      local live, written = context(true)
      live.width = 140
      feed(live, 700)
      assert.is_truthy(written[6]:find("5/700  2 passed, 1 failed, 1 warned, 1 skipped  1.0/s  11 min 35 s left", 1, true),
        written[6])
      live, written = context(true)
      live.width = 40
      feed(live, 700)
      assert.are.equal("\r\27[K5/700  1 failed  11 min 35 s left", written[6])
    end)

    it("counts a case that is judged again once, and starts anew in the next round", function()
      local live, written = context(true)
      live.rounds = 2
      local round = 1
      local function event(done, verdict)
        console.progress(live, { kind = "result", round = round, done = done, total = 2, result = { id = "a" .. done,
          mode = "alpn", verdict = verdict } })
      end
      event(1, "pass")
      event(1, "error")
      event(2, "pass")
      assert.is_truthy(written[#written]:find("round 1/2  2/2  1 passed, 1 in error", 1, true))
      round = 2
      event(1, "pass")
      assert.is_truthy(written[#written]:find("round 2/2  1/2  1 passed", 1, true))
      event(1, "error")
      assert.is_nil(written[#written]:find "ERROR") -- that was told in the first round
    end)

    it("is not there with --quiet", function()
      local live, written = context(true)
      live.quiet = true
      feed(live)
      assert.are.same({}, written)
      assert.are.equal("FAIL", plain(data.verdicts(), { tty = true, quiet = true }):sub(1, 4))
    end)
  end

  it("is a few lines in the log of a long run", function()
    local live, written = context(false)
    local clock = 0
    live.now = function() return clock end
    console.begin(live)
    local function event(at, done, verdict)
      clock = at
      console.progress(live, { kind = "result", done = done, total = 100, result = { id = "a" .. done, mode = "alpn",
        verdict = verdict, observed = "seen" } })
    end
    event(1, 1, "fail")
    event(9, 2, "pass")
    assert.are.same({}, written)
    event(10, 20, "pass")
    event(11, 21, "fail")
    event(39, 40, "pass")
    event(41, 41, "pass")
    assert.are.same({ "FAIL a1 (alpn): seen\n... 20/100  2 passed, 1 failed  0.3/s  4 min 27 s left\n", "FAIL a21 (alpn): seen\n",
      "... 41/100  4 passed, 2 failed  0.1/s  6 min 44 s left\n" }, written)
  end)
end)

describe("console --quiet", function()
  it("has only failures and the last line", function()
    local content = plain(data.verdicts(), { quiet = true })
    assert.are.equal("FAIL http2/settings/length-multiple-of-6 (alpn, prior)", lines_of(content)[1])
    assert.are.equal("Not passed: 3 failures, 1 error (exit status 1).", lines_of(content)[#lines_of(content)])
    for _, word in ipairs { "target ", "summary", "WARN", "INCONCLUSIVE", "skipped" } do
      assert.is_nil(content:find(word, 1, true), word)
    end
    assert.is_truthy(plain(data.verdicts(), { quiet = true, strict = true }):find("WARN http2/settings/initial-window", 1, true))
    assert.are.equal("Passed (exit status 0).\n", plain(data.passes(), { quiet = true }))
    assert.is_truthy(plain(data.flaky(), { quiet = true }):find("case-1 (alpn): pass 4, skip 1", 1, true))
  end)

  it("says what could not be written", function()
    assert.are.equal("Passed; could not be written: junit, tap (exit status 6).\n",
      plain(data.passes(), { quiet = true, lost = { "junit", "tap" } }))
  end)
end)

describe("junit", function()
  local directory

  setup(function()
    directory = os.tmpname()
    os.remove(directory)
    assert(os.execute("mkdir " .. directory))
  end)

  teardown(function()
    os.execute("rm -r " .. directory)
  end)

  local function validate_by(schema, contents)
    for i, content in ipairs(contents) do
      write(("%s/%d.xml"):format(directory, i), content)
    end
    local pipe = assert(io.popen(("cd %s && ls | xargs xmllint --noout --schema $OLDPWD/tests/data/%s 2>&1")
      :format(directory, schema)))
    local said = pipe:read "a"
    local ok = pipe:close()
    os.execute(("cd %s && ls | xargs rm -f"):format(directory))
    assert.is_true(ok, said:gsub("[^\n]* validates\n", ""):sub(1, 2000))
    local _, valid = said:gsub(" validates\n", "")
    assert.are.equal(#contents, valid)
  end

  -- A report by Jenkins' schema, each of its suites by Surefire's.
  local function validate(contents)
    validate_by("junit.xsd", contents)
    local suites = {}
    for _, content in ipairs(contents) do
      for suite in content:gmatch "<testsuite .-</testsuite>" do
        suites[#suites + 1] = suite
      end
    end
    validate_by("surefire.xsd", suites)
  end

  it("follows the schema", function()
    local contents = {}
    for _, name in ipairs(FIXTURES) do
      contents[#contents + 1] = junit.write(data[name]())
      contents[#contents + 1] = junit.write(data[name](), { strict = true })
    end
    validate(contents)
  end)

  local function random_octets()
    local length = math.random(0, 60)
    local out = {}
    for i = 1, length do
      local kind = math.random(4)
      out[i] = kind == 1 and string.char(math.random(0, 255)) or kind == 2 and utf8.char(math.random(0, 0x10ffff))
        or kind == 3 and ({ "<", "&", "]]>", '"', "\r\n", "\0", "&#0;", "<!--" })[math.random(8)] or string.char(math.random(32, 126))
    end
    return table.concat(out)
  end

  local function random_result(i)
    local verdicts = { "pass", "warn", "fail", "skip", "inconclusive", "error" }
    local lines = { random_octets(), random_octets() }
    return { id = math.random(3) == 1 and "same" or "case-" .. i .. random_octets(), suite = ("s%d/t"):format(math.random(3)),
      mode = ({ "alpn", "upgrade", "prior" })[math.random(3)], verdict = verdicts[math.random(#verdicts)], title = random_octets(),
      level = "MUST", req = { random_octets() }, statement = random_octets(), seconds = math.random() * 10 ^ math.random(-6, 6),
      row = random_octets(), expected = random_octets(), observed = random_octets(), notes = { random_octets() },
      location = random_octets(), command = random_octets(), transcript = { { time = math.random(), sent = i % 2 == 0,
        kind = "frame", name = "DATA", stream = 1, text = random_octets(), lines = lines } } }
  end

  local function attributes(tag)
    local found = {}
    for name, value in tag:gmatch ' (%w+)="([^"]*)"' do found[name] = value end
    return found
  end

  -- Counters by counting elements, and that no two cases of a class have the same name.
  local function check_numbers(content, expected)
    local names, total = {}, { tests = 0, failures = 0, errors = 0 }
    for tag, body in content:gmatch "(<testsuite .->)(.-)</testsuite>" do
      local said = attributes(tag)
      local _, tests = body:gsub("<testcase ", "")
      local _, failures = body:gsub("<failure ", "")
      local _, errors = body:gsub("<error ", "")
      local _, skipped = body:gsub("<skipped ", "")
      assert.are.same({ tests, failures, errors, skipped }, { tonumber(said.tests), tonumber(said.failures),
        tonumber(said.errors), tonumber(said.skipped) })
      total.tests, total.failures, total.errors = total.tests + tests, total.failures + failures, total.errors + errors
      for case in body:gmatch "<testcase [^>]*>" do
        local key = attributes(case).classname .. " " .. attributes(case).name
        assert.is_nil(names[key], key)
        names[key] = true
      end
    end
    local said = attributes(content:match "<testsuites [^>]*>")
    assert.are.same({ total.tests, total.failures, total.errors }, { tonumber(said.tests), tonumber(said.failures), tonumber(said.errors) })
    assert.are.equal(expected, total.tests)
  end

  it("is well-formed, valid and counted right whatever the peer sends", function()
    math.randomseed(20261123, 9113)
    local contents = {}
    for round = 1, 200 do
      local list = {}
      for i = 1, math.random(0, 12) do list[i] = random_result(i) end
      local all = data.table(list, { target = random_octets() })
      contents[round] = junit.write(all)
      check_numbers(contents[round], #list)
      assert.is_nil(plain(all):find "[^\n -~]")
    end
    validate(contents)
  end)

  it("stays below the limits of its readers however much the peer sends", function()
    local one = data.long().results[1]
    for _, name in ipairs { "observed", "expected", "title" } do one[name] = ("\xff\u{e4}"):rep(4000000) end
    one.notes = {}
    for i = 1, 100000 do one.notes[i] = ("\0"):rep(100) end
    one.transcript[1].text = one.observed
    local contents = {}
    for i, verdict in ipairs { "fail", "warn", "skip", "inconclusive" } do
      one.verdict = verdict
      contents[i] = junit.write(data.table { one })
      assert.is_true(#contents[i] < 10000000)
    end
    validate(contents)
  end)

  it("fails where the exit status says so: --strict and verdicts that change", function()
    local function failures(all, options)
      return tonumber(junit.write(all, options):match '<testsuites [^>]-failures="(%d+)"')
    end
    assert.are.equal(3, failures(data.verdicts()))
    assert.are.equal(4, failures(data.verdicts(), { strict = true }))
    local flaky = data.flaky()
    assert.are.equal(2, failures(flaky))
    assert.is_truthy(junit.write(flaky):find("changed between rounds: pass 4, skip 1", 1, true))
  end)

  it("shows a known failure as skipped, with the reason", function()
    local content = junit.write(data.expected(), { strict = true })
    assert.is_nil(content:find "<error")
    assert.is_truthy(content:find('<skipped message="expected fail: ticket 12">', 1, true))
    validate { content }
  end)

  it("lets no peer point at files", function()
    assert.is_nil(junit.write(data.hostile()):find("[[ATTACHMENT", 1, true))
  end)
end)

describe("json", function()
  it("is JSON whatever the peer sends, and keeps the results in order", function()
    local dkjson = require "dkjson"
    for _, name in ipairs(FIXTURES) do
      local back, _, message = dkjson.decode(json.write(data[name]()))
      assert.is_nil(message)
      assert.are.equal(#data[name]().results, #back.results)
      for i, result in ipairs(back.results) do
        assert.are.equal(data[name]().results[i].id, result.id)
      end
    end
  end)
end)
