-- engine_tls_spec.lua - TLS on connections of h2probe.engine, both sides in one process, as docs/engine.md promises.
local engine = require "h2probe.engine"
local help = dofile "tests/lua/engine_help.lua"
local run, pair, next_frame = help.run, help.pair, help.next_frame

describe("TLS connections", function()
  local settings = { name = "SETTINGS", settings = { { "MAX_CONCURRENT_STREAMS", 10 } } }

  it("fail a handshake by an alert", function()
    pair(function(conn)
      local info, code, message, failed = conn:start_tls { alpn = { "spdy/3" }, verify = false }
      assert.is_nil(info)
      assert.equal("tls", code)
      assert.is_string(message)
      assert.equal("no_application_protocol", failed.alert)
      assert.equal(120, failed.alert_number)
      assert.equal("alert", conn:ended().how)
      assert.equal("no_application_protocol", conn:ended().alert_name)
    end, function(conn)
      local info, code, _, failed = conn:start_tls { alpn = { "h2" } }
      assert.is_nil(info)
      assert.equal("tls", code)
      assert.equal("no_application_protocol", failed.alert_sent)
    end)
  end)

  it("select by a function, and rewrite the ClientHello", function()
    local offered, record
    pair(function(conn)
      local info = assert(conn:start_tls { alpn = { "a", "b" }, verify = false,
        rewrite = function(r) record = r end })
      assert.equal("b", info.alpn)
    end, function(conn)
      assert(conn:start_tls { select = function(list) offered = list return list[2] end })
    end)
    assert.same({ "a", "b" }, offered)
    assert.equal(22, record:byte())
    pair(function(conn)
      local _, _, _, failed = conn:start_tls { alpn = { "a" }, verify = false }
      assert.equal("access_denied", failed.alert)
    end, function(conn)
      conn:start_tls { select = function() return false, 49 end }
    end)
    pair(function(conn)
      assert.is_nil((conn:start_tls { alpn = { "a" }, verify = false }))
    end, function(conn)
      local ok, message = pcall(conn.start_tls, conn, { select = function() error "select broke" end })
      assert.is_false(ok)
      assert.truthy(message:find "select broke")
    end)
  end)

  it("change the server's first record before it is read", function()
    local seen
    pair(function(conn)
      local info = assert(conn:start_tls { alpn = { "h2" }, verify = false, max_version = "1.2", take = function(record)
        seen = record
        return (record:gsub("\0\9\2h2", "\0\3\2h2"))
      end })
      assert.equal("h2", info.alpn)
      assert.truthy(seen:find("\0\9\2h2", 1, true))
    end, function(conn)
      assert(conn:start_tls { alpn = { "h2" }, rewrite = function(flight) return (flight:gsub("\0\3\2h2", "\0\9\2h2")) end })
    end)
    pair(function(conn)
      local ok, message = pcall(conn.start_tls, conn, { verify = false, take = function() return 7, {} end })
      assert.is_false(ok)
      assert.truthy(message:find "'take' must return octets or nil")
    end, function(conn)
      conn:start_tls {}
    end)
  end)

  it("have a certificate for another name, and tell whom it is for", function()
    for _, row in ipairs { { "example.test", "example.test", true }, { "example.test", "localhost", false }, { nil, "127.0.0.1", true } } do
      pair(function(conn)
        local info = assert(conn:start_tls { verify = false, verify_name = row[2] })
        assert.equal(row[3], info.covers)
      end, function(conn)
        assert(conn:start_tls { own_name = row[1] })
      end)
    end
  end)

  it("end a callback that will not end", function()
    local listener = assert(engine.listen {})
    local limit
    engine.spawn(function()
      local conn = listener:accept(2)
      conn:start_tls { select = function() while true do end end }
    end, { instructions = 100000, on_done = function(task) limit = task:limit() end })
    run(function()
      local conn <close> = engine.connection { role = "client" }
      assert(conn:connect { host = "127.0.0.1", port = listener:port() })
      assert.is_nil((conn:start_tls { alpn = { "a" }, verify = false }))
    end)
    listener:close()
    assert.equal("instructions", limit)
  end)

  it("send with the end of the handshake, or as early data", function()
    local session, wanted
    local function client(conn)
      local info = assert(conn:start_tls { verify = false, session = session, early_data = true, first = function()
        conn:start_h2()
        conn:send_octets "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        conn:send(settings)
      end })
      assert.equal(wanted, info.early_data)
      next_frame(conn, "SETTINGS")
      session = assert(conn:session())
    end
    local function server(conn)
      local info = assert(conn:start_tls { tickets = true, early_data = true })
      assert.equal(wanted, info.early_data)
      conn:start_h2()
      assert.equal("preface", conn:next().event)
      conn:send(settings)
      next_frame(conn, "SETTINGS")
    end
    pair(client, server)
    wanted = "accepted"
    pair(client, server)
    pair(function(conn)
      assert.has_error(function() conn:start_tls { verify = false, first = "not a function" } end)
    end, function(conn) conn:peek() end)
  end)

  it("show what the server answered, whatever TLS thinks of it", function()
    pair(function(conn)
      local _, _, _, failed = conn:start_tls { alpn = { "h2" }, verify = false, max_version = "1.2" }
      assert.truthy(failed.server_hello:find("\0\16\0\6\0\4\3foo", 1, true))
    end, function(conn)
      conn:start_tls { select = function() return "foo" end }
    end)
    pair(function(conn)
      local _, _, _, failed = conn:start_tls { alpn = { "h2" }, verify = false, max_version = "1.2" }
      assert.truthy(failed.server_hello:find("\0\9\2h2", 1, true))
    end, function(conn)
      conn:start_tls { alpn = { "h2" }, rewrite = function(flight) return (flight:gsub("\0\3\2h2", "\0\9\2h2")) end }
    end)
  end)

  it("say close_notify when they are closed, but nothing after FIN", function()
    for how, finish in pairs { close_notify = function() end, fin = function(conn) conn:shutdown(true) end } do
      pair(function(conn)
        assert(conn:start_tls { verify = false })
        conn:send_octets "x"
        finish(conn)
        conn:close()
      end, function(conn)
        assert(conn:start_tls {})
        assert.equal("x", conn:recv_octets(1))
        assert.equal("closed", select(2, conn:recv_octets(1)))
        assert.equal(how, conn:ended().how)
      end)
    end
  end)

  it("offer a target the group that it chose before", function()
    local open, sessions = require "h2probe.open", require "h2probe.sessions"
    local listener = assert(engine.listen { port = 0 })
    local target = { scheme = "https", host = "127.0.0.1", port = listener:port(), verify = false }
    local retried = {}
    engine.spawn(function()
      for _ = 1, 2 do
        local conn <close> = assert(listener:accept(2))
        assert(conn:start_tls { alpn = { "h2" }, groups = "P-256" })
        conn:recv_octets()
      end
    end)
    run(function()
      for i = 1, 2 do
        local conn = assert(open.open(target, { start = "preface", timeout = 2 }))
        retried[i] = conn.tls.hello_retried
        sessions.keep(target, conn)
        conn:close()
      end
    end)
    listener:close()
    assert.same({ true, false }, retried)
  end)

  it("take TLS actions, and resume", function()
    local session
    local function client(conn)
      local info = assert(conn:start_tls { verify = false, session = session })
      assert.equal(session ~= nil, info.resumed)
      assert.is_true(conn:key_update(true))
      assert.is_nil((conn:renegotiate()))
      conn:send_octets "x"
      assert.equal("y", conn:recv_octets(1))
      session = assert(conn:session())
    end
    local function server(conn)
      assert(conn:start_tls { tickets = true })
      assert.equal("x", conn:recv_octets(1))
      assert.equal(1, conn:tls().key_updates)
      conn:send_octets "y"
      conn:close_notify()
      assert.equal("closed", select(2, conn:recv_octets(1)))
    end
    pair(client, server)
    pair(client, server)
    pair(function(conn)
      assert.equal("tls", select(2, conn:start_tls { verify_name = "a.example" }))
    end, function(conn) conn:start_tls {} end)
    pair(function(conn)
      assert.has_error(function() conn:start_tls { alpn = 5 } end)
      assert.equal("tls", select(2, conn:start_tls { ciphers = "NO SUCH CIPHER" }))
    end, function(conn) conn:peek() end)
  end)
end)
