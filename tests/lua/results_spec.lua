-- Results: order, summary, exit status, rounds; and the JSON that is made of them.
local fake = dofile "tests/lua/fake_engine.lua"
local load = fake.modules()
local results = load "results"

local function entry(order, id, mode, verdict)
  return { order = order, result = { id = id, mode = mode, verdict = verdict, notes = {}, req = {}, seconds = 0 } }
end

local function all_of(...)
  local entries = {}
  for i, verdict in ipairs { ... } do
    entries[i] = entry(i, "a/b/c" .. i, "prior", verdict)
  end
  return results.new { target = "t", started = 0, seconds = 1, modes = {}, complete = true, entries = entries }
end

local STATUS = {
  { 0, false, "pass", "pass" }, { 0, false, "pass", "skip", "warn", "inconclusive" }, { 1, true, "pass", "warn" },
  { 0, true, "pass" }, { 1, false, "pass", "fail" }, { 1, false, "pass", "error" }, { 5, false, "skip", "skip" },
  { 5, false }, { 5, false, "inconclusive", "skip" }, { 0, false, "warn" }, { 1, false, "skip", "fail" },
}

describe("results", function()
  it("are sorted by order, id and mode", function()
    local list = results.sorted { entry(2, "x", "prior", "pass"), entry(1, "y", "prior", "pass"),
      entry(1, "y", "alpn", "pass"), entry(1, "y", "upgrade", "pass") }
    local seen = {}
    for i, result in ipairs(list) do
      seen[i] = result.id .. " " .. result.mode
    end
    assert.are.same({ "y alpn", "y upgrade", "y prior", "x prior" }, seen)
  end)

  for _, row in ipairs(STATUS) do
    it(("give %d for %s"):format(row[1], table.concat(row, " ", 3)), function()
      assert.are.equal(row[1], results.exit_status(all_of(table.unpack(row, 3)), row[2]))
    end)
  end

  it("tell death, interruption and flakes", function()
    local all = all_of("pass")
    all.interrupted = "SIGINT"
    assert.are.equal(1, results.exit_status(all))
    all.died = "why"
    assert.are.equal(4, results.exit_status(all))
    all = all_of("pass")
    all.flakes = { {} }
    assert.are.equal(1, results.exit_status(all))
  end)

  it("count known failures apart", function()
    local all = all_of("pass", "fail", "error", "skip")
    local known = { reason = "x", file = "k", line = 1 }
    all.results[2].expected_failure, all.results[3].expected_failure = known, known
    all.summary, all.died = results.summary(all.results), "why"
    assert.are.same({ 4, 1, 0, 0, 1, 2 }, { all.summary.total, all.summary.pass, all.summary.fail, all.summary.error,
      all.summary.skip, all.summary.expected_failures })
    assert.are.equal(0, results.exit_status(all, true))
    all.expectations = { file = "k", problems = { {} } }
    assert.are.equal(1, results.exit_status(all))
    all.expectations = { file = "k", problems = {} }
    all.flakes = { { expected_failure = known } }
    assert.are.equal(0, results.exit_status(all))
    all.results[3].expected_failure = nil
    all.summary = results.summary(all.results)
    assert.are.equal(4, results.exit_status(all))
  end)

  it("are green with nothing but known failures, not with nothing but known skips", function()
    for verdict, status in pairs { fail = 0, error = 0, warn = 0, skip = 5, inconclusive = 5 } do
      local all = all_of(verdict)
      all.results[1].expected_failure = { reason = "x", file = "k", line = 1 }
      all.summary = results.summary(all.results)
      assert.are.equal(status, results.exit_status(all), verdict)
    end
  end)

  it("may be none where there is a reason", function()
    local all = all_of()
    assert.are.equal(5, results.exit_status(all))
    all.nothing_to_run = "all passed"
    assert.are.equal(0, results.exit_status(all))
  end)

  it("merge rounds to the worst, and name what changed", function()
    local merger = results.merger()
    merger:add { entry(1, "a", "prior", "pass"), entry(2, "b", "prior", "pass") }
    merger:add { entry(1, "a", "prior", "fail"), entry(2, "b", "prior", "pass"), entry(9, "w", "prior", "warn") }
    local entries, flakes = merger:finish()
    assert.are.equal(3, #entries)
    assert.are.equal("fail", entries[1].result.verdict)
    assert.are.same({ { id = "a", mode = "prior", verdicts = { pass = 1, fail = 1 } },
      { id = "w", mode = "prior", verdicts = { warn = 1, absent = 1 } } }, flakes)
  end)
end)

describe("reports.json", function()
  local json = load "reports.json"
  local dkjson = require "dkjson"

  it("is always valid, whatever the peer sent", function()
    local all = all_of("fail", "pass")
    all.results[1].observed = "\xff\0\27\"\\\u{2028}é"
    all.results[1].seconds = 0 / 0
    local text = json.write(all)
    local back = assert(dkjson.decode(text))
    assert.are.equal("fail", back.results[1].verdict)
    assert.is_truthy(utf8.len(text))
    assert.is_truthy(text:find('"req": *%[%]') or text:find('"req":%[%]'))
  end)

  it("is the same twice", function()
    local a = json.write(all_of("fail", "pass", "skip"))
    for _ = 1, 5 do
      assert.are.equal(a, json.write(all_of("fail", "pass", "skip")))
    end
  end)

  it("leaves the results as they were", function()
    local all = all_of("fail")
    all.results[1].observed = "\xff"
    json.write(all)
    assert.are.equal("\xff", all.results[1].observed)
  end)
end)
