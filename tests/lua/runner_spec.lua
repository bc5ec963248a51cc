-- What runs when, and what several runs of a case come to: on stubs, so that every order can be had.
local fake = dofile "tests/lua/fake_engine.lua"

local MODES = { "alpn", "upgrade", "prior" }

-- script[id] is a list of records, one for each run of the case in order (the last one again and again), or a function.
local function bench(script)
  local self = { log = {}, flying = 0, most = 0, sentinels = 0, alive = true }
  local case_run = { transcript = function() return { { text = "t" } } end, transcript_of = function() return {} end }
  function case_run.once(job)
    self.flying = self.flying + 1
    self.most = math.max(self.most, self.flying)
    local id = job.case.id
    self.log[#self.log + 1] = id .. (job.patient and "!" or "")
    local plan = script[id] or {}
    local record = plan
    if type(plan) == "table" then
      self[id] = (self[id] or 0) + 1
      record = plan[self[id]] or plan[#plan] or { verdict = "pass" }
    end
    fake.yield()
    local heard = fake.now()
    fake.yield()
    if type(plan) == "function" then
      record = plan(self, job)
    end
    if job.patient then
      self.patient = math.max(self.patient or 0, self.flying)
    end
    self.flying = self.flying - 1
    local made = { notes = {}, seconds = 0.001, label = job.label, run = { case = job.case, mode = job.mode,
      findings = record.findings or {},
      connections = { { events = { { time = heard } } } } } }
    for key, value in pairs(record) do
      made[key] = value
    end
    return made
  end
  function case_run.start(job, done)
    fake.spawn(function() done(case_run.once(job)) end)
  end
  local sentinel = {}
  function sentinel.alive()
    self.sentinels = self.sentinels + 1
    fake.yield()
    if type(self.alive) == "function" then
      return self.alive(self)
    end
    return self.alive, "connection refused"
  end
  local load = fake.modules { case_run = case_run, sentinel = sentinel }
  self.runner = load "runner"
  return self
end

local function case(id, more)
  local made = { id = id, suite = id:match("^(.+)/") or "s", title = id, req = { "RFC9113-6.5-1" }, level = "MUST",
    gentle = false, role = "client", modes = MODES, start = "open", needs = {}, alone = false, location = "f:1",
    requirement = { statement = "s", level = "MUST" }, run = function() end, file = "f" }
  for key, value in pairs(more or {}) do
    made[key] = value
  end
  return made
end

local function run(self, cases, more)
  local options = { cases = cases, modes = { "prior" }, targets = {}, offers = {}, jobs = 4, timeout = 1,
    command = function(c, mode) return "run " .. (c and c.id or "") .. " " .. mode end }
  for _, mode in ipairs(MODES) do
    options.offers[mode] = { offered = true }
    options.targets[mode] = {}
  end
  for key, value in pairs(more or {}) do
    options[key] = value
  end
  local done = fake.call(self.runner.run, options)
  local by_id = {}
  for _, entry in ipairs(done.entries) do
    by_id[entry.result.id] = by_id[entry.result.id] or entry.result
    by_id[entry.result.id .. " " .. entry.result.mode] = entry.result
  end
  return by_id, done
end

local SILENT = { verdict = "fail", silent = true, expected = "an error", observed = "nothing" }
local FAIL = { verdict = "fail", expected = "an error", observed = "200" }
local PASS = { verdict = "pass" }
local UNSURE = { verdict = "inconclusive", observed = "graceful shutdown" }

describe("the runner", function()
  it("runs all cases in all modes, side by side within --jobs", function()
    local self = bench {}
    local cases = {}
    for i = 1, 20 do
      cases[i] = case("s/c" .. i)
    end
    local by_id, done = run(self, cases, { modes = MODES })
    assert.are.equal(60, #done.entries)
    assert.are.equal(4, self.most)
    assert.is_true(done.complete)
    assert.are.equal("pass", by_id["s/c7 alpn"].verdict)
    assert.is_nil(by_id["s/c7"].transcript)
  end)

  it("runs each row; the worst decides and is named", function()
    local self = bench { ["s/a"] = { PASS, FAIL, PASS } }
    local result = run(self, { case("s/a", { each = { 1, { label = "two" }, 3 } }) }, { jobs = 1 })["s/a"]
    assert.are.same({ "fail", "two", "200" }, { result.verdict, result.row, result.observed })
    assert.is_truthy(result.transcript)
  end)

  it("counts skipped rows as a note beside passed ones", function()
    local self = bench { ["s/a"] = { PASS, { verdict = "skip", observed = "too big" } } }
    local result = run(self, { case("s/a", { each = { 1, 2 } }) }, { jobs = 1 })["s/a"]
    assert.are.equal("pass", result.verdict)
    assert.are.same({ "[2] skipped: too big" }, result.notes)
  end)

  it("confirms an accusation that rests on silence, with patience, when the others are through", function()
    local self = bench { ["s/a"] = { SILENT, SILENT }, ["s/b"] = { SILENT, PASS } }
    local by_id = run(self, { case "s/a", case "s/b", case "s/c", case "s/d" })
    assert.are.equal("fail", by_id["s/a"].verdict)
    assert.is_truthy(by_id["s/a"].notes[1]:find("seen twice", 1, true))
    assert.are.equal("inconclusive", by_id["s/b"].verdict)
    assert.is_truthy(by_id["s/b"].observed:find("at first fail: nothing; then pass", 1, true))
    assert.are.same({ "s/a!", "s/b!" }, { self.log[5], self.log[6] })
  end)

  it("confirms one row of a case that fails, not all", function()
    local self = bench { ["s/a"] = { SILENT } }
    local result = run(self, { case("s/a", { each = { 1, 2, 3, 4 } }) })["s/a"]
    assert.are.same({ "fail", "1" }, { result.verdict, result.row })
    assert.are.equal(5, #self.log)
  end)

  it("looks at the first row again, whichever ended first", function()
    local self = bench { ["s/a"] = function(_, job)
      fake.wait(job.row == 1 and 0.5 or 0.3)
      return SILENT
    end }
    local result = run(self, { case("s/a", { each = { 1, 2, 3 } }) }, { jobs = 3 })["s/a"]
    assert.are.same({ "fail", "1" }, { result.verdict, result.row })
  end)

  it("does not look again at a row that waits when another has failed", function()
    local self = bench { ["s/a"] = function(_, job)
      fake.wait(job.row == 1 and 0.2 or 2)
      return SILENT
    end }
    local result = run(self, { case("s/a", { each = { 1, 2 } }) }, { timeout = 3 })["s/a"]
    assert.are.same({ "fail", "1", 1 }, { result.verdict, result.row, #result.notes })
    assert.are.same({ "s/a", "s/a", "s/a!" }, self.log)
  end)

  it("asks less at once of a target that is slow to answer, and more again of one that is not", function()
    local slow, flying = true, {}
    local self = bench { ["s/c"] = function(state)
      flying[#flying + 1] = state.flying
      fake.wait(0.4)
      return { verdict = "pass", ended = true }
    end }
    self.alive = function()
      fake.wait(slow and 0.3 or 0)
      slow = #flying < 60
      return true
    end
    local cases = {}
    for i = 1, 200 do
      cases[i] = case("s/c", { order = i })
    end
    run(self, cases, { jobs = 16 })
    assert.are.equal(16, self.most)
    local least = 16
    for at = 30, 90 do
      least = math.min(least, flying[at])
    end
    assert.is_true(least <= 4, table.concat(flying, " "))
    local most = 0
    for at = 150, 200 do
      most = math.max(most, flying[at])
    end
    assert.are.equal(16, most)
  end)

  it("does not take a long way for a slow target", function()
    local flying = {}
    local self = bench { ["s/c"] = function(state)
      flying[#flying + 1] = state.flying
      fake.wait(0.4)
      return { verdict = "pass", ended = true }
    end }
    self.alive = function() fake.wait(0.3) return true end
    local cases = {}
    for i = 1, 200 do
      cases[i] = case("s/c", { order = i })
    end
    run(self, cases, { jobs = 16, round_trip = 0.03 })
    assert.are.equal(16, flying[150])
  end)

  it("looks again beside a run that waits in vain", function()
    local begun = {}
    local self = bench { ["s/a"] = function(state, job)
      begun[#begun + 1] = ("%s %d"):format(job.patient and "second" or "first", state.flying)
      fake.wait(1)
      return SILENT
    end }
    local result = run(self, { case "s/a", case "s/b" })["s/a"]
    assert.are.equal("fail", result.verdict)
    assert.is_truthy(result.notes[1]:find("seen twice", 1, true))
    assert.are.same({ "first 2", "second 2" }, begun)
  end)

  it("calls the second look off when the first comes to an end", function()
    local self = bench { ["s/a"] = function(_, job)
      job.run = { task = { cancel = function() job.canceled = true end } }
      fake.wait(job.patient and 2 or 0.5)
      assert(not job.patient or job.canceled)
      return PASS
    end }
    local by_id, done = run(self, { case "s/a" })
    assert.are.equal("pass", by_id["s/a"].verdict)
    assert.are.same({ "s/a", "s/a!" }, self.log)
    assert.is_true(done.complete)
  end)

  it("begins with those that may wait long, and looks at them again beside the others", function()
    local self = bench { ["s/z"] = function() fake.wait(1) return SILENT end, ["s/b"] = function() fake.wait(0.2) return PASS end }
    local cases = { case "s/a" }
    for i = 1, 20 do
      cases[#cases + 1] = case("s/b", { id = "s/b" .. i })
      cases[#cases].id = "s/b"
    end
    cases[#cases + 1] = case("s/z", { early = true })
    local result = run(self, cases, { jobs = 3 })["s/z"]
    assert.are.equal("fail", result.verdict)
    assert.are.equal("s/z", self.log[1])
    local again
    for position, id in ipairs(self.log) do
      again = id == "s/z!" and position or again
    end
    assert.is_true(again < #self.log - 10, table.concat(self.log, " "))
  end)

  -- The most runs in flight when a patient one ends, and whether a first run was in flight beside one.
  local function look_again(alive)
    local script, cases, first, beside = {}, {}, 0, false
    for i = 1, 430 do
      cases[i] = case("s/c" .. i)
      script["s/c" .. i] = function(_, job)
        first = first + (job.patient and 0 or 1)
        beside = beside or (job.patient and first > 0)
        fake.wait(i == 430 and 0.9 or 0.4)
        first = first - (job.patient and 0 or 1)
        return { verdict = i <= 400 and "pass" or "fail", silent = true, observed = "nothing", ended = true }
      end
    end
    local self = bench(script)
    self.alive = alive
    run(self, cases, { jobs = 32, timeout = 4 })
    return self.patient, beside
  end

  it("looks again at as many as may be in flight, beside the last first runs", function()
    local most, beside = look_again(function() return true end)
    assert.are.equal(31, most)
    assert.is_true(beside)
  end)

  it("looks again at few at a time where the target is slow, once the first runs are over", function()
    local most, beside = look_again(function() fake.wait(1.2) return true end)
    assert.is_true(most <= 4, tostring(most))
    assert.is_false(beside)
  end)

  it("does not run a plain failure again", function()
    local self = bench { ["s/a"] = { FAIL } }
    assert.are.equal("fail", run(self, { case "s/a" })["s/a"].verdict)
    assert.are.same({ "s/a" }, self.log)
  end)

  it("repeats what proved nothing once", function()
    local self = bench { ["s/a"] = { UNSURE, PASS }, ["s/b"] = { UNSURE, UNSURE }, ["s/c"] = { UNSURE, SILENT, SILENT } }
    local by_id = run(self, { case "s/a", case "s/b", case "s/c" })
    assert.are.same({ "pass", "inconclusive", "fail" }, { by_id["s/a"].verdict, by_id["s/b"].verdict,
      by_id["s/c"].verdict })
    assert.is_truthy(by_id["s/a"].notes[1]:find("graceful", 1, true))
  end)

  it("takes the way to the target once more", function()
    local self = bench { ["s/a"] = { { verdict = "error", way = "timeout", observed = "busy" }, PASS } }
    assert.are.equal("pass", run(self, { case "s/a", case "s/b" })["s/a"].verdict)
  end)

  it("warns where the requirement is gentle", function()
    local self = bench { ["s/a"] = { FAIL } }
    assert.are.equal("warn", run(self, { case("s/a", { gentle = true }) })["s/a"].verdict)
  end)

  it("leaves out or skips modes that are not offered", function()
    local offers = { alpn = { offered = true }, upgrade = { offered = false, reason = "no 101" },
      prior = { offered = true } }
    local cases = { case "s/a", case("s/t", { start = "tcp" }), case("s/p", { modes = { "prior" } }) }
    local _, done = run(bench {}, cases, { modes = { "upgrade" }, offers = offers })
    assert.are.equal(1, #done.entries)
    _, done = run(bench {}, cases, { modes = { "upgrade" }, offers = offers, explicit = true })
    assert.are.equal(2, #done.entries)
  end)

  it("runs cases that want it alone", function()
    local self
    self = bench { ["s/a"] = function(state)
      assert(state.flying == 1)
      return PASS
    end }
    assert.are.equal("pass", run(self, { case("s/a", { alone = true }), case "s/b", case "s/c" })["s/a"].verdict)
    assert.are.equal("s/a", self.log[3])
  end)

  it("reports each broken requirement once, by the first case in order", function()
    local finding = { findings = { { requirement = "RFC9113-6.5-1", text = "seen" } }, verdict = "pass" }
    local late = { findings = { { requirement = "RFC9113-6.5-1", text = "later" } }, verdict = "pass" }
    local by_id = run(bench { ["s/b"] = { finding }, ["s/c"] = { late } }, { case "s/a", case "s/b", case "s/c" })
    local result = by_id["watch/RFC9113-6.5-1"]
    assert.are.same({ "fail", "seen", "prior", "run s/b prior" }, { result.verdict, result.observed, result.mode,
      result.command })
  end)

  it("hands over each result with the runs behind it, those of passed cases where they are kept", function()
    for _, keep in ipairs { false, true } do
      local seen = {}
      local by_id = run(bench { ["s/a"] = { PASS }, ["s/b"] = { FAIL } }, { case "s/a", case "s/b" }, { keep_runs = keep,
        on_settled = function(unit, result)
          seen[result.id] = { result.verdict, unit.records[1].run ~= nil }
        end })
      assert.are.same({ ["s/a"] = { "pass", keep }, ["s/b"] = { "fail", true } }, seen)
      assert.are.equal("fail", by_id["s/b"].verdict)
    end
  end)

  it("stops at the first failure, after its confirmation", function()
    local self = bench { ["s/a"] = { SILENT, SILENT } }
    local cases = { case "s/a" }
    for i = 1, 30 do
      cases[#cases + 1] = case("s/x" .. i)
    end
    local by_id, done = run(self, cases, { fail_fast = true, jobs = 2 })
    assert.are.equal("fail", by_id["s/a"].verdict)
    assert.are.equal("skip", by_id["s/x30"].verdict)
    assert.is_false(done.complete)
    assert.is_true(#self.log < 10)
  end)

  it("ends at once when it is interrupted", function()
    local interrupt
    local self
    self = bench { ["s/a"] = function()
      interrupt "SIGINT"
      return PASS
    end }
    local by_id, done = run(self, { case "s/a", case "s/b" }, { jobs = 1,
      on_start = function(fn) interrupt = fn end })
    assert.are.equal("SIGINT", done.interrupted)
    assert.are.equal("error", by_id["s/b"].verdict)
    assert.are.equal("not run: interrupted", by_id["s/b"].observed)
  end)
end)

describe("the sentinel", function()
  it("is shared by all cases that ended in the meantime", function()
    local self = bench { ["s/1"] = { { verdict = "pass", ended = true } } }
    local cases = {}
    for i = 1, 40 do
      cases[i] = case "s/1"
    end
    run(self, cases, { jobs = 20 })
    assert.is_true(self.sentinels >= 1 and self.sentinels <= 10, self.sentinels)
  end)

  it("does not look after cases that left their connection open", function()
    local self = bench {}
    run(self, { case "s/a", case "s/b" })
    assert.are.equal(0, self.sentinels)
  end)

  it("blames the case of which the target died, and runs no other", function()
    local self
    self = bench { ["s/kill"] = function(state)
      state.alive = false
      return { verdict = "pass", ended = true }
    end }
    local by_id, done = run(self, { case "s/a", case "s/kill", case "s/b", case "s/c" }, { jobs = 1 })
    assert.are.equal("pass", by_id["s/a"].verdict)
    assert.are.equal("error", by_id["s/kill"].verdict)
    assert.is_truthy(by_id["s/kill"].observed:find("the target died of this case", 1, true))
    assert.are.equal("not run: the target died", by_id["s/c"].observed)
    assert.are.equal("connection refused", done.died)
  end)

  it("finds the culprit one by one when the target comes back", function()
    local self
    self = bench { ["s/kill"] = function(state)
      state.dead_for = 6
      return { verdict = "pass", ended = true }
    end, ["s/a"] = { { verdict = "pass", ended = true } } }
    self.alive = function(state)
      state.dead_for = (state.dead_for or 0) - 1
      return state.dead_for < 0, "connection refused"
    end
    local cases = { case "s/a", case "s/kill", case "s/a2", case "s/b" }
    local by_id, done = run(self, cases, { jobs = 4 })
    assert.are.equal("error", by_id["s/kill"].verdict)
    assert.are.equal("pass", by_id["s/a"].verdict)
    assert.is_truthy(done.died)
    assert.is_true(done.complete)
  end)

  it("does not suspect what had ended before the target last said something", function()
    local self
    self = bench { ["s/kill"] = function(state)
      state.alive = false
      return { verdict = "pass", ended = true }
    end }
    local cases = {}
    for i = 1, 9 do
      cases[i] = case("s/c" .. i)
    end
    cases[10] = case "s/kill"
    local by_id = run(self, cases, { jobs = 3 })
    assert.are.equal("error", by_id["s/kill"].verdict)
    for i = 1, 6 do
      assert.are.equal("pass", by_id["s/c" .. i].verdict)
    end
  end)

  it("makes a death that no case repeats a result of its own, and judges all cases", function()
    local self
    self = bench { ["s/kill"] = function(state)
      if not state.killed then
        state.killed, state.dead_for = true, 3
      end
      return { verdict = "pass", ended = true }
    end, ["s/a"] = { FAIL } }
    self.alive = function(state)
      state.dead_for = (state.dead_for or 0) - 1
      return state.dead_for < 0, "connection refused"
    end
    local by_id, done = run(self, { case "s/a", case "s/kill", case "s/b" })
    assert.are.same({ "fail", "pass", "pass" }, { by_id["s/a"].verdict, by_id["s/kill"].verdict, by_id["s/b"].verdict })
    local result = by_id["target/died"]
    assert.are.same({ "error", "prior", "target" }, { result.verdict, result.mode, result.suite })
    assert.is_truthy(result.observed:find("none of them does it alone: s/a (prior), s/kill (prior), s/b (prior)", 1, true))
    assert.are.equal("connection refused", done.died)
    assert.is_true(done.complete)
  end)

  it("runs no more rows of a case of which the target died", function()
    local self
    self = bench { ["s/kill"] = function(state)
      state.dead_for = 3
      return { verdict = "pass", ended = true }
    end }
    self.alive = function(state)
      state.dead_for = (state.dead_for or 0) - 1
      return state.dead_for < 0, "connection refused"
    end
    local by_id, done = run(self, { case("s/kill", { each = { 1, 2, 3, 4, 5, 6 } }), case "s/b" }, { jobs = 1 })
    assert.are.equal("error", by_id["s/kill"].verdict)
    assert.are.equal("1", by_id["s/kill"].row)
    assert.are.equal("pass", by_id["s/b"].verdict)
    assert.are.same({ "s/kill", "s/kill", "s/b" }, self.log)
    assert.is_true(done.complete)
  end)

  it("names all suspects when it cannot tell", function()
    local self
    local function kill(state)
      state.alive = false
      return { verdict = "pass", ended = true }
    end
    self = bench { ["s/a"] = kill, ["s/b"] = kill }
    local by_id = run(self, { case "s/a", case "s/b" })
    for _, id in ipairs { "s/a", "s/b" } do
      assert.are.equal("error", by_id[id].verdict)
      assert.is_truthy(by_id[id].observed:find("one of 2 cases", 1, true), by_id[id].observed)
    end
  end)

  it("forgives a target that was only slow", function()
    local self = bench { ["s/a"] = { { verdict = "pass", ended = true } } }
    local answers = 0
    self.alive = function()
      answers = answers + 1
      return answers > 1, "timeout"
    end
    local by_id, done = run(self, { case "s/a", case "s/b" })
    assert.is_nil(done.died)
    assert.are.equal("pass", by_id["s/b"].verdict)
  end)
end)
