-- engine_spec.lua - the module h2probe.engine as docs/engine.md promises it.
local engine = require "h2probe.engine"

-- Run fn as a task; its results, or its error with the traceback.
local function run(fn, options)
  local results
  options = options or {}
  options.on_done = function(_, ...) results = table.pack(...) end
  local task = engine.spawn(fn, options)
  engine.run()
  if not results[1] and not options.may_fail then
    error(tostring(results[2]) .. "\n" .. tostring(results[3]), 0)
  end
  return task, table.unpack(results, 1, results.n)
end

local function fails(fn, options)
  options.may_fail = true
  local task, ok, message, traceback = run(fn, options)
  assert.is_false(ok)
  return task, message, traceback
end

-- A connected pair over loopback: both sides as tasks.
local function pair(client, server)
  local listener = assert(engine.listen { port = 0 })
  local errors = {}
  local function guard(fn)
    return { on_done = function(_, ok, message, traceback)
      if not ok then errors[#errors + 1] = tostring(message) .. "\n" .. tostring(traceback) end
    end, deadline = 5, name = fn == client and "client" or "server" }
  end
  engine.spawn(function()
    local conn <close> = assert(listener:accept(2))
    server(conn)
  end, guard(server))
  engine.spawn(function()
    local conn <close> = engine.connection { role = "client" }
    assert(conn:connect { host = "127.0.0.1", port = listener:port() })
    client(conn)
  end, guard(client))
  engine.run()
  listener:close()
  if errors[1] then error(table.concat(errors, "\n"), 0) end
end

local function next_frame(conn, name)
  while true do
    local event = assert(conn:next())
    if event.event == "frame" and event.name == name then return event end
  end
end

describe("tables", function()
  it("have the names and numbers of RFC 9113", function()
    assert.equal(0x8, engine.frame_types.WINDOW_UPDATE)
    assert.equal(0x4, engine.flags.HEADERS.END_HEADERS)
    assert.is_nil(engine.flags.PRIORITY)
    assert.equal(0xb, engine.errors.ENHANCE_YOUR_CALM)
    assert.equal(65535, engine.settings_initial.INITIAL_WINDOW_SIZE)
    assert.equal("PROTOCOL_ERROR", engine.error_name(1))
    assert.is_nil(engine.error_name(99))
    assert.equal("ENABLE_PUSH", engine.setting_name(2))
    assert.equal("GOAWAY", engine.frame_name(7))
    assert.equal(120, engine.alerts.no_application_protocol)
    assert.equal("no_application_protocol", engine.alert_name(120))
    assert.is_string(engine.faults["frame-size"])
  end)
end)

describe("frames", function()
  local function roundtrip(frame)
    local octets = engine.frame_encode(frame)
    local decoded, next_offset = engine.frame_decode(octets)
    assert.equal(#octets, next_offset)
    assert.equal(octets, engine.frame_encode(decoded))
    return decoded, octets
  end

  it("have every member of every type", function()
    for _, row in ipairs {
      { { name = "DATA", stream = 3, data = "abc", end_stream = true, pad_length = 2 },
        { length = 6, padded = true, payload = "\2abc\0\0" } },
      { { name = "HEADERS", stream = 5, fragment = "xyz", exclusive = true, dependency = 3, weight = 7 },
        { priority = true, end_headers = true, end_stream = false, flags = 0x24 } },
      { { name = "HEADERS", stream = 5, fragment = "xyz", end_headers = false }, { flags = 0 } },
      { { name = "PRIORITY", stream = 1, dependency = 9, weight = 255, exclusive = false }, { length = 5 } },
      { { name = "RST_STREAM", stream = 1, error = "CANCEL" }, { error_code = 8, payload = "\0\0\0\8" } },
      { { name = "RST_STREAM", stream = 1, error = "0x63" }, { error_code = 0x63 } },
      { { name = "GOAWAY", last_stream = 7, error = "0x63", debug = "why" }, { error_code = 0x63, stream = 0 } },
      { { name = "PUSH_PROMISE", stream = 1, promised_stream = 4, fragment = "f" }, { end_headers = true } },
      { { name = "PING", data = "12345678", ack = true }, { flags = 1, length = 8 } },
      { { name = "WINDOW_UPDATE", stream = 0, increment = 5 }, { length = 4 } },
      { { name = "CONTINUATION", stream = 1, fragment = "f" }, { end_headers = true } },
      { { name = "ALTSVC", stream = 0, origin = "o", value = "h2=\":1\"" }, {} },
      { { name = "ORIGIN", origins = { "https://a", "" } }, { length = 13 } },
      { { name = "PRIORITY_UPDATE", prioritized_stream = 3, value = "u=1" }, { stream = 0 } },
    } do
      local decoded = roundtrip(row[1])
      for _, members in ipairs(row) do
        for key, value in pairs(members) do assert.same(value, decoded[key], row[1].name .. "." .. key) end
      end
      assert.is_nil(decoded.faults)
    end
  end)

  it("have settings in order, unknown ones too", function()
    local decoded = roundtrip { name = "SETTINGS", settings = {
      { "MAX_FRAME_SIZE", 16384 }, { 0xf000, 1 }, { id = 3, value = 100 }, { "MAX_FRAME_SIZE", 16385 } } }
    assert.same({ { id = 5, name = "MAX_FRAME_SIZE", value = 16384 }, { id = 0xf000, value = 1 },
      { id = 3, name = "MAX_CONCURRENT_STREAMS", value = 100 },
      { id = 5, name = "MAX_FRAME_SIZE", value = 16385 } }, decoded.settings)
    assert.equal(0, #engine.frame_decode(engine.frame_encode { name = "SETTINGS", ack = true }).payload)
  end)

  it("have legal defaults", function()
    for name in pairs(engine.frame_types) do
      assert.is_nil(engine.frame_decode(engine.frame_encode { name = name }).faults, name)
    end
  end)

  it("are sent verbatim where told, however wrong", function()
    local octets = engine.frame_encode { type = 0xfe, length = 0x123456, flags = 0xff, stream = 7,
      reserved = true, payload = "ab" }
    assert.equal("123456feff80000007" .. "6162", engine.hex(octets))
    assert.is_nil(engine.frame_decode(octets))
    assert.equal("000001060000000000" .. "78", engine.hex(engine.frame_encode { name = "PING", payload = "x" }))
    local decoded = engine.frame_decode(engine.frame_encode { name = "PING", payload = "x" })
    assert.is_true(decoded.faults.length)
  end)

  it("wait for the rest", function()
    local octets = engine.frame_encode { name = "PING" }
    for n = 0, #octets - 1 do assert.is_nil(engine.frame_decode(octets:sub(1, n))) end
    local _, offset = engine.frame_decode(octets .. octets, #octets)
    assert.equal(2 * #octets, offset)
    assert.has_error(function() engine.frame_decode("", 1) end)
  end)

  it("refuse misuse", function()
    assert.has_error(function() engine.frame_encode {} end)
    assert.has_error(function() engine.frame_encode { name = "NOPE" } end)
    assert.has_error(function() engine.frame_encode { name = "PING", data = {} } end)
    assert.has_error(function() engine.frame_encode { name = "GOAWAY", error = "OOPS" } end)
    assert.has_error(function() engine.frame_encode { name = "PING", length = 1 << 24 } end)
    assert.has_error(function() engine.frame_encode { name = "SETTINGS", settings = { 1 } } end)
    assert.has_error(function() engine.frame_encode { name = "DATA", stream = -1 } end)
  end)
end)

describe("hpack", function()
  it("encodes and decodes every representation", function()
    local encoder, decoder = engine.hpack_encoder(4096), engine.hpack_decoder(4096)
    local block = encoder:encode {
      { kind = "size_update", size = 4096 },
      { kind = "indexed", index = 2 },
      { "x-a", "one", kind = "incremental", huffman = false },
      { "x-b", "two", kind = "without", huffman = { name = true, value = false } },
      { "x-c", "three", kind = "never", huffman = true },
      { "ignored", "/x", kind = "without", index = 4, huffman = false },
      { "x-a", "one" },
      { "secret", "s", sensitive = true },
    }
    local fields = assert(decoder:decode(block))
    assert.same({ kind = "size_update", size = 4096, offset = 0, length = 3 }, fields[1])
    assert.equal(":method", fields[2][1])
    assert.equal("indexed", fields[2].kind)
    assert.same({ name = false, value = false }, fields[3].huffman)
    assert.same({ name = true, value = false }, fields[4].huffman)
    assert.equal("never", fields[5].kind)
    assert.equal(":path", fields[6][1])
    assert.equal(4, fields[6].index)
    assert.equal(62, fields[7].index)
    assert.equal("never", fields[8].kind)
    assert.equal(1, #decoder:table())
    assert.same(encoder:table(), decoder:table())
    assert.equal(block, engine.hpack_encoder(4096):encode(fields))
  end)

  it("says what is wrong, and where", function()
    local decoder = engine.hpack_decoder(4096)
    local fields, err, so_far = decoder:decode("\x82\xff\xff\x00")
    assert.is_nil(fields)
    assert.equal("index-range", err.status)
    assert.equal(1, err.offset)
    assert.is_string(err.rule)
    assert.equal(1, #so_far)
    assert.equal("index-zero", select(2, decoder:decode("\x80")).status)
  end)

  it("sends raw octets and Huffman", function()
    assert.equal("\1\2", engine.hpack_encoder(0):encode { { kind = "octets", "\1\2" } })
    assert.equal("www", engine.huffman_decode(engine.huffman_encode("www")))
    assert.is_nil((engine.huffman_decode("\xff\xff\xff\xff")))
    assert.has_error(function() engine.hpack_encoder(0):encode { { "a" } } end)
    assert.has_error(function() engine.hpack_encoder(0):encode { { "a", "b", kind = "odd" } } end)
  end)
end)

describe("small things", function()
  it("convert octets", function()
    assert.equal("00ff", engine.hex "\0\xff")
    assert.equal("\0\xff", engine.unhex "00 FF\n")
    assert.equal("_-8", engine.base64url "\xff\xef")
    assert.equal("\xff\xef", engine.unbase64url "_-8")
    local s, code, message = engine.unbase64url "_-8="
    assert.is_nil(s)
    assert.equal("protocol", code)
    assert.is_string(message)
  end)

  it("know the machine", function()
    assert.is_true(engine.now() > 0)
    assert.is_true(engine.clock() > 0)
    assert.is_true(engine.rss() > 100000)
    assert.equal(5, #engine.random(5))
    local path, fd = assert(engine.mkstemp(os.tmpname()))
    assert.is_true(engine.write(fd, "hello"))
    engine.close_fd(fd)
    local file = assert(io.open(path))
    assert.equal("hello", file:read "a")
    file:close()
    os.remove(path)
    os.remove(path:sub(1, -7))
    assert.equal("io", select(2, engine.write(-1, "x")))
  end)

  it("parse HTTP/1.1 heads", function()
    local raw = "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
    local head, offset = engine.http1_parse(raw .. "abc", "request")
    assert.equal(#raw, offset)
    assert.same({ method = "GET", target = "/x", version = "1.1", raw = raw,
      fields = { { "Host", "a" }, { "Content-Length", "3" } } }, head)
    local kind, length = engine.http1_body(head)
    assert.equal("length", kind)
    assert.equal(3, length)
    assert.is_nil(engine.http1_parse("GET / HTT", "request"))
    local none, code, message, at = engine.http1_parse("GET  / HTTP/1.1\r\n\r\n", "request")
    assert.is_nil(none)
    assert.equal("protocol", code)
    assert.is_string(message)
    assert.is_number(at)
    assert.equal(101, engine.http1_parse("HTTP/1.1 101 Switching Protocols\r\n\r\n", "response").status)
  end)
end)

describe("tasks", function()
  it("run, return and fail", function()
    local task, ok, a, b = run(function() return 1, nil end)
    assert.is_true(ok)
    assert.equal(1, a)
    assert.is_nil(b)
    assert.equal("done", task:status())
    local failed, message, traceback = fails(function() error { 42 } end, {})
    assert.same({ 42 }, message)
    assert.truthy(traceback:find "engine_spec")
    assert.equal("failed", failed:status())
    assert.is_nil(failed:limit())
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
    assert.truthy(traceback:find "engine_spec")
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
    ended("instructions", function() while true do coroutine.wrap(forever)() end end)
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
    local task = run(function()
      local kept
      for i = 1, 100000 do kept = { tostring(i), ("y"):rep(200) } end
      for _ = 1, 200 do kept = ("z"):rep(1 << 20) end
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
      engine.wait(0.02)
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
      assert.same({ "SETTINGS", "HEADERS", "CONTINUATION", "SETTINGS+", "PING+" }, names)
      conn:send { name = "GOAWAY" }
    end)
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
        engine.wait(0.02)
      end)
    end
    pair(function(conn)
      conn:start_h2(false)
      engine.wait(0.05)
      assert.equal("fin", conn:ended().how)
      assert.equal("PING", assert(conn:next(0)).name)
      assert.equal("closed", select(2, conn:next(0)))
    end, function(conn)
      conn:send_octets(engine.frame_encode { name = "PING" })
    end)
  end)

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
      engine.wait(0.02)
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
      assert.equal("resolve", select(2, engine.connection {}:connect { host = "no.invalid", port = 1 }))
    end)
    assert.has_error(function() engine.connection {}:next(0) end)
    assert.has_error(function() engine.connection { role = "judge" } end)
    assert.is_nil((engine.listen { host = "127.0.0.1", unix = "/nonexistent/dir/socket" }))
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

describe("signals and files", function()
  it("call the function from the loop", function()
    local got = false
    engine.on_signal("SIGUSR1", function() got = true end)
    run(function()
      local pid = io.open "/proc/self/stat":read "n"
      os.execute("kill -USR1 " .. pid)
      for _ = 1, 100 do
        if got then break end
        engine.wait(0.005)
      end
    end)
    engine.on_signal("SIGUSR1", nil)
    assert.is_true(got)
    assert.has_error(function() engine.on_signal("SIGWHAT", print) end)
  end)

  it("read embedded files", function()
    assert.is_nil(engine.embedded "../etc/passwd")
    assert.is_nil(engine.embedded "no/such/file")
    assert.is_table(engine.embedded_list "lua/")
  end)
end)
