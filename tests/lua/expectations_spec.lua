-- Expectations: both forms of the file and their mistakes, what entries cover, which do not hold, and the file anew.
local fake = dofile "tests/lua/fake_engine.lua"
fake.isatty = function() return false end
local need = fake.modules()
local expectations = need "expectations"
local update = need "expectations_update"

local function parse(text, path)
  return fake.call(expectations.parse, path or "known.txt", text)
end

local GOOD = {
  { "a/b/c fail # why", { id = "a/b/c", line = 1, reason = "why", verdicts = { fail = true } } },
  { "# c\n\n  a/b  alpn,prior\tfail,error  # why # not", { id = "a/b", line = 3, reason = "why # not",
    modes = { alpn = true, prior = true }, verdicts = { fail = true, error = true } } },
  { 'a/b fail "a \\"b\\" # \\\\" # why\r\n', { id = "a/b", line = 1, reason = "why", text = 'a "b" # \\',
    verdicts = { fail = true } } },
  { "\239\187\191a/b warn ## why", { id = "a/b", line = 1, reason = "why", verdicts = { warn = true } } },
  { "watch/RFC9113-8.2-1 pass,fail # flaky", { id = "watch/RFC9113-8.2-1", line = 1, reason = "flaky",
    verdicts = { pass = true, fail = true } } },
}

local BAD = {
  { "a/b fail", "known.txt:1: the reason is missing" }, { "a/b fail #  ", "the reason is missing" },
  { "\na/b # why", "known.txt:2: the verdict is missing" }, { "a/b fial # x", "did you mean 'fail'" },
  { "a/b fail alpn # x", "not where it belongs" }, { "a/b alpn prior fail # x", "not where it belongs" },
  { "a/b fail warn # x", "a second verdict 'warn'" }, { 'a/b "x" fail # x', "not where it belongs" },
  { 'a/b fail "x # y', "no end" }, { "a/b fail,, # x", "neither a mode nor a verdict" },
  { "a/b pass # x", "'pass' alone" }, { "watch/RFC9113-8.2-1 alpn fail # x", "leave the mode out" },
  { "a/b fail # x\n\na/b error # y", "known.txt:3: line 1 is about a/b too" },
  { "a/b prior,alpn fail # x\na/b alpn error # y", "known.txt:2: line 1" }, { "a/b \27[2Jx # y", "\\x1b[2Jx" },
}

local TABLES = {
  { "return {\n { 'a/b', verdict = 'fail', reason = 'x' },\n { 'a/c', reason = 'x' } }", "known.lua:3: entry 2: verdict" },
  { "return { { 'a', verdict = 'fail', reason = 'x', mod = 'alpn' } }", "did you mean 'mode'" },
  { "return {\n\n 'a' }", "entry 1: it is no table" }, { "return 3", "returns no table" }, { "", "returns no table" },
  { "return { { 'a', verdict = 'fail', reason = os.getenv 'x' } }", "known.lua:1: 'os' does not exist" },
  { "return { { 'a', verdict = 'fail' } }", "the reason is missing" }, { "return {\n x = 1 }", "known.lua:2: the key 'x'" },
  { "return { { 'a', verdict = 'flail', reason = 'x' } }", "is none of error, fail" }, { "return {", "known.lua:1:" },
  { "return { { verdict = 'fail', reason = 'x' } }", "the id is missing" },
  { "return { { 'a', verdict = 'fail', reason = function() end } }", "reason is no string: a function" },
}

