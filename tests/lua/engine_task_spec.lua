-- engine_task_spec.lua - tasks of h2probe.engine and what ends them, as docs/engine.md promises.
local engine = require "h2probe.engine"
local help = dofile "tests/lua/engine_help.lua"
local run, fails = help.run, help.fails

describe("tasks", function()
  it("run, return and fail", function()
    local task, ok, a, b = run(function() return 1, nil end)
    assert.is_true(ok)
    assert.equal(1, a)
    assert.is_nil(b)
    assert.equal("done", task:status())
    local failed, message, traceback = fails(function() error { 42 } end, {})
    assert.same({ 42 }, message)
    assert.truthy(traceback:find "task_spec")
    assert.equal("failed", failed:status())
    assert.is_nil(failed:limit())
  end)

  it("give no traceback of an object that can tell itself", function()
    local raised = setmetatable({}, { __tostring = function() return "a verdict" end })
    local _, message, traceback = fails(function() error(raised) end, {})
    assert.equal(raised, message)
    assert.equal("", traceback)
  end)

  it("wait, yield, join and hand values over", function()
    run(function()
      local queue, log = engine.queue(), {}
      local worker = engine.spawn(function()
        for _ = 1, 2 do log[#log + 1] = assert(queue:take()) end
        return "over"
      end)
      queue:put "a"
      engine.yield()
      queue:put "b"
      local ok, result = worker:join()
      assert.is_true(ok)
      assert.equal("over", result)
      assert.same({ "a", "b" }, log)
      assert.equal("timeout", select(2, queue:take(0)))
      assert.equal("timeout", select(2, queue:take(0.01)))
      local before = engine.now()
      engine.wait(0.02)
      assert.is_true(engine.now() - before >= 0.02)
      assert.equal("running", engine.current():status())
    end)
    assert.is_nil(engine.current())
  end)

  it("refuse to wait outside", function()
    assert.has_error(function() engine.wait(0.1) end)
    assert.has_error(function() engine.queue():take() end)
    assert.equal("timeout", select(2, engine.queue():take(0)))
  end)

  it("tell when nothing can go on", function()
    local task = engine.spawn(function() engine.queue():take(math.huge) end)
    assert.has_error(engine.run)
    task:cancel()
    engine.run()
    assert.equal("canceled", task:limit())
  end)

  it("can be canceled", function()
    run(function()
      local closed = false
      local sleeper = engine.spawn(function()
        local _ <close> = setmetatable({}, { __close = function() closed = true end })
        while true do pcall(engine.wait, 10) end
      end)
      engine.yield()
      sleeper:cancel "enough"
      local ok, message, traceback = sleeper:join()
      assert.is_false(ok)
      assert.equal("enough", message)
      assert.truthy(traceback:find "wait")
      assert.is_true(closed)
      assert.equal("canceled", sleeper:limit())
    end)
    local unborn = engine.spawn(function() error "never" end)
    unborn:cancel()
    engine.run()
    assert.equal("canceled", unborn:limit())
    local self = fails(function()
      pcall(function() engine.current():cancel() end)
      error "not reached"
    end, {})
    assert.equal("canceled", self:limit())
  end)

  it("end with the block of a to-be-closed variable", function()
    run(function()
      local seen
      do
        local task <close> = engine.spawn(function() engine.wait(10) end, { name = "beside" })
        assert.equal("beside", task:name())
        seen = task
        engine.yield()
      end
      assert.equal("the task was canceled", select(2, seen:join()))
    end)
  end)

  it("report errors of on_done", function()
    engine.spawn(function() end, { on_done = function() error "in on_done" end })
    assert.has_error(engine.run)
    engine.run()
  end)
end)

describe("limits", function()
  local budget = { instructions = 200000 }
  local function ended(limit, fn, options)
    local copy = {}
    for key, value in pairs(options or budget) do copy[key] = value end
    local before = engine.clock()
    local task, message, traceback = fails(fn, copy)
    assert.equal(limit, task:limit())
    assert.is_string(message)
    assert.is_string(traceback)
    assert.is_true(engine.clock() - before < 2)
    return message, traceback
  end

  it("end loops that swallow errors", function()
    local _, traceback = ended("instructions", function() while true do pcall(error) end end)
    assert.truthy(traceback:find "task_spec")
    ended("instructions", function() while true do end end)
    ended("instructions", function() while true do engine.pcall(error) end end)
    ended("instructions", function()
      pcall(pcall, function() while true do pcall(function() while true do end end) end end)
      while true do end
    end)
  end)

  it("end loops in handlers, comparators and metamethods", function()
    local function forever() while true do end end
    ended("instructions", function() engine.xpcall(error, forever) end)
    ended("instructions", function() engine.xpcall(forever, forever) end)
    ended("instructions", function()
      table.sort({ 1, 2, 3 }, function() engine.xpcall(forever, forever) end)
    end)
    ended("instructions", function()
      while true do pcall(table.sort, { 3, 2, 1 }, function() while true do pcall(forever) end end) end
    end)
    ended("instructions", function() return setmetatable({}, { __index = forever }).x end)
    ended("instructions", function() return tostring(setmetatable({}, { __tostring = forever })) end)
    ended("instructions", function() return (("x"):gsub(".", forever)) end)
    ended("instructions", function() for _ in forever do end end)
  end)

  it("end loops in coroutines", function()
    local function forever() while true do end end
    ended("instructions", function() engine.coroutine.wrap(forever)() end)
    ended("instructions", function() while true do engine.coroutine.resume(engine.coroutine.create(forever)) end end)
    ended("instructions", function() while true do engine.coroutine.wrap(function() end)() end end)
    ended("instructions", function()
      local co = engine.coroutine.create(function()
        local _ <close> = setmetatable({}, { __close = forever })
        table.sort({ 1, 2, 3 }, forever)
      end)
      engine.coroutine.resume(co)
      engine.coroutine.close(co)
    end)
    ended("instructions", function()
      local co = engine.coroutine.create(function()
        local _ <close> = setmetatable({}, { __close = forever })
        engine.coroutine.yield()
      end)
      engine.coroutine.resume(co)
      engine.coroutine.close(co)
    end)
  end)

  it("close pending variables, with a budget of their own", function()
    local closed = 0
    local function closer(fn) return setmetatable({}, { __close = fn }) end
    ended("instructions", function()
      local _ <close> = closer(function() closed = closed + 1 end)
      local _ <close> = closer(function() while true do pcall(error) end end)
      local _ <close> = closer(function() engine.pcall(function() closed = closed + 1 end) end)
      while true do end
    end)
    assert.is_true(closed >= 1)
    ended("canceled", function()
      local _ <close> = closer(function() engine.wait(1) end)
      engine.current():cancel()
    end, {})
  end)

  it("end a task at its deadline, running or parked", function()
    ended("deadline", function() while true do end end, { deadline = 0.05 })
    local before = engine.now()
    ended("deadline", function() engine.wait(10) end, { deadline = 0.05 })
    ended("deadline", function() while true do pcall(engine.wait, 10) end end, { deadline = 0.05 })
    assert.is_true(engine.now() - before < 1)
  end)

  it("end a task at its memory cap", function()
    local options = { memory = 4 << 20, instructions = 100000000 }
    ended("memory", function()
      local t = {}
      for i = 1, math.huge do t[i] = { i } end
      return t
    end, options)
    ended("memory", function() while true do pcall(string.rep, "x", 1 << 40) pcall(string.rep, "x", 1 << 28) end end,
      options)
    ended("memory", function()
      local s = "x"
      while true do pcall(function() s = s .. s end) end
    end, options)
    ended("memory", function()
      local t = {}
      while true do t[#t + 1] = ("x"):rep(100000) .. #t end
    end, options)
    local task = run(function()
      local kept
      for i = 1, 100000 do kept = { tostring(i), ("y"):rep(200) } end
      for _ = 1, 200 do kept = ("z"):rep(1 << 20) end
      for _ = 1, 2000 do kept = ("z"):rep(100000) .. "z" end
      return kept
    end, { memory = 4 << 20 })
    assert.is_nil(task:limit())
  end)

  it("leave sound code alone", function()
    local task, ok, list = run(function()
      local out = {}
      for value in engine.coroutine.wrap(function() for i = 1, 3 do engine.coroutine.yield(i) end end) do
        out[#out + 1] = value
      end
      out[#out + 1] = select("#", engine.pcall(function() return nil, nil end))
      out[#out + 1] = select(2, engine.pcall(error, "e", 0))
      out[#out + 1] = select(2, engine.xpcall(error, function(m) return m .. "!" end, "x", 0))
      out[#out + 1] = select("#", engine.xpcall(function(...) return ... end, print, 1, 2))
      return out
    end, { instructions = 100000, memory = 1 << 20, deadline = 1 })
    assert.is_true(ok)
    assert.is_nil(task:limit())
    assert.same({ 1, 2, 3, 3, "e", "x!", 3 }, list)
  end)

  it("have coroutines that behave like Lua's", function()
    local co = engine.coroutine.create(function(a) error("bad " .. engine.coroutine.yield(a + 1), 0) end)
    assert.equal("suspended", engine.coroutine.status(co))
    assert.same({ true, 2 }, { engine.coroutine.resume(co, 1) })
    assert.same({ false, "bad x" }, { engine.coroutine.resume(co, "x") })
    assert.equal("dead", engine.coroutine.status(co))
    assert.same({ false, "cannot resume dead coroutine" }, { engine.coroutine.resume(co) })
    assert.is_true(engine.coroutine.close(co))
    assert.has_error(engine.coroutine.wrap(function() error "w" end))
    assert.has_error(function() engine.setmetatable({}, { __gc = print }) end)
    assert.equal(1, engine.setmetatable({}, { __index = { a = 1 } }).a)
  end)

  it("let a coroutine of a script wait", function()
    run(function()
      local queue = engine.queue()
      engine.spawn(function() engine.wait(0.01) queue:put "late" end)
      local co = engine.coroutine.wrap(function()
        local inner = engine.coroutine.wrap(function() return (queue:take()) end)
        engine.coroutine.yield(inner() .. "!")
        engine.wait(0.001)
        return "end"
      end)
      assert.equal("late!", co())
      assert.equal("end", co())
      assert.has_error(function() coroutine.wrap(function() engine.wait(1) end)() end)
      assert.has_error(function()
        table.sort({ 2, 1 }, engine.coroutine.wrap(function() engine.wait(1) end))
      end)
    end)
  end)
end)
