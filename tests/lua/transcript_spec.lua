-- The conversation as text.
local engine = require "h2probe.engine"
local transcript = require "h2probe.transcript"

local function decoded(frame, more)
  local event = engine.frame_decode(engine.frame_encode(frame))
  event.event, event.time = "frame", 5
  for key, value in pairs(more or {}) do
    event[key] = value
  end
  return event
end

local FIELDS = {
  { kind = "size_update", size = 0 },
  { ":method", "GET", kind = "indexed", index = 2 },
  { "x", "\0\27", kind = "without", huffman = { name = true, value = false } },
  { "y", "z", kind = "incremental", index = 62, huffman = { name = false, value = true } },
}

-- event, text, lines
local ROWS = {
  { decoded({ name = "HEADERS", stream = 1, end_stream = true, end_headers = true, fragment = "\x82" }, { fields = FIELDS }),
    "HEADERS stream 1 END_STREAM END_HEADERS (1 octets)", {
      "(dynamic table size update: 0)", ":method: GET  [indexed 2]",
      "x: \\x00\\x1b  [literal without indexing, name Huffman]",
      "y: z  [literal with incremental indexing, name index 62, value Huffman]",
    } },
  { decoded { name = "SETTINGS", settings = { { "MAX_FRAME_SIZE", 16384 }, { 0x99, 1 } } }, "SETTINGS stream 0 (12 octets)",
    { "MAX_FRAME_SIZE = 16384", "0x0099 = 1" } },
  { decoded { name = "SETTINGS", ack = true, settings = {} }, "SETTINGS stream 0 ACK (0 octets)", {} },
  { decoded { name = "GOAWAY", error = "NO_ERROR", last_stream = 3, debug = "\r\nbye" }, "GOAWAY stream 0 (13 octets)",
    { "NO_ERROR, last stream 3", 'debug data "\\x0d\\x0abye"' } },
  { decoded { name = "PING", payload = "x" }, "PING stream 0 (1 octets)", { "! the length does not fit the type" } },
  { decoded { name = "WINDOW_UPDATE", increment = 1 }, "WINDOW_UPDATE stream 0 (4 octets)", { "increment 1" } },
  { decoded { name = "RST_STREAM", stream = 1, error = 0x63 }, "RST_STREAM stream 1 (4 octets)", { "0x63" } },
  { decoded { type = 0x42, stream = 9, payload = "\1" }, "type 0x42 stream 9 (1 octets)", { '"\\x01"' } },
  { decoded { name = "PRIORITY", stream = 3, dependency = 1, weight = 15 }, "PRIORITY stream 3 (5 octets)",
    { "depends on 1, weight 16" } },
  { { event = "octets", time = 5, octets = "HTTP/1.1 101 X\r\nUpgrade: h2c\r\n\r\n" }, "HTTP/1.1 (32 octets)",
    { "HTTP/1.1 101 X", "Upgrade: h2c" } },
  { { event = "octets", time = 5, octets = "\0\1" }, "octets (2)", { '"\\x00\\x01"' } },
  { { event = "note", time = 5, text = "closed\n" }, "closed\\x0a", {} },
  { { event = "bad_preface", time = 5, octets = "GET" }, "! something else than the client connection preface", { '"GET"' } },
}

describe("an entry", function()
  for _, row in ipairs(ROWS) do
    it(row[2], function()
      local entry = transcript.entries({ row[1] })[1]
      assert.equal(row[2], entry.text)
      assert.same(row[3], entry.lines)
      assert.equal(0, entry.time)
    end)
  end

  it("has the error of a field block", function()
    local event = decoded({ name = "HEADERS", stream = 1, fragment = "\x80" },
      { fields = {}, field_error = { offset = 0, message = "index 0", rule = "RFC7541-6.1" } })
    assert.same({ "! at octet 0 of the field block: index 0 (RFC7541-6.1)" }, transcript.entries({ event })[1].lines)
  end)

  it("is bounded, whatever the peer sends", function()
    local many = {}
    for index = 1, 1000 do many[index] = { ("n"):rep(1000), ("v"):rep(100000), kind = "never" } end
    local entry = transcript.entries({ decoded({ name = "HEADERS", stream = 1, fragment = "" }, { fields = many }) })[1]
    assert.equal(101, #entry.lines)
    assert.equal("(900 more lines)", entry.lines[101])
    assert.is_true(#entry.lines[1] < 1000)
  end)
end)

describe("the text", function()
  it("shows directions, times and the last entries", function()
    local sent = decoded({ name = "PING", data = "8 octets" }, { sent = true })
    local received = decoded({ name = "PING", ack = true, data = "8 octets" }, { time = 5.0015 })
    local entries = transcript.entries { sent, received }
    assert.same({ "-> PING stream 0 (8 octets)", '      "8 octets"', "<- PING stream 0 ACK (8 octets)", '      "8 octets"' },
      transcript.text(entries))
    assert.same({ "... 1 entries before", "    1.500 ms  <- PING stream 0 ACK (8 octets)", '                    "8 octets"' },
      transcript.text(entries, { time = true, last = 1 }))
  end)

  it("says where events were left out", function()
    local list = { decoded({ name = "PING" }, { seq = 1 }), decoded({ name = "PING" }, { seq = 9 }), dropped = 7 }
    assert.equal("(7 events left out)", transcript.entries(list)[2].text)
  end)

  it("is printable ASCII", function()
    local all = {}
    for octet = 0, 255 do all[#all + 1] = string.char(octet) end
    assert.falsy(transcript.printable(table.concat(all), 300):find "[^\32-\126]")
    assert.equal("\\\\", transcript.printable "\\")
  end)
end)
