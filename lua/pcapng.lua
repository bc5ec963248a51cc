-- Packet captures for Wireshark (pcapng, draft-ietf-opsawg-pcapng): recorded connections to blocks of octets.
--
-- What was recorded are the octets of a transport; the IP and TCP around them are made up: raw IP (LINKTYPE_RAW), the
-- real addresses, ports and times, a handshake, one segment for each write or read, FIN and RST where they were.
local pcapng = {}

local SECTION <const>, INTERFACE <const>, PACKET <const>, SECRETS <const> = 0x0A0D0D0A, 1, 6, 10
local LINKTYPE_RAW <const> = 101
local TLS_KEY_LOG <const> = 0x544c534b
local COMMENT <const>, NAME <const>, DESCRIPTION <const>, TIME_RESOLUTION <const>, APPLICATION <const> = 1, 2, 3, 9, 4
local NANOSECONDS <const> = 9
local MAX_OPTION <const> = 65535
local SEGMENT <const> = 32768 -- the most that one made-up segment carries
local TCP <const> = 6
local FIN <const>, SYN <const>, RST <const>, PSH <const>, ACK <const> = 1, 2, 4, 8, 16
local WINDOW <const> = 65535
-- Maximum segment size, and a window that never seems full.
local SYN_OPTIONS = string.pack(">BBI2 BBB B", 2, 4, SEGMENT, 3, 3, 14, 1)

-- Blocks ----------------------------------------------------------------------------------------------------

