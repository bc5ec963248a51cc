-- The manners of a server that keeps every rule, or bends none but the one that its name says (h2probe prove --blunt).
--
--   codes         every error has a code that does not fit it
--   no-goaway     connections end without GOAWAY
--   late          everything is read 300 ms after it came: answers are late (legal)
--   octets        frames leave octet by octet (legal)
--   chatty        an unknown frame and a PING before every frame (legal)
--   continuation  every field block is split over CONTINUATION (legal)
--   padded        everything is padded that can be (legal)
local engine = require "h2probe.engine"

local manners = {}

local LATE <const> = 0.3 -- seconds
local SMALL <const> = 512 -- octets of a frame that leave one by one; the rest of it leaves at once
local PIECE <const> = 5 -- octets of a field block in one frame
local PADDING <const> = 7

local function changed(frame, members)
  local copy = {}
  for key, value in pairs(frame) do copy[key] = value end
  for key, value in pairs(members) do copy[key] = value end
  return copy
end

-- Each makes of a frame the list of frames that leave instead.
local senders = {}

function senders.codes(frame)
  if not frame.error or frame.error == "NO_ERROR" then return { frame } end
  return { changed(frame, { error = "HTTP_1_1_REQUIRED" }) }
end

senders["no-goaway"] = function(frame)
  return frame.name == "GOAWAY" and {} or { frame }
end

-- The first frame has to be SETTINGS (RFC 9113 section 3.4).
function senders.chatty(frame, peer)
  if not peer.begun then return { frame } end
  return { { type = 0xbb, stream = 0, payload = "chatter" }, { name = "PING", data = "chatter!" }, frame }
end

function senders.continuation(frame, peer)
  if not frame.fields then return { frame } end
  local block, frames, at = peer.conn:encode(frame.fields), {}, 1
  repeat
    local fragment = block:sub(at, at + PIECE - 1)
    at = at + PIECE
    local part = { end_headers = at > #block, fragment = fragment }
    frames[#frames + 1] = changed(#frames == 0 and changed(frame, { fields = false }) or { name = "CONTINUATION",
      stream = frame.stream }, part)
  until at > #block
  if #frames == 1 then
    frames[1].end_headers = false
    frames[2] = { name = "CONTINUATION", stream = frame.stream, fragment = "" }
  end
  return frames
end

-- Padding counts for flow control (section 6.1): DATA is padded where the windows have room for it.
function senders.padded(frame, peer)
  if frame.name == "DATA" then
    local room = math.min(peer.conn:window("ours", frame.stream), peer.conn:window("ours", 0), 16384)
    return { room - #(frame.data or "") > PADDING and changed(frame, { pad_length = PADDING }) or frame }
  elseif frame.fields then
    return { changed(frame, { pad_length = PADDING }) }
  end
  return { frame }
end

local Peer = {}

-- Octet by octet: each in a write of its own.
local function trickle(conn, octets)
  for at = 1, math.min(#octets, SMALL) do
    conn:send_octets(octets:sub(at, at))
    conn:flush()
  end
  conn:send_octets(octets:sub(SMALL + 1))
end

local function send(self, frame)
  if frame.fields == false then frame.fields = nil end
  local whole = self.manner ~= "octets" or not self.begun -- nothing may wait before an Upgrade is taken into account
  self.begun = true
  if whole then return self.conn:send(frame) end
  if frame.fields then frame = changed(frame, { fragment = self.conn:encode(frame.fields), fields = false }) end
  frame.fields = nil
  trickle(self.conn, engine.frame_encode(frame))
end

function Peer:send(frame)
  local sender = senders[self.manner]
  for _, each in ipairs(sender and sender(frame, self) or { frame }) do send(self, each) end
  return true
end

function Peer:next(timeout)
  local event, code, message = self.conn:next(timeout)
  if event and self.manner == "late" then
    engine.wait(math.max(0, event.time + LATE - engine.now()))
  end
  return event, code, message
end

local function forward(peer, name)
  return Peer[name] or function(_, ...)
    return peer.conn[name](peer.conn, ...)
  end
end

--- Names of the manners, in order.
function manners.names()
  return { "codes", "no-goaway", "late", "octets", "chatty", "continuation", "padded" }
end

--- The connection of a session with these manners (nil: none).
function manners.wrap(conn, manner)
  if not manner then return conn end
  local peer = { conn = conn, manner = manner, begun = false }
  return setmetatable(peer, { __index = forward, __name = "mannered connection" })
end

return manners
