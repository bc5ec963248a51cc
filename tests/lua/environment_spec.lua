-- The private environment of scripts: what is there, what is not, and what ends a case.
local context = require "h2probe.context"
local engine = require "h2probe.engine"
local environment = require "h2probe.environment"
local verdict = require "h2probe.verdict"

local TARGET = { scheme = "https", host = "h", port = 1, authority = "h:1", path = "/p" }

-- Runs the text as a suite's function in a task of a run; what it returned or raised, and the run.
local function run_script(text, env)
  local run = context.new { target = TARGET }
  local chunk = assert(load(text, "@script.lua", "t", env or environment.suite { suite = error, case = error }))
  local results
  engine.spawn(function()
    environment.bind(run)
    results = table.pack(engine.pcall(chunk))
  end, { on_done = function() end })
  engine.run()
  return results[1], results[2], run
end

describe("a script", function()
  for _, row in ipairs {
    { "return os", "script.lua:1: 'os' does not exist" }, { "\nx = 1", "script.lua:2: 'x' does not exist" },
    { "return io", "'io' does not exist" }, { "return require", "'require'" }, { "return load", "'load'" },
    { "return debug", "'debug'" }, { "return dofile", "'dofile'" }, { "return collectgarbage", "'collectgarbage'" },
    { "return _G", "'_G'" }, { "return rawset", "'rawset'" }, { "return conn", "script.lua:1: a suite gets conn" },
    { "setmetatable({}, { __gc = print })", "finalizers" }, { "octets(-1)", "script.lua:1: octets takes" },
    { "hex 'zz'", "hex takes" }, { "DATA { strm = 1 }", "script.lua:1: DATA has no member" },
    { "setmetatable(getmetatable(DATA {}) or string, 1)", "nil or table" },
  } do
    it(("has no way to %q"):format(row[1]):gsub("\n", "n"), function()
      local ok, message = run_script(row[1])
      assert.False(ok)
      assert.truthy(tostring(message):find(row[2], 1, true), tostring(message))
    end)
  end

  for _, row in ipairs {
    { "return octets(5, 'ab')", "ababa" }, { "return #octets(3)", 3 }, { "return hex '61 62'", "ab" },
    { "return get('/')[1][2] .. get('/')[3][2] .. get('/')[4][2]", "GETh:1/" }, { "return head('/')[1][2]", "HEAD" },
    { "return #request { path = false }", 3 }, { "return request { method = 'CONNECT' }[2][1]", ":authority" },
    { "return field(with(get '/', { 'a', 'b' }), 'a')", "b" }, { "return target.path", "/p" },
    { "return string.dump", nil }, { "return getmetatable('')", nil }, { "return base64url '\\255'", "_w" },
    { "return #PREFACE", 24 }, { "return select(2, pcall(error, 'x'))", "x" },
    { "return connection_error('PROTOCOL_ERROR').expected", "GOAWAY(PROTOCOL_ERROR) or the end of the connection" },
    { "return coroutine.wrap(function() return 7 end)()", 7 }, { "return check(5, 'a', 'b')", 5 },
  } do
    it("can " .. row[1], function()
      local ok, value = run_script(row[1])
      assert.True(ok, tostring(value))
      assert.equal(row[2], value)
    end)
  end

  for _, row in ipairs {
    { "check(false, 'a', 'b')", "fail", "b", false }, { "check(nil, 'a', 'b')", "fail", "b", true },
    { "fail 'x'", "fail", "x" }, { "warn 'x'", "warn", "x" }, { "skip 'x'", "skip", "x" },
    { "inconclusive 'x'", "inconclusive", "x" }, { "pcall(fail, 'x')", "fail", "x" },
    { "xpcall(fail, print, 'x')", "fail", "x" },
    { "coroutine.resume(coroutine.create(function() fail 'x' end))", "fail", "x" },
    { "coroutine.wrap(function() fail 'x' end)()", "fail", "x" },
    { "eventually(function() end, 'it')", "fail", "it did not come about within 2 s", true },
  } do
    it("ends with " .. row[1], function()
      local ok, raised = run_script(row[1])
      assert.False(ok)
      assert.True(verdict.is(raised), tostring(raised))
      assert.equal(row[2], raised.verdict)
      assert.equal(row[3], raised.observed)
      if row[4] ~= nil then assert.equal(row[4], raised.silent) end
    end)
  end

  it("leaves notes, each once and not without end", function()
    local _, _, run = run_script "note 'a' note 'a' print('b', 1) for i = 1, 1000 do note(i) end"
    assert.equal("a", run.notes[1])
    assert.equal("b\t1", run.notes[2])
    assert.equal(100, #run.notes)
  end)

  it("cannot change the libraries of others", function()
    run_script "string.rep = 1 table.concat = 2 math.floor = 3"
    assert.equal("aa", ("a"):rep(2))
    assert.equal("function", type(table.concat))
    local ok, value = run_script "return type(string.rep)"
    assert.True(ok)
    assert.equal("function", value)
  end)
end)

describe("a probe", function()
  local function probe(text)
    local declared, opened = {}, 0
    local env = environment.probe(context.new { target = TARGET }, {
      declare = function(name, value) declared[name] = value end,
      conn = function() opened = opened + 1 return { opened = opened } end,
    })
    local ok, message = run_script(text, env)
    return ok, message, declared, opened
  end

  it("declares before its connection is opened, once", function()
    local ok, message, declared, opened = probe "title = 'x' local a = conn.opened return conn.opened + a"
    assert.True(ok, tostring(message))
    assert.equal(2, message)
    assert.same({ title = "x" }, declared)
    assert.equal(1, opened)
  end)

  it("does not declare afterwards, and is no suite", function()
    for text, part in pairs { ["local a = conn title = 'x'"] = "script.lua:1: 'title' is assigned after",
      ["suite {}"] = "a probe has no suite", ["case {}"] = "a probe has no case" } do
      local ok, message = probe(text)
      assert.False(ok)
      assert.truthy(tostring(message):find(part, 1, true), tostring(message))
    end
  end)
end)
