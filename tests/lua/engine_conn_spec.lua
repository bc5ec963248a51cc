-- engine_conn_spec.lua - connections of h2probe.engine, both sides in one process, as docs/engine.md promises.
local engine = require "h2probe.engine"
local help = dofile "tests/lua/engine_help.lua"
local run, pair, next_frame = help.run, help.pair, help.next_frame

describe("connections", function()
  local settings = { name = "SETTINGS", settings = { { "MAX_CONCURRENT_STREAMS", 10 } } }
  local request = { { ":method", "GET" }, { ":scheme", "http" }, { ":path", "/" }, { ":authority", "a" } }

  local function serve(conn)
    conn:start_h2()
    conn:send(settings)
    local event = assert(conn:next())
    assert.equal("preface", event.event)
    local headers = next_frame(conn, "HEADERS")
    assert.is_true(headers.block_end_stream)
    assert.equal(":method", headers.fields[1][1])
    assert.equal("half-closed (remote)", conn:state(1))
    conn:send { name = "HEADERS", stream = 1, fields = { { ":status", "200" } } }
    conn:send { name = "DATA", stream = 1, data = "hello", end_stream = true }
    conn:flush()
    assert.equal("closed", conn:state(1))
    local none, code = conn:next()
    while none do none, code = conn:next() end
    assert.equal("closed", code)
  end

  local function ask(conn)
    conn:start_h2()
    conn:send_octets "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    conn:send(settings)
    assert.equal(1, conn:next_stream())
    conn:send { name = "HEADERS", stream = 1, end_stream = true, fields = request }
    assert.equal(3, conn:next_stream())
    local headers = next_frame(conn, "HEADERS")
    assert.same({ ":status", "200" }, { headers.fields[1][1], headers.fields[1][2] })
    assert.equal("HEADERS", headers.block_type)
    local data = next_frame(conn, "DATA")
    assert.equal("hello", data.data)
    assert.is_true(data.end_stream)
    assert.equal("closed", conn:state(1))
    assert.equal(10, conn:setting("theirs", "MAX_CONCURRENT_STREAMS", true))
  end

  it("speak HTTP/2 with prior knowledge", function()
    local transcript
    pair(function(conn)
      ask(conn)
      assert.truthy(conn:peer():find "^127.0.0.1:%d+$")
      conn:note "a note"
      transcript = conn:transcript()
    end, serve)
    local seen = {}
    for _, event in ipairs(transcript) do
      seen[#seen + 1] = (event.sent and ">" or "<") .. (event.name or event.event)
    end
    assert.truthy(table.concat(seen, " "):find("note >preface >SETTINGS >HEADERS", 1, true))
    assert.equal("a note", transcript[#transcript].text)
  end)

  it("speak HTTP/2 over TLS with ALPN", function()
    local session
    pair(function(conn)
      local info = assert(conn:start_tls { alpn = { "h2", "http/1.1" }, sni = "a.example", verify = false,
        records = true })
      assert.equal("h2", info.alpn)
      assert.equal("TLSv1.3", info.version)
      ask(conn)
      session = conn:session()
      assert.equal(22, conn:records()[1].octets:byte())
      assert.is_true(conn:records()[1].sent)
      conn:close()
      assert.equal("h2", conn:tls().alpn)
    end, function(conn)
      local info = assert(conn:start_tls { alpn = { "h2" }, tickets = true })
      assert.equal("h2", info.alpn)
      assert.equal("a.example", info.sni)
      assert.same({ "h2", "http/1.1" }, info.client_hello.alpn)
      assert.equal("1.3", info.client_hello.versions[1])
      serve(conn)
    end)
    assert.is_userdata(session)
  end)

  it("upgrade from HTTP/1.1", function()
    pair(function(conn)
      conn:send_octets("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n" ..
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
      local head = assert(conn:recv_head())
      assert.equal(101, head.status)
      conn:start_h2()
      conn:upgraded(engine.unbase64url "AAMAAABk")
      conn:send_octets "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
      conn:send(settings)
      local headers = next_frame(conn, "HEADERS")
      assert.is_true(headers.end_stream)
      assert.is_nil(headers.faults)
    end, function(conn)
      local head = assert(conn:recv_head())
      assert.equal("GET", head.method)
      conn:send_octets "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
      conn:start_h2()
      conn:upgraded(engine.unbase64url "AAMAAABk")
      assert.equal(100, conn:setting("theirs", "MAX_CONCURRENT_STREAMS"))
      conn:send(settings)
      conn:send { name = "HEADERS", stream = 1, fields = { { ":status", "204" } }, end_stream = true }
      assert.equal("preface", assert(conn:next()).event)
      assert.is_nil(next_frame(conn, "SETTINGS").faults)
    end)
  end)

  it("acknowledge by themselves, but never inside a frame or a field block", function()
    pair(function(conn)
      conn:start_h2()
      assert.same({ settings = true, ping = true, window = true }, conn:auto {})
      conn:send_octets "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
      next_frame(conn, "SETTINGS") -- nothing may be sent before our own
      conn:send(settings)
      local block = conn:encode(request)
      conn:send { name = "HEADERS", stream = 1, end_stream = true, end_headers = false, fragment = block:sub(1, 2) }
      next_frame(conn, "PING")
      local rest = engine.frame_encode { name = "CONTINUATION", stream = 1, fragment = block:sub(3) }
      conn:send_octets(rest:sub(1, 11))
      conn:flush()
      engine.yield()
      conn:send_octets(rest:sub(12))
      next_frame(conn, "GOAWAY")
    end, function(conn)
      conn:start_h2()
      conn:send(settings)
      assert.equal("preface", assert(conn:next()).event)
      conn:send { name = "PING", data = "pingpong" }
      local names = {}
      for i = 1, 5 do
        local event = assert(conn:next())
        assert.is_nil(event.faults)
        names[i] = event.name .. (event.ack and "+" or "")
      end
      assert.same({ "SETTINGS", "SETTINGS+", "HEADERS", "CONTINUATION", "PING+" }, names)
      conn:send { name = "GOAWAY" }
    end)
  end)

  it("acknowledge in one write with what the script sends next", function()
    local came, last = {}, nil
    pair(function(conn)
      conn:start_h2()
      conn:send_octets "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
      conn:send(settings)
      next_frame(conn, "SETTINGS")
      conn:send { name = "HEADERS", stream = 1, end_stream = true, fields = request }
      next_frame(conn, "PING") -- what was seen is answered, although the connection is closed at once
    end, function(conn)
      conn:start_h2()
      conn:send(settings)
      for _ = 1, 4 do
        local event = assert(conn:next())
        came[event.ack and "ACK" or event.name or event.event] = event
      end
      conn:send { name = "PING", data = "pingpong" }
      last = conn:next()
    end)
    assert.equal(came.ACK.time, came.HEADERS.time) -- of one read
    assert.is_true(came.ACK.seq < came.HEADERS.seq)
    assert.is_true(last.ack)
  end)

  it("tell how the peer ended", function()
    for how, finish in pairs {
      fin = function(conn) conn:shutdown() end,
      rst = function(conn) conn:reset() end,
    } do
      pair(function(conn)
        local none, code, message = conn:next()
        assert.is_nil(none)
        assert.equal("closed", code)
        assert.is_string(message)
        assert.equal(how, conn:ended().how)
      end, function(conn)
        finish(conn)
        conn:next()
      end)
    end
    pair(function(conn)
      conn:start_h2(false)
      repeat engine.yield() until conn:ended()
      assert.equal("fin", conn:ended().how)
      assert.equal("PING", assert(conn:next(0)).name)
      assert.equal("closed", select(2, conn:next(0)))
    end, function(conn)
      conn:send_octets(engine.frame_encode { name = "PING" })
    end)
  end)

  it("are closed by a reset, and can still be asked", function()
    pair(function(conn)
      conn:start_h2()
      conn:send { name = "PING" }
      conn:reset()
      assert.equal("closed", select(2, conn:next()))
      assert.equal("closed", select(2, conn:send { name = "PING" }))
      assert.truthy(conn:peer():find "^127")
      assert.is_true(#conn:transcript() > 1)
      conn:close()
      conn:close()
    end, function(conn)
      while conn:next() do end
      assert.equal("rst", conn:ended().how)
    end)
  end)

  it("send an event again as it came", function()
    pair(function(conn)
      conn:start_h2()
      conn:auto { settings = false }
      conn:send_octets "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
      conn:send(settings)
      conn:send { name = "HEADERS", stream = 1, fields = request, end_stream = true }
      local size = conn:table "ours".size
      local echo = next_frame(conn, "HEADERS")
      assert.equal(#request, #echo.fields)
      assert.equal(size, conn:table "theirs".size)
    end, function(conn)
      conn:start_h2()
      conn:send(settings)
      local event = next_frame(conn, "HEADERS")
      conn:send(event)
      assert.equal(0, conn:table "theirs".max - 4096)
      conn:next()
    end)
  end)

  it("read octets, peek and put back", function()
    pair(function(conn)
      conn:send_octets "hello world"
      assert.equal("done", conn:recv_octets(4))
      assert.equal("closed", select(2, conn:recv_octets()))
    end, function(conn)
      assert.truthy(conn:peek():find "^hello")
      assert.equal("hello", conn:recv_octets(5))
      conn:unread "HELLO"
      assert.equal("HELLO world", conn:recv_octets(11))
      assert.equal("timeout", select(2, conn:recv_octets(1, 0.01)))
      conn:send_octets "done"
      assert.is_true(conn:drain())
    end)
  end)

  it("leave what follows a head for HTTP/2", function()
    pair(function(conn)
      conn:send_octets("HTTP/1.1 101 S\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" .. engine.frame_encode { name = "SETTINGS" })
    end, function(conn)
      assert.equal("protocol", select(2, conn:recv_head()))
      assert.equal(18, #conn:recv_octets(18))
      conn:start_h2()
      assert.equal("preface", assert(conn:next()).event)
      assert.equal("SETTINGS", assert(conn:next()).name)
    end)
  end)

  it("give octets outside HTTP/2 as events", function()
    pair(function(conn) conn:send_octets "junk" end, function(conn)
      local event = assert(conn:next())
      assert.equal("octets", event.event)
      assert.equal("junk", event.octets)
    end)
    pair(function(conn) conn:send_octets "GET / HTTP/1.1\r\n\r\n" end, function(conn)
      conn:start_h2()
      assert.equal("bad_preface", assert(conn:next()).event)
    end)
  end)

  it("refuse a second waiter by name", function()
    pair(function(conn)
      engine.spawn(function() conn:next(0.1) end, { name = "first" })
      engine.yield()
      local ok, message = pcall(conn.next, conn, 0.1)
      assert.is_false(ok)
      assert.truthy(message:find("'first'", 1, true))
    end, function(conn) conn:next(0.3) end)
  end)

  it("fail to connect with a reason", function()
    local listener = assert(engine.listen {})
    local port = listener:port()
    listener:close()
    run(function()
      local conn = engine.connection {}
      local ok, code, message = conn:connect { host = "127.0.0.1", port = port }
      assert.is_nil(ok)
      assert.equal("refused", code)
      assert.is_string(message)
      assert.has_error(function() conn:connect { host = "127.0.0.1", port = port } end)
      local _, reason = engine.connection {}:connect { host = "no.invalid", port = 1, timeout = 0.5 }
      assert.truthy(reason == "resolve" or reason == "timeout") -- as fast as the resolver is
    end)
    assert.has_error(function() engine.connection {}:next(0) end)
    assert.has_error(function() engine.connection { role = "judge" } end)
    assert.is_nil((engine.listen { host = "127.0.0.1", unix = "/nonexistent/dir/socket" }))
  end)

  it("are accepted on two addresses with one port", function()
    local listener = assert(engine.listen { host = "127.0.0.1", also = "127.0.0.2" })
    local taken = listener:port()
    assert.is_nil((engine.listen { host = "127.0.0.3", also = "127.0.0.2", port = taken }))
    run(function()
      for _, host in ipairs { "127.0.0.1", "127.0.0.2" } do
        local conn <close> = engine.connection {}
        assert(conn:connect { host = host, port = taken })
        local accepted <close> = assert(listener:accept(5))
        assert.equal(("%s:%d"):format(host, taken), accepted:local_address())
      end
    end)
    listener:close()
    run(function()
      for _, host in ipairs { "127.0.0.1", "127.0.0.2", "127.0.0.3" } do -- nothing is left
        local conn <close> = engine.connection {}
        assert.equal("refused", select(2, conn:connect { host = host, port = taken }))
      end
    end)
  end)

  it("are accepted on one address where there is no other", function()
    local listener <close> = assert(engine.listen { host = "127.0.0.1", also = "192.0.2.1" })
    run(function()
      local conn <close> = engine.connection {}
      assert(conn:connect { host = "127.0.0.1", port = listener:port() })
    end)
  end)

  it("work over a Unix socket", function()
    local path = os.tmpname()
    os.remove(path)
    local listener = assert(engine.listen { unix = path })
    local got
    engine.spawn(function() got = listener:accept():recv_octets(2) end)
    run(function()
      local conn <close> = engine.connection {}
      assert(conn:connect { unix = path })
      conn:send_octets "ok"
      conn:drain()
    end)
    listener:close()
    assert.equal("ok", got)
  end)

  it("carry much without losing any", function()
    local total, chunk = 0, ("x"):rep(16384)
    pair(function(conn)
      conn:start_h2()
      conn:send_octets "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
      conn:send(settings)
      for _ = 1, 600 do
        assert(conn:send { name = "DATA", stream = 1, data = chunk })
      end
      assert.is_true(conn:drain(4))
      conn:shutdown()
      while conn:next() do end
    end, function(conn)
      conn:start_h2()
      conn:auto { window = false }
      conn:send(settings)
      while true do
        local event, code = conn:next()
        if not event then
          assert.equal("closed", code)
          break
        end
        if event.name == "DATA" then total = total + #event.data end
      end
    end)
    assert.equal(600 * 16384, total)
  end)
end)

describe("the collector", function()
  it("takes connections, listeners and tasks at any time", function()
    local listener = assert(engine.listen {})
    for _ = 1, 20 do
      engine.spawn(function()
        local conn = engine.connection {}
        conn:connect { host = "127.0.0.1", port = listener:port() }
        conn:start_h2()
        conn:send { name = "SETTINGS" }
        conn:next(0.01)
      end)
      engine.spawn(function() listener:accept(1) collectgarbage() end)
    end
    engine.run()
    listener = nil
    collectgarbage()
    collectgarbage()
    engine.run()
    assert.is_nil(listener)
  end)

  it("keeps parked tasks and what they wait for", function()
    local done = false
    do
      local queue = engine.queue()
      engine.spawn(function() done = queue:take() end)
      engine.spawn(function() engine.yield() queue:put(true) end)
    end
    collectgarbage()
    engine.run()
    assert.is_true(done)
  end)
end)
