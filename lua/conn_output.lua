-- Where the octets that we send stand: inside a frame, inside a field block, or between frames (RFC 9113 section 4).
-- A question to the peer (PING, a witness request) may only be asked between frames.
local output = {}

output.PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

local HEADERS, PRIORITY, SETTINGS, PUSH_PROMISE, PING, CONTINUATION = 1, 2, 4, 5, 6, 9
local ACK, END_HEADERS = 0x1, 0x4
local HEAD = 9

--- The state at the start: a client owes the preface. What is counted beside: `settings` without ACK, `frames`, those on
-- each stream but PRIORITY (`touched`), the `highest` of these streams, and whether a PING was odd in any way.
function output.new(role)
  return {
    role = role, preface = role == "client" and 1 or nil, head = "", need = 0, block = false, broken = false,
    settings = 0, opened = {}, frames = 0, touched = {}, highest = 0, odd_pings = false,
  }
end

local function count(out, length, kind, flags, stream)
  out.frames = out.frames + 1
  if kind ~= PRIORITY then
    out.touched[stream] = (out.touched[stream] or 0) + 1
    out.highest = math.max(out.highest, stream)
  end
  if kind == PING and (length ~= 8 or stream ~= 0 or flags & ACK ~= 0) then
    out.odd_pings = true
  end
end

-- The head of a frame, in these octets at this position.
local function frame_begins(out, octets, at)
  local length, kind, flags, stream = string.unpack(">I3BBI4", octets, at)
  stream = stream & 0x7fffffff
  out.head, out.need = "", length
  count(out, length, kind, flags, stream)
  if kind == HEADERS or kind == PUSH_PROMISE then
    out.block = flags & END_HEADERS == 0
  elseif kind == CONTINUATION and flags & END_HEADERS ~= 0 then
    out.block = false
  elseif kind == SETTINGS and flags & ACK == 0 then
    out.settings = out.settings + 1
  end
  if kind == HEADERS and out.role == "client" and stream % 2 == 1 then
    out.opened[stream] = true
  end
end

-- Octets of the preface; the position after them.
local function preface(out, octets)
  local rest = output.PREFACE:sub(out.preface)
  local n = math.min(#rest, #octets)
  if octets:sub(1, n) ~= rest:sub(1, n) then
    out.broken = true
  end
  out.preface = n < #rest and out.preface + n or nil
  return n + 1
end

-- Octets of a frame's head, which come in pieces; the position after them.
local function piece_of_head(out, octets, at)
  local part = octets:sub(at, at + HEAD - #out.head - 1)
  out.head = out.head .. part
  if #out.head == HEAD then
    frame_begins(out, out.head, 1)
  end
  return at + #part
end

--- Takes octets that are sent.
function output.track(out, octets)
  local at, last = 1, #octets
  if out.preface and not out.broken then
    at = preface(out, octets)
  end
  while at <= last and not out.broken do
    if out.need > 0 then
      local n = math.min(out.need, last - at + 1)
      out.need, at = out.need - n, at + n
    elseif out.head == "" and last - at + 1 >= HEAD then
      frame_begins(out, octets, at)
      at = at + HEAD
    else
      at = piece_of_head(out, octets, at)
    end
  end
end

--- The request of an Upgrade opened stream 1 (RFC 7540 section 3.2).
function output.upgraded(out)
  out.opened[1], out.touched[1], out.highest = true, 1, math.max(out.highest, 1)
end

--- Nothing of ours is unfinished: the preface is out, the last frame was whole, no field block is open.
function output.whole(out)
  return not out.broken and not out.preface and out.need == 0 and out.head == "" and not out.block
end

--- How many requests of ours are not closed on both sides; state: function(stream) -> name of its state.
function output.concurrent(out, state)
  local open = 0
  for stream in pairs(out.opened) do
    local now = state(stream)
    if now == "closed" then
      out.opened[stream] = nil
    elseif now ~= "idle" then
      open = open + 1
    end
  end
  return open
end

return output
