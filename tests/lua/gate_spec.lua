-- The gate: which of the selected cases run, what the watchman's findings count for, profiles, and a second run.
local fake = dofile "tests/lua/fake_engine.lua"
fake.isatty = function() return false end
local need = fake.modules()
local gate = need "gate"
local profile = need "profile"
local requirements = need "requirements"
local rerun = need "rerun"
local dkjson = require "dkjson"

local MODES = { "alpn", "upgrade", "prior" }

local function case(id, req, level, more)
  local made = { id = id, suite = id:match "^(.+)/[^/]+$", req = { req }, h2spec = {}, level = level, modes = MODES, role = "client",
    file = "suites/" .. id:match "^(.+)/[^/]+$" .. ".lua" }
  for key, value in pairs(more or {}) do
    made[key] = value
  end
  return made
end

local CASES = { case("http2/ping/a", "RFC9113-6.7-2", "MUST"), case("http2/ping/b", "RFC9113-6.7-3", "SHOULD"),
  case("hpack/x/a", "RFC7541-6.1-1", "MUST NOT"), case("messages/values/a", "RFC9113-8.2.1-13", "MUST"),
  case("messages/trailers/a", "RFC9113-8.1-9", "MUST"), case("http2/ping/c", "RFC9113-6.7-4", "MAY") }

local function open(options, more)
  options.exclude, options.only = options.exclude or {}, options.only or {}
  local plan = { options = options, cases = CASES, catalogue = CASES }
  for key, value in pairs(more or {}) do
    plan[key] = value
  end
  local made, mistakes = fake.call(gate.open, plan)
  return made, mistakes
end

local function names(list)
  local ids = {}
  for i, one in ipairs(list) do
    ids[i] = one.id:gsub("^[^/]+/", "")
  end
  return table.concat(ids, " ")
end

local NARROWED = {
  { {}, "ping/a ping/b x/a values/a trailers/a ping/c" }, { { only = { "http2" } }, "ping/a ping/b ping/c" },
  { { only = { "hpack", "RFC9113-8.2.1" } }, "x/a values/a" }, { { exclude = { "messages" } }, "ping/a ping/b x/a ping/c" },
  { { only = { "http2/ping" }, exclude = { "http2/ping/b" } }, "ping/a ping/c" },
  { { exclude = { "suites/http2/ping.lua" } }, "x/a values/a trailers/a" }, { { level = "MUST" }, "ping/a x/a values/a trailers/a" },
  { { level = "SHOULD" }, "ping/a ping/b x/a values/a trailers/a" },
  { { level = "MAY" }, "ping/a ping/b x/a values/a trailers/a ping/c" }, { { exclude = { "watch/RFC9113-8.2-1" } },
    "ping/a ping/b x/a values/a trailers/a ping/c" },
}

local REFUSED = {
  { { exclude = { "http2/pong" } }, "--exclude: there is no case" }, { { only = { "hpak" } }, "--only: there is no case" },
  { { update_expect = true }, "--update-expect needs --expect" },
  { { expect = "x.lua", update_expect = true }, "x.lua is a Lua table" },
  { { expect = "/nonexistent/x" }, "--expect: /nonexistent/x: No such file" },
  { { rerun_failed = "tests/lua/gate_spec.lua" }, "--rerun-failed: tests/lua/gate_spec.lua: it is no result file" },
  { { exclude = { "pong" }, origins = { exclude = "h2probe.lua:3: exclude" } }, "h2probe.lua:3: exclude: there is no case" },
}

