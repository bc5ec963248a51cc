-- engine_spec.lua - the module h2probe.engine: tables, frames, HPACK, small things, as docs/engine.md promises.
local engine = require "h2probe.engine"
local help = dofile "tests/lua/engine_help.lua"
local run = help.run

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

  it("tells the peer of a smaller table before any form that the script chose, unless it begins with its own", function()
    local without = { "x", "1", kind = "without", huffman = false }
    for _, row in ipairs {
      { { without }, "\x20\x00\x01x\x011" },
      { { { kind = "indexed", index = 2 } }, "\x20\x82" },
      { { { kind = "size_update", size = 7 }, without }, "\x27\x00\x01x\x011" },
      { { { kind = "octets", "" }, without }, "\x00\x01x\x011" },
    } do
      local encoder = engine.hpack_encoder(4096)
      encoder:set_max(0)
      assert.equal(row[2], encoder:encode(row[1]))
    end
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
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", engine.hex(engine.sha256 "abc"))
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
