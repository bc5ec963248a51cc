-- engine_process_spec.lua - commands beside us: engine.process as docs/engine.md promises.
local engine = require "h2probe.engine"
local help = dofile "tests/lua/engine_help.lua"
local run = help.run

local function sh(script, more)
  local options = { args = { "sh", "-c", script } }
  for key, value in pairs(more or {}) do options[key] = value end
  return assert(engine.process(options))
end

local function alive(pid)
  return os.execute(("kill -0 %d 2>/dev/null"):format(pid)) == true
end

-- The state of a process: nil when it is gone, "Z" for a zombie.
local function state(pid)
  local file = io.open(("/proc/%d/stat"):format(pid))
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text:match "%) (%a)"
end

describe("engine.process", function()
  it("tells the exit status", function()
    run(function()
      for _, wanted in ipairs { 0, 1, 7, 255 } do
        local status, signal = sh("exit " .. wanted):wait(5)
        assert.equal(wanted, status)
        assert.is_nil(signal)
      end
    end)
  end)

  it("tells the signal that ended it", function()
    run(function()
      local status, signal = sh("kill -TERM $$"):wait(5)
      assert.equal(143, status)
      assert.equal("SIGTERM", signal)
    end)
  end)

  it("captures both streams in the order in which they were written", function()
    run(function()
      local process = sh "echo one; echo two >&2; echo three"
      process:wait(5)
      assert.same({ "one\ntwo\nthree\n", 0 }, { process:output() })
    end)
  end)

  it("keeps no more than it was told, and reads on", function()
    run(function()
      local process = sh("head -c 300000 /dev/zero; echo end >&2", { output = 1000 })
      assert.equal(0, (process:wait(5)))
      local output, dropped = process:output()
      assert.equal(1000, #output)
      assert.equal(300000 + 4 - 1000, dropped)
    end)
  end)

  it("keeps the last octets of megabytes", function()
    run(function()
      local process = sh("yes | head -c 5000000; echo end", { output = 1000, keep = "last" })
      assert.equal(0, (process:wait(20)))
      local output, dropped = process:output()
      assert.equal(1000, #output)
      assert.equal(5000004 - 1000, dropped)
      assert.equal("y\nend\n", output:sub(-6))
    end)
  end)

  it("is read from a position on, as it is written", function()
    run(function()
      local process = sh("echo one; read x < $PIPE; echo two", { env = { PIPE = "/dev/null" } })
      local text, at = "", 0
      repeat
        local more, next_at = process:read(at, 5)
        if more then text, at = text .. more, next_at end
      until not more
      assert.equal("one\ntwo\n", text)
      assert.equal(8, at)
      local none, code = process:read(8, 5)
      assert.same({ nil, "closed" }, { none, code })
      assert.same({ "wo\n", 8 }, { process:read(5, 5) })
    end)
  end)

  it("waits for output no longer than asked, and skips what is no longer kept", function()
    run(function()
      local process <close> = sh("yes | head -c 3000; sleep 30", { output = 10, keep = "last" })
      local at = 0
      while at < 3000 do
        local more, after = assert(process:read(at, 5))
        assert.is_true(#more <= 10)
        at = after
      end
      local none, code = process:read(at, 0.01)
      assert.same({ nil, "timeout" }, { none, code })
      assert.equal("y\ny\n", (process:read(at - 4, 0)))
      assert.equal(10, #process:read(0, 0))
    end)
  end)

  it("lets the group linger when told so", function()
    run(function()
      local process = sh("(trap 'echo over; exit' TERM; echo up; while :; do sleep 0.01; done) &", { linger = true })
      assert.equal(0, (process:wait(5)))
      assert.equal("up\n", (process:read(0, 5)))
      assert.is_true(process:group())
      assert.is_true(process:kill "SIGTERM")
      local text, at = "", 3 -- the shell may say that its sleep was terminated
      repeat
        local more, next_at = process:read(at, 5)
        if more then text, at = text .. more, next_at end
      until not more
      assert.is_truthy(text:find "over\n$", text)
      local none, code = process:read(at, 5)
      assert.same({ nil, "closed" }, { none, code })
    end)
  end)

  it("ends who left the group when asked to", function()
    engine.adopt_orphans()
    run(function()
      local process = sh "(setsid sh -c 'echo $$; exec sleep 60' &); sleep 60"
      local text = process:read(0, 5)
      local daemon = tonumber(text)
      assert.is_true(alive(daemon))
      process:kill()
      process:wait(5)
      local left = engine.now() + 5
      while engine.end_orphans() > 0 and engine.now() < left do engine.wait(0.002) end
      assert.is_nil(state(daemon))
    end)
  end)

  it("gives no input", function()
    run(function()
      local process = sh "cat; echo over"
      assert.equal(0, (process:wait(5)))
      assert.equal("over\n", (process:output()))
    end)
  end)

  it("adds to the environment", function()
    run(function()
      local process = sh('echo "$H2PROBE_A-$HOME"', { env = { H2PROBE_A = "a b", HOME = "nowhere" } })
      process:wait(5)
      assert.equal("a b-nowhere\n", (process:output()))
      process = sh('test -n "$PATH" && echo "$H2PROBE_A"', { env = {} })
      process:wait(5)
      assert.equal("\n", (process:output()))
    end)
  end)

  it("waits no longer than asked, and parks only its task", function()
    run(function()
      local process <close> = sh "sleep 30"
      local others = 0
      engine.spawn(function() others = others + 1 end)
      local none, code = process:wait(0.05)
      assert.is_nil(none)
      assert.equal("timeout", code)
      assert.equal(1, others)
      assert.is_nil((process:wait(0)))
    end)
  end)

  it("wakes all that wait", function()
    run(function()
      local process, woken = sh "exit 3", {}
      local tasks = {}
      for i = 1, 3 do
        tasks[i] = engine.spawn(function() woken[i] = process:wait(5) end)
      end
      for _, task in ipairs(tasks) do task:join(5) end
      assert.same({ 3, 3, 3 }, woken)
    end)
  end)

  it("kills the whole group", function()
    run(function()
      local process = sh "sleep 30 & echo $!; wait"
      local child
      repeat
        engine.wait(0.005)
        child = process:output():match "^(%d+)\n"
      until child
      assert.is_true(process:kill())
      local status, signal = process:wait(5)
      assert.equal(137, status)
      assert.equal("SIGKILL", signal)
      assert.is_false(process:kill())
      local left = engine.now() + 5
      while state(child) and state(child) ~= "Z" and engine.now() < left do engine.wait(0.005) end
      assert.is_true(not alive(tonumber(child)) or state(child) == "Z")
    end)
  end)

  it("ends what the command leaves behind, and does not wait for it", function()
    run(function()
      local process = sh "sleep 30 & echo $!"
      assert.equal(0, (process:wait(5)))
      local child = process:output():match "%d+"
      local left = engine.now() + 5
      while state(child) and state(child) ~= "Z" and engine.now() < left do engine.wait(0.005) end
      assert.is_true(not alive(tonumber(child)) or state(child) == "Z")
    end)
  end)

  it("does not wait for somebody who left the group and holds the output", function()
    run(function()
      local process = sh "setsid sleep 2 & echo started; exit 4"
      local begun = engine.now()
      assert.equal(4, (process:wait(5)))
      assert.is_true(engine.now() - begun < 1.5)
      assert.equal("started\n", (process:output()))
    end)
  end)

  it("leaves no zombies and no process when it is forgotten", function()
    local pids = {}
    run(function()
      for i = 1, 5 do pids[i] = sh("sleep 30"):pid() end
      for _ = 1, 5 do
        local process <close> = sh "sleep 30"
        pids[#pids + 1] = process:pid()
      end
      collectgarbage()
      collectgarbage()
      local left = engine.now() + 5
      for _, pid in ipairs(pids) do
        while state(pid) and engine.now() < left do engine.wait(0.005) end
        assert.is_nil(state(pid))
      end
    end)
  end)

  it("reports what cannot be started", function()
    run(function()
      local none, code, message = engine.process { args = { "/nonexistent/h2probe-none" } }
      assert.is_nil(none)
      assert.equal("io", code)
      assert.is_truthy(message:find("h2probe-none", 1, true))
    end)
  end)

  it("does not inherit what is ignored here", function()
    run(function()
      local process = sh "yes | head -n 1"
      process:wait(5)
      assert.equal("y\n", (process:output()))
    end)
  end)

  it("raises for misuse", function()
    assert.has_error(function() engine.process {} end)
    assert.has_error(function() engine.process { args = {} } end)
    assert.has_error(function() engine.process { args = { "a\0b" } } end)
    assert.has_error(function() engine.process { args = { 1 } } end)
    assert.has_error(function() engine.process { args = { "true" }, keep = "both" } end)
    assert.has_error(function() engine.process { args = { "true" }, env = { "a" } } end)
    assert.has_error(function() engine.process { args = { "true" }, env = { ["a=b"] = "c" } } end)
    run(function()
      local process = sh "true"
      assert.has_error(function() process:kill "SIGNONE" end)
      assert.has_error(function() process:read(-1) end)
      process:wait(5)
    end)
  end)
end)
