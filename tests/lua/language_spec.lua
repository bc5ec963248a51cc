-- The language as a whole: client against server in one process, in all three negotiation modes, on loopback.
local context = require "h2probe.context"
local engine = require "h2probe.engine"
local environment = require "h2probe.environment"
local open = require "h2probe.open"
local outcome = require "h2probe.outcome"
local verdict = require "h2probe.verdict"

local MODES = { "prior", "upgrade", "alpn" }

local function raise(problem)
  error(verdict.is(problem) and tostring(problem) or problem, 0)
end

-- Runs server(conn, run) and client(conn, run) beside each other; what either raises fails the test.
local function meet(mode, server, client, options)
  options = options or {}
  local listener = assert(engine.listen { port = 0 })
  local port, failure = listener:port(), nil
  local function guarded(body)
    return function()
      local ok, problem = xpcall(body, function(e) return verdict.is(e) and e or debug.traceback(e, 2) end)
      if not ok and not failure then failure = problem end
    end
  end
  local serving = engine.spawn(guarded(function()
    local run = context.new { timeout = 5 }
    context.enter(run)
    local wire = listener:accept()
    while wire do
      local conn, code, message = open.accept(run, wire, options.server)
      server(assert(conn, ("server: %s %s"):format(code, message)), run)
      wire = options.several and listener:accept()
    end
  end), { on_done = function() end })
  engine.spawn(function()
    guarded(function()
      local run = context.new { timeout = 5, mode = mode, target = { scheme = mode == "alpn" and "https" or "http",
        host = "127.0.0.1", port = port, authority = "127.0.0.1:" .. port, path = "/", verify = false } }
      environment.bind(run)
      local given = { mode = mode }
      for key, value in pairs(options.client or {}) do given[key] = value end
      local conn, code, message = open.connect(run, given)
      client(conn, run, code, message)
      for _, opened in ipairs(run.connections) do opened:close() end
    end)()
    listener:close()
    serving:cancel()
  end, { on_done = function() end })
  engine.run()
  if failure then raise(failure) end
end

