-- Packet captures: blocks, made-up IP and TCP, and what tshark makes of them.
local pcapng = require "h2probe.pcapng"

local V4 <const> = { ours = "127.0.0.1:50000", theirs = "192.0.2.7:80" }
local V6 <const> = { ours = "[::1]:50000", theirs = "[2001:db8::7]:443" }
local BEGIN <const> = 1700000000000000000

-- A reader of its own ------------------------------------------------------------------------------------------

local function options_of(octets, at)
  local found = {}
  while at <= #octets do
    local code, length = string.unpack("<I2I2", octets, at)
    found[code] = octets:sub(at + 4, at + 3 + length)
    at = at + 4 + (length + 3) // 4 * 4
  end
  return found
end

local function blocks_of(file)
  local list, at = {}, 1
  while at <= #file do
    local kind, length = string.unpack("<I4I4", file, at)
    assert.are.equal(0, length % 4)
    assert.are.equal(length, (string.unpack("<I4", file, at + length - 4)))
    list[#list + 1] = { kind = kind, body = file:sub(at + 8, at + length - 5) }
    at = at + length
  end
  return list
end

local function sum_of(octets)
  local sum = 0
  for i = 1, #octets, 2 do
    sum = sum + string.unpack(">I2", octets:sub(i, i + 1) .. "\0")
  end
  while sum > 0xffff do
    sum = sum % 0x10000 + sum // 0x10000
  end
  return sum
end

local function read_ip(octets)
  if octets:byte() >> 4 == 6 then
    local length, proto = string.unpack(">I2B", octets, 5)
    assert.are.equal(#octets, 40 + length)
    return octets:sub(9, 24), octets:sub(25, 40), proto, octets:sub(41), ">I4I4"
  end
  assert.are.equal(0xffff, sum_of(octets:sub(1, 20)))
  assert.are.equal(#octets, (string.unpack(">I2", octets, 3)))
  return octets:sub(13, 16), octets:sub(17, 20), octets:byte(10), octets:sub(21), ">I2I2"
end

local function packet_of(block)
  local interface, high, low, length = string.unpack("<I4I4I4I4", block.body)
  local from, to, proto, segment, form = read_ip(block.body:sub(21, 20 + length))
  assert.are.equal(6, proto)
  local a, b = proto, #segment
  if form == ">I4I4" then a, b = b, a end
  assert.are.equal(0xffff, sum_of(from .. to .. string.pack(form, a, b) .. segment))
  local source, target, seq, ack, offset, flags = string.unpack(">I2I2I4I4BB", segment)
  return { interface = interface, time = high << 32 | low, source = source, target = target, seq = seq, ack = ack,
    flags = flags, payload = segment:sub((offset >> 4) * 4 + 1), comment = options_of(block.body,
      21 + (length + 3) // 4 * 4)[1] }
end

local function packets_of(octets)
  local list = {}
  for _, block in ipairs(blocks_of(octets)) do
    list[#list + 1] = packet_of(block)
  end
  return list
end

-- "S", "SA", "A", "PA5" ...: flags and length of each packet, with the side.
local function shape(packets)
  local words = {}
  for i, packet in ipairs(packets) do
    local text = ""
    for bit, letter in pairs { [2] = "S", [8] = "P", [1] = "F", [4] = "R" } do
      text = packet.flags & bit ~= 0 and text .. letter or text
    end
    words[i] = (packet.source == 50000 and ">" or "<") .. text .. (#packet.payload > 0 and #packet.payload or "")
  end
  return table.concat(words, " ")
end

local function record(time, sent, what, octets)
  return { time = BEGIN + time, sent = sent, what = what, octets = octets }
end

local function connection(names, records, more)
  local given = { records = records, role = "client", ours = pcapng.endpoint(names.ours),
    theirs = pcapng.endpoint(names.theirs) }
  for key, value in pairs(more or {}) do
    given[key] = value
  end
  return pcapng.connection(given, 3)
end

local function exchange()
  return { record(0, true, "connect"), record(2000, true, "open"), record(3000, true, "octets", "hello"),
    record(4000, false, "octets", "answers"), record(5000, true, "octets", "!"), record(6000, false, "fin"),
    record(7000, true, "fin") }
end

describe("a packet capture", function()
  it("has the checksum of RFC 1071", function()
    assert.are.equal(0x220d, pcapng.checksum "\x00\x01\xf2\x03\xf4\xf5\xf6\xf7")
    assert.are.equal(0xffff, pcapng.checksum "")
    assert.are.equal(~0xff00 & 0xffff, pcapng.checksum "\xff")
    for length = 0, 70 do
      local octets = ("\xfe\x01\x7f"):rep(30):sub(1, length)
      assert.are.equal(~sum_of(octets) & 0xffff, pcapng.checksum(octets))
    end
  end)

  it("knows addresses", function()
    assert.are.same({ address = "\127\0\0\1", port = 80 }, pcapng.endpoint "127.0.0.1:80")
    assert.are.same({ address = ("\0"):rep(15) .. "\1", port = 443 }, pcapng.endpoint "[::1]:443")
    assert.are.same({ address = "\x20\x01\x0d\xb8" .. ("\0"):rep(10) .. "\0\7", port = 1 }, pcapng.endpoint "[2001:db8::7]:1")
    assert.are.equal("\xfe\x80" .. ("\0"):rep(13) .. "\1", pcapng.endpoint("[fe80::1%eth0]:1").address)
    assert.are.equal(("\0"):rep(10) .. "\xff\xff\1\2\3\4", pcapng.endpoint("[::ffff:1.2.3.4]:1").address)
    assert.is_nil(pcapng.endpoint "unix:/tmp/x")
    assert.is_nil(pcapng.endpoint "unix:/tmp/x:80")
    assert.is_nil(pcapng.endpoint "")
  end)

  it("begins with a section, and names interfaces", function()
    local blocks = blocks_of(pcapng.head("h2probe 1", "what this is") .. pcapng.interface("a/b (alpn)", "title"))
    assert.are.equal(0x0A0D0D0A, blocks[1].kind)
    assert.are.equal(0x1A2B3C4D, (string.unpack("<I4", blocks[1].body)))
    assert.are.equal("h2probe 1", options_of(blocks[1].body, 17)[4])
    local linktype = string.unpack("<I2", blocks[2].body)
    assert.are.equal(101, linktype)
    local options = options_of(blocks[2].body, 9)
    assert.are.equal("a/b (alpn)", options[2])
    assert.are.equal("\9", options[9])
    assert.are.equal(65535, #options_of(blocks_of(pcapng.interface(("x"):rep(70000)))[1].body, 9)[2])
  end)

  it("carries the keys", function()
    local block = blocks_of(pcapng.secrets "CLIENT_RANDOM 00 11\n")[1]
    assert.are.equal(10, block.kind)
    assert.are.equal("CLIENT_RANDOM 00 11\n", block.body:sub(9, 8 + string.unpack("<I4", block.body, 5)))
  end)

  for name, ends in pairs { IPv4 = V4, IPv6 = V6 } do
    it("makes up " .. name .. " and TCP around what was recorded", function()
      local packets = packets_of(connection(ends, exchange(), { comment = "what came of it" }))
      assert.are.equal(">S <S > >P5 <P7 >P1 <F >F", shape(packets))
      local first = packets[1].seq
      local numbers = {}
      for i, packet in ipairs(packets) do
        numbers[i] = { packet.seq - first, i > 1 and packet.ack - first or 0 }
        assert.are.equal(3, packet.interface)
      end
      assert.are.same({ { 0, 0 }, { 0, 1 }, { 1, 1 }, { 1, 1 }, { 1, 6 }, { 6, 8 }, { 8, 7 }, { 7, 9 } }, numbers)
      assert.are.equal("what came of it", packets[1].comment)
      assert.is_nil(packets[2].comment)
      assert.are.equal("answers", packets[5].payload)
      assert.are.same({ BEGIN, BEGIN + 2000, BEGIN + 4000 }, { packets[1].time, packets[2].time, packets[5].time })
    end)
  end

  it("lets the other side begin where we are the server", function()
    local packets = packets_of(connection(V4, { record(0, false, "open"), record(1, false, "octets", "PRI") },
      { role = "server" }))
    assert.are.equal("<S >S < <P3", shape(packets))
  end)

  it("cuts large writes into segments", function()
    local octets = ("0123456789abcdef"):rep(5000)
    local packets = packets_of(connection(V4, { record(0, true, "open"), record(1, true, "octets", octets),
      record(2, false, "rst") }))
    assert.are.equal(">S <S > >32768 >32768 >P14464 <R", shape(packets))
    assert.are.equal(octets, packets[4].payload .. packets[5].payload .. packets[6].payload)
    assert.are.equal(packets[4].seq + 32768, packets[5].seq)
  end)

  it("says what was left out", function()
    local records = exchange()
    records.cut_sent, records.cut_received = 0, 12345
    local packets = packets_of(connection(V4, records))
    assert.matches("left out before this: 0 octets that were sent and 12345 that were received", packets[7].comment)
    assert.is_nil(packets[8].comment)
    records[6], records[7] = nil, nil
    packets = packets_of(connection(V4, records))
    assert.are.equal(">S <S > >P5 <P7 >P1 >", shape(packets))
    assert.matches("12345", packets[7].comment)
  end)

  it("is empty where no connection came about", function()
    assert.are.equal("", connection(V4, {}))
    assert.are.equal("", connection(V4, { record(0, true, "connect") }))
  end)

  it("begins anew where a pair of ports is used again", function()
    local first = packets_of(connection(V4, exchange()))
    local later = exchange()
    for _, each in ipairs(later) do
      each.time = each.time + 1000000000
    end
    assert.is_true(packets_of(connection(V4, later))[1].seq > first[#first].seq)
  end)
end)
