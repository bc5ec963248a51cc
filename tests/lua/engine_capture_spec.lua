-- What the engine records of a connection's transport.
local engine = require "h2probe.engine"

-- A client and a server joined over loopback; `body(client, server)` runs as a task.
local function joined(limit, body)
  local failure
  engine.spawn(function()
    local listener = assert(engine.listen {})
    local client = engine.connection { role = "client" }
    if limit then
      client:record(limit)
    end
    assert(client:connect { host = "127.0.0.1", port = listener:port(), timeout = 5 })
    local server = assert(listener:accept(5))
    body(client, server)
    client:close()
    server:close()
    listener:close()
  end, { on_done = function(_, ok, message, traceback)
    failure = not ok and tostring(message) .. "\n" .. tostring(traceback) or nil
    engine.stop()
  end })
  engine.run()
  assert.is_nil(failure)
end

local function told(capture)
  local words = {}
  for i, record in ipairs(capture) do
    words[i] = (record.sent and ">" or "<") .. record.what .. (record.octets and "=" .. record.octets or "")
  end
  return table.concat(words, " ")
end

describe("a recorded connection", function()
  it("has the octets in both directions and how it ended, also after it was closed", function()
    joined(1024, function(client, server)
      client:send_octets "hello"
      client:flush()
      assert.are.equal("hello", server:recv_octets(5, 5))
      server:send_octets "answer"
      server:shutdown()
      assert.are.equal("answer", client:recv_octets(6, 5))
      assert.is_nil((client:recv_octets(1, 5)))
      client:close()
      local capture = client:capture()
      assert.are.equal(">connect >open >octets=hello <octets=answer <fin >fin", told(capture))
      assert.are.equal("", capture.keys)
      assert.are.same({ 0, 0 }, { capture.cut_sent, capture.cut_received })
      assert.is_true(math.abs(capture[1].time / 1e9 - os.time()) < 3600)
      for i = 2, #capture do
        assert.is_true(capture[i].time >= capture[i - 1].time)
      end
      client:record(0)
      assert.are.equal("", told(client:capture()))
    end)
  end)

  it("is cut at its limit", function()
    joined(100, function(client, server)
      client:send_octets(("x"):rep(1000))
      client:flush()
      assert(server:recv_octets(1000, 5))
      local capture = client:capture()
      assert.are.equal(1000, #capture[3].octets + capture.cut_sent)
      assert.is_true(#capture[3].octets < 100)
    end)
  end)

  it("has the TLS records and the keys of its own alone", function()
    joined(65536, function(client, server)
      local task = engine.spawn(function() return assert(server:start_tls { alpn = { "h2" } }) end)
      assert(client:start_tls { alpn = { "h2" }, verify = false })
      assert(task:join(5))
      local capture = client:capture()
      assert.are.equal(22, capture[3].octets:byte())
      local labels = {}
      for label in capture.keys:gmatch "(%S+) %x+ %x+\n" do
        labels[label] = true
      end
      assert.is_true(labels.CLIENT_HANDSHAKE_TRAFFIC_SECRET and labels.SERVER_TRAFFIC_SECRET_0)
      assert.is_nil(server:capture())
    end)
  end)

  it("is recorded only when asked", function()
    joined(nil, function(client, server)
      assert.is_nil(client:capture())
      client:send_octets "before"
      client:flush()
      assert(server:recv_octets(6, 5))
      client:record(1024)
      assert.has_error(function() client:record(1024) end, "the connection is recorded already")
      assert.has_error(function() client:record(-1) end)
      client:reset()
      assert.are.equal("<open >rst", told(client:capture()))
    end)
  end)
end)
