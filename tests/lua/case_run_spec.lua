-- One run of a case: verdicts, script errors with the script's own frames, the way to the target, probes.
local fake = dofile "tests/lua/fake_engine.lua"

local opened, failing

local open = {}
function open.connect(run, options)
  if failing then
    return nil, table.unpack(failing)
  end
  opened[#opened + 1] = options
  local conn = { ended = function() return run.over end, _drain = function() end, _over = function() end,
    close = function(self) self.closed = true end,
    _ = { wire = { transcript = function() return {} end } } }
  run.connections[#run.connections + 1] = conn
  return conn
end

local environment = {}
function environment.bind() end
function environment.finish() end
function environment.probe(_, options)
  local conn
  return setmetatable({}, {
    __index = function(_, name)
      if name == "conn" then
        conn = conn or options.conn()
        return conn
      end
      return _G[name]
    end,
    __newindex = function(_, name, value) options.declare(name, value) end,
  })
end

local module = fake.modules { open = open, environment = environment,
  transcript = { entries = function() return { { text = "x" } } end } }
local case_run = module "case_run"
local verdict = module "verdict"

local function once(case, more)
  opened = {}
  local job = { case = { id = "a/b/c", start = "open", needs = {}, modes = { "prior" }, file = "suites/a.lua" },
    mode = "prior", target = {}, timeout = 2 }
  for key, value in pairs(case) do
    job.case[key] = value
  end
  for key, value in pairs(more or {}) do
    job[key] = value
  end
  return fake.call(case_run.once, job)
end

local function script(text)
  return assert(load(text, "@suites/a.lua"))
end

describe("case_run.once", function()
  before_each(function() failing = nil end)

  it("is a pass when the function comes to its end", function()
    local seen
    local record = once({ run = function(conn, row) seen = { conn ~= nil, row } end, start = "preface",
      settings = { 1 } }, { row = 7, label = "7" })
    assert.are.same({ true, 7 }, seen)
    assert.are.same({ "pass", "7", "preface" }, { record.verdict, record.label, opened[1].start })
    assert.is_true(record.run.connections[1].closed)
    assert.is_nil(record.way)
  end)

  it("takes a verdict that is raised, with its notes", function()
    local record = once { run = function()
      verdict.raise { verdict = "fail", expected = "a", observed = "b", silent = true, notes = { "n" } }
    end }
    assert.are.same({ "fail", "a", "b", true, { "n" } },
      { record.verdict, record.expected, record.observed, record.silent, record.notes })
  end)

  it("reports a script's mistake as error, with the script's frames alone", function()
    local record = once { run = script "local function deep() local x = nil; return x.y end\n\nlocal z = deep()\nreturn z" }
    assert.are.equal("error", record.verdict)
    assert.is_truthy(record.observed:find("suites/a.lua:1: attempt to index a nil value", 1, true))
    assert.is_truthy(record.notes[1]:find("at suites/a.lua:1: in", 1, true), record.notes[1])
    assert.is_truthy(record.notes[1]:find("suites/a.lua:3:", 1, true), record.notes[1])
    assert.is_nil(record.notes[1]:find "case_run")
    assert.is_nil(record.way)
  end)

  it("never calls what a script raised", function()
    local called = false
    local record = once { run = function()
      error(setmetatable({}, { __tostring = function() called = true end, __name = "x" }))
    end }
    assert.are.same({ "error", "a table was raised", false }, { record.verdict, record.observed, called })
  end)

  it("tells the way to the target from the case", function()
    failing = { "refused", "connection refused" }
    local record = once { run = function() end }
    assert.are.same({ "error", "refused" }, { record.verdict, record.way })
    assert.is_truthy(record.observed:find("the way to the target failed: connection refused", 1, true))
  end)

  it("skips what the target does not offer, with the reason", function()
    local record = once({ run = error, needs = { "large" } }, { target = { has = { large = false } } })
    assert.are.equal("skip", record.verdict)
    assert.is_truthy(record.observed:find("64 KiB", 1, true))
    record = once({ run = error }, { modes = { prior = { offered = false, reason = "closed" } } })
    assert.are.same({ "skip", "mode prior is not offered: closed" }, { record.verdict, record.observed })
    record = once({ run = function() end, start = "tcp" }, { modes = { prior = { offered = false, reason = "closed" } } })
    assert.are.equal("pass", record.verdict)
    assert.are.same({}, (once({ run = error, needs = { "large" } }, { target = { has = { large = false } } })).run.connections)
  end)

  it("says which limit a script passed", function()
    for limit, text in pairs { instructions = "budget of 50 million", memory = "cap of 64 MiB", deadline = "within 9 s" } do
      local spawn = fake.spawn
      fake.spawn = function(fn, options)
        local task = spawn(fn, options)
        task.passed = options and options.instructions and limit or nil
        return task
      end
      local record = once { run = function() error "ended" end }
      fake.spawn = spawn
      assert.are.equal("error", record.verdict)
      assert.is_truthy(record.observed:find(text, 1, true), record.observed)
    end
  end)
end)

describe("a probe", function()
  local function probe(text)
    return once { probe = true, text = text, file = "suites/a.lua", modes = { "alpn", "upgrade", "prior" }, req = {},
      title = "a" }
  end

  it("declares before it touches conn", function()
    local record = probe 'title = "mine"\nstart = "tcp"\nreq = "RFC9113-6.5-1"\nlocal c = conn'
    assert.are.equal("pass", record.verdict)
    assert.are.same({ "mine", { "RFC9113-6.5-1" }, "tcp" },
      { record.run.case.title, record.run.case.req, opened[1].start })
  end)

  it("is skipped in modes that it is not for", function()
    assert.are.equal("skip", probe('modes = { "alpn" }\nlocal c = conn').verdict)
  end)

  it("is told what is wrong with its declarations", function()
    for text, message in pairs { ["titel = 'x'"] = "did you mean 'title'", ["x = 1"] = "say local",
      ["start = 'late'"] = "start is 'late'", ["timeout = -1"] = "timeout is a number of seconds" } do
      local record = probe("\n" .. text)
      assert.are.equal("error", record.verdict)
      assert.is_truthy(record.observed:find(message, 1, true), record.observed)
      assert.is_truthy(record.observed:find("suites/a.lua:2:", 1, true), record.observed)
    end
  end)
end)
