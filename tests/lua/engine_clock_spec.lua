-- engine_clock_spec.lua - the clock of timeouts and deadlines, as docs/engine.md promises.
local engine = require "h2probe.engine"
local help = dofile "tests/lua/engine_help.lua"

-- Keeps the loop from listening.
local function work(seconds)
  local begun = engine.now()
  repeat until engine.now() - begun >= seconds
end

describe("the clock of waits", function()
  it("runs while the loop waits", function()
    help.run(function()
      local waited = engine.waited()
      engine.wait(0.05)
      assert.is_true(engine.waited() - waited >= 0.05)
    end)
  end)

  -- On a loaded machine it is behind; one good time in several is enough.
  it("keeps up with time where nothing is to be done", function()
    help.run(function()
      local behind = math.huge
      for _ = 1, 10 do
        local listener <close> = assert(engine.listen { port = 0 }) -- a handle that the loop has not watched before
        local now, waited = engine.now(), engine.waited()
        assert.equal("timeout", select(2, listener:accept(0.1)))
        waited, now = engine.waited() - waited, engine.now() - now
        assert.is_true(waited >= 0.1)
        behind = math.min(behind, now - waited)
        if behind < 0.02 then return end
      end
      error(("it is %g s behind"):format(behind))
    end)
  end)

  it("runs at half its speed while the program works", function()
    help.run(function()
      local now, waited = engine.now(), engine.waited()
      work(0.1)
      waited, now = engine.waited() - waited, engine.now() - now
      assert.is_true(waited > 0 and waited <= now / 2 + 0.001)
    end)
  end)

  it("is that of deadlines", function()
    local _, ok = help.run(function()
      return engine.spawn(function()
        work(0.4)
        engine.wait(0)
        return true
      end, { deadline = 0.35 }):join()
    end)
    assert.is_true(ok)
  end)

  it("lets in what came while the program worked", function()
    help.pair(function(client)
      assert.equal("early", client:recv_octets(5, 0.05))
    end, function(server)
      server:send_octets "early"
      server:flush()
      work(0.5) -- longer than the client's patience, which is over when the loop listens again
    end)
  end)
end)