describe("expectations.parse", function()
  for _, row in ipairs(GOOD) do
    it("reads " .. row[1]:gsub("%c", " "), function()
      assert.are.same({ row[2] }, assert(parse(row[1])).entries)
    end)
  end

  for _, row in ipairs(BAD) do
    it("refuses " .. row[1]:gsub("%c", " "), function()
      local entries, mistakes = parse(row[1])
      assert.is_nil(entries)
      assert.are.equal(1, #mistakes, table.concat(mistakes, "; "))
      assert.is_truthy(mistakes[1]:find(row[2], 1, true), mistakes[1])
      assert.is_nil(mistakes[1]:find "[%c]")
    end)
  end

  for _, row in ipairs(TABLES) do
    it("refuses the table " .. row[1]:gsub("%c", " "), function()
      local entries, mistakes = parse(row[1], "known.lua")
      assert.is_nil(entries)
      assert.is_truthy(mistakes[1]:find(row[2], 1, true), mistakes[1])
    end)
  end

  it("tells every mistake, in the order of the lines", function()
    local _, mistakes = parse("a fail\nb # x\nc fail # good\nc error # y\n")
    assert.are.equal(3, #mistakes)
    for i, line in ipairs { 1, 2, 4 } do
      assert.is_truthy(mistakes[i]:find("^known.txt:" .. line .. ":"), mistakes[i])
    end
  end)

  it("reads a Lua table, with lines", function()
    local list = assert(parse('-- { a comment }\nreturn {\n  { "a/b", verdict = { "fail", "error" }, mode = "alpn", '
      .. 'text = "{", reason = [[\nwhy]] },\n  { id = "c", verdict = "warn", reason = "x" } }', "known.lua")).entries
    assert.are.same({ { id = "a/b", line = 3, verdicts = { fail = true, error = true }, modes = { alpn = true }, text = "{",
      reason = "why" }, { id = "c", line = 5, verdicts = { warn = true }, reason = "x" } }, list)
  end)
end)

local function result(id, mode, verdict, observed)
  return { id = id, mode = mode, verdict = verdict, observed = observed, notes = {} }
end

local MARKS = { -- entry, result, covered
  { "a fail # x", result("a", "alpn", "fail"), true }, { "a fail # x", result("a", "alpn", "pass"), false },
  { "a fail # x", result("a/b", "alpn", "fail"), false }, { "a prior fail # x", result("a", "alpn", "fail"), false },
  { "a prior fail # x", result("a", "prior", "fail"), true }, { "a fail # x", result("a", "prior", "error"), false },
  { "a fail,error # x", result("a", "prior", "error"), true }, { "a fail \"GOAWAY\" # x", result("a", "prior", "fail"), false },
  { "a fail \"GO.\" # x", result("a", "prior", "fail", "a GOA"), false },
  { "a fail \"GO\" # x", result("a", "prior", "fail", "a GOA"), true }, { "a pass,fail # x", result("a", "prior", "pass"), false },
  { "a skip # x", result("a", "prior", "skip", "no"), true },
  { "a error # x", result("a", "prior", "error", "not run: the target died"), false },
}

describe("Expectations:mark", function()
  for _, row in ipairs(MARKS) do
    it(("%s: %s %s"):format(row[1], row[2].id, row[2].verdict), function()
      local verdict = row[2].verdict
      assert(parse(row[1])):mark(row[2])
      assert.are.same(row[3] and { reason = "x", file = "known.txt", line = 1 } or nil, row[2].expected_failure)
      assert.are.equal(verdict, row[2].verdict)
    end)
  end

  it("says why an entry does not cover a result", function()
    local known = assert(parse 'a fail,error "GOAWAY" # x')
    assert.are.equal('known.txt:1 expects fail or error with "GOAWAY" in what is observed',
      known:near_miss(result("a", "alpn", "fail", "silence")))
    assert.is_nil(known:near_miss(result("b", "alpn", "fail")))
  end)

  it("covers a verdict that changes only where all that it was is listed", function()
    for entry, covered in pairs { ["a fail # x"] = false, ["a pass,fail # x"] = true, ["a pass,error # x"] = false } do
      local flake = { id = "a", mode = "alpn", verdicts = { absent = 1, fail = 2 } }
      assert(parse(entry)):mark_flake(flake)
      assert.are.equal(covered, flake.expected_failure ~= nil, entry)
    end
  end)
end)

local MODES = { "alpn", "upgrade", "prior" }
local KNOWN = expectations.known_ids { { id = "a/b", modes = MODES }, { id = "a/c", modes = { "prior" } },
  { id = "a/d", modes = { "alpn", "prior" } } }

local function run_of(list, more)
  local run = { results = list, known = KNOWN, foreign = function(id) return id:find "^probe/" ~= nil end,
    whole = function() return true end }
  for key, value in pairs(more or {}) do
    run[key] = value
  end
  return run
end

local function in_modes(id, ...)
  local list = {}
  for i, verdict in ipairs { ... } do
    list[#list + 1] = verdict and result(id, MODES[i], verdict, "what came") or nil
  end
  return list
end

local PROBLEMS = { -- entry, results, kind or nil, text
  { "a/b fail # x", in_modes("a/b", "pass", "pass", "pass"), "passes", "a/b passes in mode alpn, upgrade, prior: delete the line" },
  { "a/b fail # x", in_modes("a/b", "fail", "pass", "fail"), "passes", "in mode upgrade: delete the line, or name the modes" },
  { "a/b alpn fail # x", in_modes("a/b", "pass", "fail", "fail"), "passes", "a/b passes in mode alpn: delete the line" },
  { "a/b fail # x", in_modes("a/b", "fail", "fail", "fail") }, { "a/b fail # x", {} },
  { "a/b fail # x", in_modes("a/b", "skip", "inconclusive", "error") }, { "a/b pass,fail # x", in_modes("a/b", "pass") },
  { "a/b fail # x", in_modes("a/b", "warn", "warn", "warn"), "changed", "is only a warning now" },
  { "a/b upgrade fail # x", in_modes("a/b", "pass", false, "pass") },
  { "a/x fail # x", {}, "unknown", "there is no case 'a/x' (did you mean 'a/b'?): delete the line" },
  { "probe/x fail # x", {} }, { "watch/RFC9113-8.2-1 fail # x", {}, "passes", "was not seen: delete the line" },
  { "watch/RFC9113-8.2-1 pass,fail # x", {} }, { "watch/RFC9113-8.2-99 fail # x", {}, "unknown", "there is no case" },
}

describe("Expectations:problems", function()
  for _, row in ipairs(PROBLEMS) do
    it(("%s: %s"):format(row[1], row[4] or "none, " .. #row[2]), function()
      local list = assert(parse("# a comment\n" .. row[1])):problems(run_of(row[2]))
      assert.are.equal(row[3] and 1 or 0, #list)
      if row[3] then
        assert.are.same({ 2, row[3] }, { list[1].line, list[1].kind })
        assert.is_truthy(list[1].text:find("known.txt:2: ", 1, true), list[1].text)
        assert.is_truthy(list[1].text:find(row[4], 1, true), list[1].text)
      end
    end)
  end

  it("miss nothing of the watchman's in a part of a run", function()
    local run = run_of({}, { whole = function() return false end })
    assert.are.same({}, assert(parse "watch/RFC9113-8.2-1 fail # x"):problems(run))
  end)
end)

local function joined(...)
  local list = {}
  for _, part in ipairs { ... } do
    table.move(part, 1, #part, #list + 1, list)
  end
  return list
end

local UPDATES = { -- title, file before, results, file after, more of the run
  { "keeps what holds, as it is written", "# head\n\na/b   fail # x\n# tail\n", in_modes("a/b", "fail", "fail", "fail"),
    "# head\n\na/b   fail # x\n# tail\n" },
  { "removes what passes and what is unknown", "# head\na/b fail # x\na/x fail # y\n# tail\n", in_modes("a/b", "pass", "pass", "pass"),
    "# head\n# tail\n" },
  { "names the modes that are left", 'a/b fail "what" # x\n', in_modes("a/b", "fail", "pass", "fail"),
    'a/b  alpn,prior  fail  "what"  # x\n' },
  { "adds what fails, at the end", "a/b fail # x\n", joined(in_modes("a/b", "fail", "fail", "fail"), in_modes("a/d", "error", false, "error")),
    "a/b fail # x\na/d  error  # observed: what came\n" },
  { "adds the modes where it is not all", "", in_modes("a/b", "pass", "fail", "error"),
    "a/b  upgrade  fail  # observed: what came\na/b  prior  error  # observed: what came\n" },
  { "keeps the reason of another verdict", "a/b fail # x\n# tail\n", in_modes("a/b", "error", "fail", "fail"),
    "a/b  upgrade,prior  fail  # x\na/b  alpn  error  # x\n# tail\n" },
  { "asks anew for a reason if the text is another", 'a/c fail "that" # x\n', { result("a/c", "prior", "fail", "a\27 b\nc") },
    "a/c  fail  # observed: a b c\n" },
  { "leaves alone what did not run", "a/c fail # x\nprobe/z fail # y\n", in_modes("a/b", "pass"), "a/c fail # x\nprobe/z fail # y\n" },
  { "adds no warning, skip or doubt", "", in_modes("a/b", "warn", "skip", "inconclusive"), "" },
  { "adds warnings under --strict", "", in_modes("a/b", "warn", "pass", "pass"), "a/b  alpn  warn  # observed: what came\n",
    { strict = true } },
  { "adds findings without a mode", "", { result("watch/RFC9113-8.2-1", "alpn", "fail", "A") },
    "watch/RFC9113-8.2-1  fail  # observed: A\n" },
  { "removes findings that were not seen", "watch/RFC9113-8.2-1 fail # x\n", {}, "" },
  { "stands in a column", "", joined(in_modes("a/b", "fail", "fail", "fail"), { result("watch/RFC9113-8.2-1", "alpn", "fail", "A") }),
    "a/b                  fail  # observed: what came\nwatch/RFC9113-8.2-1  fail  # observed: A\n" },
  { "lists all that a flaky case was", "a/c fail # x\n", { result("a/c", "prior", "fail", "A") }, "a/c  pass,fail  # x\n",
    { flakes = { { id = "a/c", mode = "prior", verdicts = { pass = 3, fail = 1 } } } } },
}

describe("expectations_update", function()
  for _, row in ipairs(UPDATES) do
    it(row[1], function()
      local known = assert(parse(row[2]))
      local text = update.text(known, run_of(row[3], row[5]))
      assert.are.equal(row[4], text)
      -- What it writes is read again, covers the run and needs no second update.
      local again = assert(parse(text))
      assert.are.equal(text, (update.text(again, run_of(row[3], row[5]))))
    end)
  end
end)