local function serve(conn)
  local request = conn:expect_request { complete = true }
  while request do
    conn:respond { stream = request.stream, fields = { { "x-path", request.path } },
      body = ("%s %d"):format(request.method, #request.body) }
    request = conn:expect_request { complete = true }
  end
end

for _, mode in ipairs(MODES) do
  describe("in mode " .. mode .. " a connection", function()
    it("carries requests, large content and trailers within the windows", function()
      meet(mode, serve, function(conn, run)
        assert.equal("GET 0", conn:get("/a").body)
        local stream = conn:request { method = "POST", path = "/b", body = ("x"):rep(300000), trailers = { { "t", "1" } } }
        local response = conn:response(stream)
        assert.equal(200, response.status)
        assert.equal("POST 300000", response.body)
        assert.True(response.ended)
        conn:expect(outcome.ignored())
        assert.truthy(conn:barrier())
        assert.truthy(conn:settings { INITIAL_WINDOW_SIZE = 10 })
        assert.same({}, run.findings)
      end)
    end)

    it("shows what was negotiated", function()
      meet(mode, serve, function(conn)
        assert.equal(mode, conn.mode)
        assert.equal("client", conn.role)
        assert.equal(mode == "alpn" and "h2" or nil, conn.tls and conn.tls.alpn)
        assert.equal(mode == "upgrade" and 101 or nil, conn.response.status)
        assert.equal(mode == "upgrade" and 3 or 1, conn:new_stream())
        assert.has_error(function() return conn.no_such_thing end)
      end)
    end)

    it("accuses nobody of anything in ordinary traffic", function()
      local findings
      meet(mode, function(conn, run)
        findings = run.findings
        serve(conn)
      end, function(conn)
        conn:get "/"
        conn:ping()
      end)
      assert.same({}, findings)
    end)

    it("opens whatever window it announces", function()
      meet(mode, serve, function(conn)
        assert.equal(0, conn:setting("ours", "INITIAL_WINDOW_SIZE"))
        conn:expect(outcome.ignored())
        local stream = conn:request {}
        conn:barrier()
        assert.equal(0, conn:data_octets(stream))
        conn:send { name = "WINDOW_UPDATE", stream = stream, increment = 100 }
        assert.equal("GET 0", conn:response(stream).body)
      end, { client = { settings = { INITIAL_WINDOW_SIZE = 0 } } })
    end)

    it("stops at each start level", function()
      meet(mode, function(conn)
        conn:expect_request()
      end, function(conn)
        assert.equal(0, conn:count "SETTINGS")
        conn:send_preface()
        assert.truthy(conn:recv { name = "SETTINGS", ack = false })
        assert.truthy(conn:handshake())
        conn:request { path = "/" }
        conn:flush()
      end, { client = { start = "preface" } })
    end)
  end)
end

describe("a connection", function()
  it("splits field blocks and honours concurrency", function()
    meet("prior", function(conn)
      local first = conn:expect_request()
      conn:respond { stream = first.stream }
      local second = conn:expect_request()
      conn:respond { stream = second.stream, body = tostring(#second.fields[5][2]) }
      conn:recv("HEADERS", 0.5)
    end, function(conn)
      conn:request {}
      local stream = conn:request { fields = { { "x-long", ("v"):rep(50000), kind = "without", huffman = false } } }
      assert.equal("50000", conn:response(stream).body)
    end, { server = { settings = { MAX_CONCURRENT_STREAMS = 1 } } })
  end)

  it("has interim responses, trailers, resets and raw frames", function()
    meet("prior", function(conn)
      local request = conn:expect_request()
      conn:respond { stream = request.stream, status = 103 }
      conn:respond { stream = request.stream, status = 204, trailers = { { "x-end", "1" } } }
      request = conn:expect_request()
      conn:send { name = "RST_STREAM", stream = request.stream, error = "CANCEL" }
      conn:flush()
      conn:recv("GOAWAY")
    end, function(conn)
      local response = conn:get "/"
      assert.equal(204, response.status)
      assert.equal(103, response.interim[1].status)
      assert.equal("1", response.trailers[1][2])
      assert.equal("CANCEL", conn:get("/").reset)
      conn:send { name = "GOAWAY", error = "NO_ERROR" }
    end)
  end)

  it("does not hand out again what a call has taken", function()
    meet("prior", serve, function(conn)
      conn:get "/"
      conn:ping()
      conn:send { name = "PING", data = "my own 1" }
      assert.equal("my own 1", conn:recv().data)
      assert.equal("timeout", select(2, conn:recv("DATA", 0.01)))
    end)
  end)

  it("keeps a bounded list of events", function()
    meet("prior", serve, function(conn)
      conn:get "/"
      for round = 1, 6 do
        for _ = 1, 2000 do conn:send { name = "PING", data = ("round%3d"):format(round) } end
        assert.truthy(conn:ping())
      end
      assert.is_true(#conn.events <= 10000)
      assert.is_true(conn.events.dropped > 0 and #conn.events + conn.events.dropped > 12000)
      assert.truthy(conn:recv "PING")
    end)
  end)

  it("judges a real peer: errors, ends, and the lack of them", function()
    meet("prior", function(conn)
      conn:recv { name = "PING", stream = 1 }
      conn:send { name = "GOAWAY", error = "PROTOCOL_ERROR" }
      conn:close()
    end, function(conn)
      conn:send { name = "PING", stream = 1, data = "8 octets" }
      conn:expect(outcome.connection_error "PROTOCOL_ERROR")
      conn:expect(outcome.closed())
      assert.truthy(conn:ended())
    end)
    meet("prior", serve, function(conn)
      conn:send { name = "PING", stream = 1, data = "8 octets" }
      local ok, raised = pcall(conn.expect, conn, outcome.connection_error "PROTOCOL_ERROR")
      assert.False(ok)
      assert.equal("fail", raised.verdict)
      assert.True(raised.silent)
      assert.equal("no error came: PING acknowledged twice, witness request answered 200", raised.observed)
    end)
  end)

  it("is seen to get a second response where none may come", function()
    meet("prior", function(conn)
      local stream = conn:expect_request().stream
      conn:respond { stream = stream }
      conn:recv "PING"
      conn:send { name = "HEADERS", stream = stream, fields = { { ":status", "200" } }, end_stream = true }
      serve(conn)
    end, function(conn)
      local stream = conn:request {}
      conn:expect(outcome.response(stream))
      conn:send { name = "PING", data = "stimulus" }
      local ok, raised = pcall(conn.expect, conn, outcome.ignored { no_response = stream })
      assert.False(ok)
      assert.equal("another field block after response 200 on stream 1", raised.observed)
    end)
  end)

  it("that is missing in a mode is told from one that fails", function()
    local function http1(body)
      return function(conn)
        conn:recv_head()
        conn:send_octets(body)
        conn:close()
      end
    end
    local answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    for _, mode in ipairs { "prior", "upgrade" } do
      meet(mode, http1(answer), function(conn, _, code, message)
        assert.is_nil(conn)
        assert.equal("not_offered", code)
        assert.truthy(message:find("400", 1, true), message)
      end, { server = { start = "tcp" }, several = true })
    end
    meet("alpn", function(conn) conn:accept_tls { alpn = { "http/1.1" } } end, function(conn, _, code)
      assert.is_nil(conn)
      assert.equal("not_offered", code)
    end, { server = { start = "tcp" } })
    meet("alpn", function(conn) conn:close() end, function(conn, _, code)
      assert.is_nil(conn)
      assert.equal("tls", code)
    end, { server = { start = "tcp" } })
  end)

  it("can be opened beside another, with a task of its own", function()
    meet("prior", function(conn) engine.spawn(function() serve(conn) end, { on_done = function() end }) end, function(conn, run)
      local env = environment.suite { suite = error, case = error }
      local other = env.connect {}
      local task = env.spawn(function(path) return other:get(path).body end, "/x")
      assert.equal("GET 0", conn:get("/y").body)
      assert.equal("GET 0", task:join())
      local failing = env.spawn(function() env.fail "no good" end)
      local ok, raised = pcall(failing.join, failing)
      assert.False(ok)
      assert.equal("no good", raised.observed)
      environment.finish(run)
      env.spawn(function() env.fail "not joined" end)
      ok, raised = pcall(environment.finish, run)
      assert.False(ok)
      assert.equal("not joined", raised.observed)
    end, { several = true })
  end)
end)

-- A server of HTTP/1.1 that answers one request with these octets, and ends its side.
local function answering(octets, heads)
  return function(conn)
    heads[#heads + 1] = conn:recv_head()
    conn:send_octets(octets)
    conn:half_close()
  end
end

local TCP = { server = { start = "tcp" }, client = { start = "tcp" } }

describe("before HTTP/2", function()
  local OK = "HTTP/1.1 200 OK\r\n"
  for _, row in ipairs {
    { "Content-Length", OK .. "Content-Length: 5\r\n\r\nhello", "hello" },
    { "nothing after Content-Length 0", OK .. "Content-Length: 0\r\n\r\n", "" },
    { "chunks", OK .. "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", "hello" },
    { "chunks and trailers", OK .. "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n", "x" },
    { "the end of the connection", OK .. "\r\nhello", "hello" },
    { "a status without content", "HTTP/1.1 204 No Content\r\n\r\n", "" },
    { "100 before it", "HTTP/1.1 100 Continue\r\n\r\n" .. OK .. "Content-Length: 1\r\n\r\nx", "x" },
    { "HEAD", OK .. "Content-Length: 5\r\n\r\n", "", method = "HEAD" },
    { "less than was announced", OK .. "Content-Length: 5\r\n\r\nhel", nil, "closed" },
    { "more than anybody reads", OK .. "Content-Length: 99999999\r\n\r\n", nil, "protocol" },
    { "a length that is none", OK .. "Content-Length: 5x\r\n\r\nhello", nil, "protocol" },
    { "a chunk without a length", OK .. "Transfer-Encoding: chunked\r\n\r\nhello\r\n", nil, "protocol" },
    { "a chunk longer than numbers are", OK .. "Transfer-Encoding: chunked\r\n\r\n8000000000000001\r\nx\r\n", nil, "protocol" },
    { "a chunk without an end", OK .. "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", nil, "closed" },
    { "chunks without a last one", OK .. "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", nil, "closed" },
    { "no response", "", nil, "closed" },
  } do
    it("a response is read to " .. row[1], function()
      meet("upgrade", answering(row[2], {}), function(conn)
        local response, code = conn:h1_request { method = row.method, path = "/a" }
        assert.equal(row[3], response and response.body)
        assert.equal(row[4], code)
      end, TCP)
    end)
  end

  it("requests are as they were asked for", function()
    local heads = {}
    meet("upgrade", answering(OK .. "Content-Length: 0\r\n\r\n", heads), function(conn)
      conn:upgrade { method = "POST", path = "/a", body = ("x"):rep(1001), chunked = true, upgrade = { "websocket", "h2c" },
        connection = false, http2_settings = "" }
      assert.equal(200, conn.response.status)
      assert.equal("", conn:recv_body())
      assert.has_error(function() conn:upgrade { boddy = "" } end)
      assert.has_error(function() conn:h1_request { upgrade = "h2c" } end)
    end, TCP)
    local seen = {}
    for _, each in ipairs(heads[1].fields) do seen[#seen + 1] = each[1] .. ": " .. each[2] end
    assert.same({ "Upgrade: websocket", "Upgrade: h2c", "HTTP2-Settings: ", "Transfer-Encoding: chunked" },
      table.move(seen, 2, #seen, 1, {}))
  end)

  it("the 24 octets in one write with the request are the preface", function()
    meet("upgrade", function(conn)
      assert.truthy(conn:handshake())
    end, function(conn)
      conn:upgrade { followed_by = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" }
      assert.equal(101, conn.response.status)
      conn:send_settings()
      assert.truthy(conn:recv { name = "SETTINGS", ack = true })
      assert.equal(3, conn:new_stream())
    end, { server = { start = "preface" }, client = { start = "tcp" } })
  end)

  it("octets stay octets after a 101 that is not followed", function()
    meet("upgrade", answering("HTTP/1.1 101 Switching Protocols\r\n\r\n\0\0\0\4\0\0\0\0\0", {}), function(conn)
      conn:upgrade { start_h2 = false }
      assert.equal(101, conn.response.status)
      assert.equal("\0\0\0\4\0\0\0\0\0", conn:recv_octets(9))
    end, TCP)
  end)
end)