describe("gate.open", function()
  for i, row in ipairs(NARROWED) do
    it(("narrows, %d: %s"):format(i, row[2]), function()
      assert.are.equal(row[2], names(assert(open(row[1])).cases))
    end)
  end

  for _, row in ipairs(REFUSED) do
    it("says " .. row[2], function()
      local made, mistakes = open(row[1])
      assert.is_nil(made)
      assert.is_truthy(mistakes[1]:find(row[2], 1, true), mistakes[1])
    end)
  end

  it("says when a shard has nothing", function()
    local made = assert(open { only = { "hpack" }, shard = { index = 2, total = 2 } })
    assert.are.equal(0, #made.cases)
    assert.are.equal("shard 2 of 2 got none of the cases (1)", made.nothing_to_run)
    assert.is_nil(assert(open { only = { "hpack" }, shard = { index = 1, total = 2 } }).nothing_to_run)
  end)
end)

local function finding(id, level, verdict)
  return { order = 1, result = { id = "watch/" .. id, suite = "watch", mode = "alpn", req = { id }, level = level or "MUST",
    verdict = verdict or "fail", observed = "it", notes = {} } }
end

describe("findings of the watchman", function()
  for _, row in ipairs { { { exclude = { "watch/RFC9113-8.2-1" } }, 0 }, { { exclude = { "watch" } }, 0 },
    { { exclude = { "RFC9113-8.2" } }, 0 }, { { exclude = { "http2" } }, 1 }, { { only = { "http2" } }, 1 }, { { level = "MUST" }, 1 } } do
    it("stay or go: " .. (row[1].exclude or row[1].only or { "level" })[1], function()
      assert.are.equal(row[2], #assert(open(row[1])):entries { finding "RFC9113-8.2-1" })
    end)
  end

  it("of a weaker level go", function()
    assert.are.equal(0, #assert(open { level = "MUST" }):entries { finding("RFC9113-8.2-1", "SHOULD") })
  end)
end)

describe("a whole run", function()
  local function unseen(options, plan, run)
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write "watch/RFC9113-8.2-1 fail # of both\nwatch/RFC9113-3.4-2 fail # of clients\n"
    file:close()
    options.expect = path
    local made = assert(open(options, plan))
    run = run or { complete = true }
    run.entries = {}
    local members = made:members(run)
    os.remove(path)
    local lines = {}
    for i, problem in ipairs(members.expectations.problems) do
      lines[i] = problem.line
    end
    return lines
  end

  it("misses findings that were known, of its own role", function()
    assert.are.same({ 1 }, unseen {})
    assert.are.same({ 1, 2 }, unseen({}, { role = "server" }))
    assert.are.same({ 1 }, unseen { mode = "all", level = "MAY" })
  end)

  it("is none if it was narrowed or cut short", function()
    for _, options in ipairs { { mode = "alpn" }, { level = "MUST" }, { only = { "http2" } }, { exclude = { "hpack" } },
      { shard = { index = 1, total = 2 } } } do
      assert.are.same({}, unseen(options))
    end
    assert.are.same({}, unseen({}, { narrowed = true }))
    assert.are.same({}, unseen({}, nil, { complete = false }))
    assert.are.same({}, unseen({}, nil, { complete = true, interrupted = "SIGINT" }))
  end)
end)

describe("--profile rfc7540", function()
  it("skips or warns, with the reason", function()
    local made = assert(open { profile = "rfc7540" })
    assert.are.equal(names(CASES), names(made.cases))
    assert.is_truthy(made.cases[4].excused:find("RFC 7540 10.3", 1, true))
    assert.is_nil(made.cases[5].excused)
    assert.is_true(made.cases[5].gentle)
    assert.is_nil(made.cases[1].gentle)
    local entries = made:entries { finding "RFC9113-8.2.1-13", finding "RFC9113-8.2-1" }
    assert.are.same({ "skip", "fail" }, { entries[1].result.verdict, entries[2].result.verdict })
    assert.is_truthy(entries[1].result.observed:find("does not ask for it", 1, true))
    assert.are.equal("rfc7540", made:members({ entries = entries }).profile)
  end)

  it("names requirements that there are, each with a section of RFC 7540 or what it is from", function()
    local rows, count = assert(requirements.load()), 0
    for id, row in pairs(assert(profile.load "rfc7540")) do
      assert.is_truthy(rows[id], id)
      assert.is_truthy(id:find "^RFC9113%-" and row.reason:find "RFC 7540", id)
      count = count + 1
    end
    assert.is_true(count > 10)
    assert.are.same({}, profile.load "rfc9113")
  end)

  it("tells a table with mistakes", function()
    for text, message in pairs { ["h\nx\ty\tz\n"] = "t:2: a row is", ["h\na\tskip\tb\na\tskip\tb"] = "t:3: a is there twice" } do
      assert.is_truthy(select(2, profile.parse(text, "t")):find(message, 1, true))
    end
  end)
end)

local function results_file(all)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(type(all) == "string" and all or dkjson.encode(all))
  file:close()
  return path
end

local function one(id, mode, verdict, more)
  local made = { id = id, mode = mode, verdict = verdict }
  for key, value in pairs(more or {}) do
    made[key] = value
  end
  return made
end

local EARLIER = { schema = 1, results = { one("http2/ping/a", "alpn", "fail"), one("http2/ping/a", "prior", "pass"),
  one("http2/ping/b", "alpn", "warn"), one("http2/ping/c", "alpn", "skip"), one("hpack/x/a", "prior", "inconclusive"),
  one("messages/values/a", "alpn", "fail", { expected_failure = { reason = "x" } }),
  one("watch/RFC9113-8.2-1", "upgrade", "fail", { seen_in = "messages/trailers/a" }), one("gone/x/y", "alpn", "error") } }

describe("--rerun-failed", function()
  it("runs what did not pass, in those modes", function()
    local path = results_file(EARLIER)
    local made, strict = assert(open { rerun_failed = path }), assert(open { rerun_failed = path, strict = true })
    os.remove(path)
    assert.are.equal("ping/a x/a trailers/a", names(made.cases))
    assert.are.equal("ping/a ping/b x/a trailers/a", names(strict.cases))
    assert.are.same({ true, false, true, false }, { made:wanted(CASES[1], "alpn"), made:wanted(CASES[1], "prior"),
      made:wanted(CASES[5], "upgrade"), made:wanted(CASES[5], "alpn") })
    assert.is_truthy(made.notes[1]:find("1 is not here: gone/x/y", 1, true), made.notes[1])
  end)

  it("says when all passed", function()
    local path = results_file { schema = 1, results = { one("http2/ping/a", "alpn", "pass") } }
    local made = assert(open { rerun_failed = path })
    os.remove(path)
    assert.are.equal(0, #made.cases)
    assert.is_truthy(made.nothing_to_run:find("everything passed in", 1, true))
  end)

  for _, text in ipairs { "", "{}", "[1]", "3", "null", '{"results":3}', '{"schema":1,"results":[3]}', '{"schema":1,"results":[{"id":3}]}',
    '{"schema":2,"results":[]}', '{"results":[]}', ("["):rep(100000), "\0\255" } do
    it("refuses " .. text:sub(1, 40):gsub("%W", "."), function()
      local path = results_file(text)
      local earlier, message = rerun.load(path)
      os.remove(path)
      assert.is_nil(earlier)
      assert.is_truthy(message:find("it is no result file of h2probe", 1, true) or message:find("another version", 1, true), message)
    end)
  end
end)
