-- The frame constructors: what they make, and what goes over the wire (RFC 9113 section 6).
local engine = require "h2probe.engine"
local frames = require "h2probe.frames"

-- constructor, argument, the octets as hexadecimal digits
local ROWS = {
  { "DATA", { stream = 1, "abc" }, "000003 00 00 00000001 616263" },
  { "DATA", { stream = 1, end_stream = true, pad_length = 2, "a" }, "000004 00 09 00000001 02 61 0000" },
  { "DATA", { stream = 1, length = 9, "a" }, "000009 00 00 00000001 61" },
  { "HEADERS", { stream = 1, "\x82" }, "000001 01 04 00000001 82" },
  { "HEADERS", { stream = 1, end_headers = false, fragment = "\x82" }, "000001 01 00 00000001 82" },
  { "HEADERS", { stream = 1, end_stream = true, weight = 15, dependency = 3, "\x82" },
    "000006 01 25 00000001 00000003 0f 82" },
  { "HEADERS", { stream = 1, flags = 0xff, payload = "x" }, "000001 01 ff 00000001 78" },
  { "PRIORITY", { stream = 3, dependency = 1, weight = 7, exclusive = true }, "000005 02 00 00000003 80000001 07" },
  { "RST_STREAM", { stream = 1, error = "CANCEL" }, "000004 03 00 00000001 00000008" },
  { "RST_STREAM", { stream = 1, "STREAM_CLOSED" }, "000004 03 00 00000001 00000005" },
  { "SETTINGS", { INITIAL_WINDOW_SIZE = 1, HEADER_TABLE_SIZE = 2, { 0x99, 3 }, { "ENABLE_PUSH", 0 } },
    "000018 04 00 00000000 000100000002 000400000001 009900000003 000200000000" },
  { "SETTINGS", { ack = true }, "000000 04 01 00000000" },
  { "SETTINGS", { payload = "x" }, "000001 04 00 00000000 78" },
  { "PUSH_PROMISE", { stream = 1, promised_stream = 2, "\x82" }, "000005 05 04 00000001 00000002 82" },
  { "PING", "8 octets", "000008 06 00 00000000 38206f6374657473" },
  { "PING", { ack = true, "8 octets" }, "000008 06 01 00000000 38206f6374657473" },
  { "GOAWAY", { error = "NO_ERROR", last_stream = 5, "bye" }, "00000b 07 00 00000000 00000005 00000000 627965" },
  { "WINDOW_UPDATE", { stream = 1, increment = 10 }, "000004 08 00 00000001 0000000a" },
  { "WINDOW_UPDATE", { 10 }, "000004 08 00 00000000 0000000a" },
  { "CONTINUATION", { stream = 1, "\x82" }, "000001 09 04 00000001 82" },
  { "PRIORITY_UPDATE", { prioritized_stream = 1, "u=1" }, "000007 10 00 00000000 00000001 753d31" },
  { "ORIGIN", { "https://a" }, "00000b 0c 00 00000000 0009 68747470733a2f2f61" },
  { "ALTSVC", { origin = "a", 'h2=":1"' }, "00000a 0a 00 00000000 0001 61 68323d223a3122" },
  { "FRAME", { type = 0x2f, stream = 7, flags = 3, "x" }, "000001 2f 03 00000007 78" },
  { "PING", { reserved = true, stream = 1, "8 octets" }, "000008 06 00 80000001 38206f6374657473" },
}

describe("a frame", function()
  for _, row in ipairs(ROWS) do
    it(row[1] .. " as " .. row[3], function()
      local expected = row[3]:gsub(" ", "")
      assert.equal(expected, engine.hex(engine.frame_encode(frames[row[1]](row[2]))))
    end)
  end
end)

describe("a constructor", function()
  it("exists for every type that the engine knows", function()
    for name in pairs(engine.frame_types) do
      assert.truthy(frames.types[name], name)
    end
    for name in pairs(frames.types) do
      assert.truthy(engine.frame_types[name] or name == "FRAME", name)
    end
  end)

  for _, row in ipairs {
    { "DATA", { strm = 1 }, "DATA has no member 'strm'" }, { "PING", { "a", "b" }, "PING has no member '2'" },
    { "PRIORITY", { "x" }, "no positional content" }, { "DATA", { "a", data = "b" }, "given twice" },
    { "FRAME", { "x" }, "needs a type" }, { "PING", true, "takes a table" }, { "SETTINGS", { 1 }, "is no pair" },
    { "SETTINGS", { MAX_FRAME = 1 }, "no member 'MAX_FRAME'" },
  } do
    it("refuses " .. row[3] .. ", with the caller's line", function()
      local ok, message = pcall(function()
        local made = frames[row[1]](row[2])
        return made
      end)
      assert.False(ok)
      assert.truthy(message:find(row[3], 1, true), message)
      assert.truthy(message:find("frames_spec.lua:", 1, true), message)
    end)
  end
end)