local function padded(octets)
  return octets .. ("\0"):rep(-#octets % 4)
end

local function block(kind, body)
  local length = #body + 12
  return string.pack("<I4I4", kind, length) .. body .. string.pack("<I4", length)
end

-- Cut within its limit, never in the middle of a character.
local function limited(text)
  if #text <= MAX_OPTION then
    return text
  end
  local at = MAX_OPTION
  while at > MAX_OPTION - 4 and text:find("^[\128-\191]", at + 1) do
    at = at - 1
  end
  return text:sub(1, at)
end

local function options(list)
  local parts = {}
  for _, option in ipairs(list) do
    if option[2] and option[2] ~= "" then
      local value = limited(option[2])
      parts[#parts + 1] = string.pack("<I2I2", option[1], #value) .. padded(value)
    end
  end
  return #parts > 0 and table.concat(parts) .. string.pack("<I2I2", 0, 0) or ""
end

--- The section header: the first block of a file.
function pcapng.head(application, comment)
  return block(SECTION, string.pack("<I4I2I2i8", 0x1A2B3C4D, 1, 0, -1)
    .. options { { COMMENT, comment }, { APPLICATION, application } })
end

--- An interface; they are numbered from 0 in the order of their blocks.
function pcapng.interface(name, description)
  return block(INTERFACE, string.pack("<I2I2I4", LINKTYPE_RAW, 0, 0)
    .. options { { NAME, name }, { DESCRIPTION, description }, { TIME_RESOLUTION, string.char(NANOSECONDS) } })
end

--- Lines of an NSS key log; they have to come before the packets.
function pcapng.secrets(lines)
  return block(SECRETS, string.pack("<I4I4", TLS_KEY_LOG, #lines) .. padded(lines))
end

local function packet_block(interface, time, octets, comment)
  return block(PACKET, string.pack("<I4I4I4I4I4", interface, time >> 32, time & 0xffffffff, #octets, #octets)
    .. padded(octets) .. options { { COMMENT, comment } })
end

-- IP and TCP --------------------------------------------------------------------------------------------------

--- The Internet checksum (RFC 1071).
function pcapng.checksum(octets)
  local sum, at = 0, 1
  if #octets % 2 == 1 then
    octets = octets .. "\0"
  end
  while at + 15 <= #octets do
    local a, b, c, d, e, f, g, h = string.unpack(">I2I2I2I2I2I2I2I2", octets, at)
    sum, at = sum + a + b + c + d + e + f + g + h, at + 16
  end
  while at < #octets do
    sum, at = sum + string.unpack(">I2", octets, at), at + 2
  end
  while sum > 0xffff do
    sum = (sum & 0xffff) + (sum >> 16)
  end
  return ~sum & 0xffff
end

local checksum = pcapng.checksum

local function ipv4(text)
  local a, b, c, d = text:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
  return a and string.char(a, b, c, d)
end

local function groups_of(text)
  local octets = ""
  for group in text:gmatch "[^:]+" do
    octets = octets .. (ipv4(group) or string.pack(">I2", tonumber(group, 16)))
  end
  return octets
end

local function ipv6(text)
  text = text:gsub("%%.*$", "") -- without its zone
  if not text:find "^[%x:.]+$" or not text:find ":" then
    return nil
  end
  local before, after = text:match "^(.-)::(.*)$"
  local head, tail = groups_of(before or text), groups_of(after or "")
  return head .. ("\0"):rep(16 - #head - #tail) .. tail
end

--- "127.0.0.1:80", "[::1]:80" to { address = octets, port = }; nil for what is no such address.
function pcapng.endpoint(text)
  local host, port = tostring(text):match "^%[?([^%]]*)%]?:(%d+)$"
  local address = host and (ipv4(host) or ipv6(host))
  return address and { address = address, port = tonumber(port) } or nil
end

local function ip_packet(from, to, number, segment)
  if #from.address == 16 then
    return string.pack(">I4I2BB", 0x60000000, #segment, TCP, 64) .. from.address .. to.address .. segment
  end
  local head = string.pack(">BBI2I2I2BBI2", 0x45, 0, 20 + #segment, number & 0xffff, 0x4000, 64, TCP, 0)
    .. from.address .. to.address
  return head:sub(1, 10) .. string.pack(">I2", checksum(head)) .. head:sub(13) .. segment
end

local function pseudo_header(from, to, length)
  local form = #from.address == 16 and ">I4I4" or ">I2I2"
  local a, b = TCP, length
  if #from.address == 16 then
    a, b = length, TCP
  end
  return from.address .. to.address .. string.pack(form, a, b)
end

local function tcp_packet(from, to, flags, payload)
  local extra = flags & SYN ~= 0 and SYN_OPTIONS or ""
  local acknowledged = flags & ACK ~= 0 and to.next or 0
  local segment = string.pack(">I2I2I4I4BBI2I2I2", from.port, to.port, from.next & 0xffffffff, acknowledged & 0xffffffff,
    (20 + #extra) // 4 << 4, flags, WINDOW, 0, 0) .. extra .. payload
  local sum = checksum(pseudo_header(from, to, #segment) .. segment)
  from.packets = from.packets + 1
  return ip_packet(from, to, from.packets, segment:sub(1, 16) .. string.pack(">I2", sum) .. segment:sub(19))
end

-- One connection ----------------------------------------------------------------------------------------------

local Conversation = {}
Conversation.__index = Conversation

function Conversation:put(from, to, flags, payload, comment)
  self.out[#self.out + 1] = packet_block(self.interface, self.time, tcp_packet(from, to, flags, payload or ""), comment)
  local takes = flags & (SYN | FIN) ~= 0 and 1 or 0
  from.next = from.next + #(payload or "") + takes
end

function Conversation:handshake(client, server, begun, opened, comment)
  self.time = begun
  self:put(client, server, SYN, "", comment)
  self.time = opened
  self:put(server, client, SYN | ACK)
  self:put(client, server, ACK)
end

local on = {}

function on.octets(self, from, to, record)
  local octets = record.octets
  for at = 1, #octets, SEGMENT do
    local last = at + SEGMENT > #octets
    self:put(from, to, last and PSH | ACK or ACK, octets:sub(at, at + SEGMENT - 1))
  end
end

function on.fin(self, from, to)
  self:put(from, to, FIN | ACK, "", self:left_out())
end

function on.rst(self, from, to)
  self:put(from, to, RST | ACK, "", self:left_out())
end

-- What cannot be seen in the packets, for the one that follows it.
function Conversation:left_out()
  local sent, received = self.records.cut_sent or 0, self.records.cut_received or 0
  if sent + received == 0 or self.told then
    return nil
  end
  self.told = true
  return ("h2probe: left out before this: %d octets that were sent and %d that were received, past the limit of what is "
    .. "kept of a connection"):format(sent, received)
end

-- When the connection was asked for and when it was there; nil: it never was.
local function opening(records)
  local begun
  for _, record in ipairs(records) do
    if record.what == "open" then
      return begun or record.time, record.time
    end
    begun = record.what == "connect" and record.time or begun
  end
end

local function side(endpoint, first)
  return { address = endpoint.address, port = endpoint.port, next = first, packets = 0 }
end

--- The blocks of a connection on the interface of this number; "" where it never came about. Given: records (a list as
-- the engine's conn:capture() has it), role = "client" | "server" (whose records they are), ours and theirs (endpoints),
-- comment (on its first packet).
function pcapng.connection(given, interface)
  local begun, opened = opening(given.records)
  if not begun then
    return ""
  end
  -- As RFC 9293 section 3.4.1: a clock, so that a pair of ports that is used again begins a new connection.
  local first = opened // 4000 & 0xffffffff
  local ours, theirs = side(given.ours, first), side(given.theirs, first)
  local self = setmetatable({ out = {}, interface = interface, records = given.records }, Conversation)
  local client, server = ours, theirs
  if given.role == "server" then
    client, server = theirs, ours
  end
  self:handshake(client, server, begun, opened, given.comment)
  for _, record in ipairs(given.records) do
    self.time = record.time
    local add = on[record.what]
    if add then
      add(self, record.sent and ours or theirs, record.sent and theirs or ours, record)
    end
  end
  local comment = self:left_out()
  if comment then
    self:put(ours, theirs, ACK, "", comment)
  end
  return table.concat(self.out)
end

return pcapng
