-- Legal traffic of ours: field blocks and content within the limits that the peer announced (RFC 9113 sections 4.2,
-- 5.1.2, 6.9). For the illegal kind there are frames and octets.
local messages = require "h2probe.conn_messages"
local output = require "h2probe.conn_output"
local verdict = require "h2probe.verdict"

local send = {}

--- Sends a field list as HEADERS and as many CONTINUATION frames as the peer's MAX_FRAME_SIZE asks for.
function send.headers(conn, stream, list, end_stream)
  local wire = conn._.wire
  conn._.watch:request(stream, list)
  local block = wire:encode(list)
  local size = wire:setting("theirs", "MAX_FRAME_SIZE")
  local name, at = "HEADERS", 1
  repeat
    local fragment = block:sub(at, at + size - 1)
    at = at + #fragment
    conn:_put_frame {
      name = name, stream = stream, fragment = fragment, end_headers = at > #block,
      end_stream = name == "HEADERS" and end_stream or nil,
    }
    name = "CONTINUATION"
  until at > #block
end

local function credit(conn, stream)
  local wire = conn._.wire
  return math.min(wire:window("ours", 0), wire:window("ours", stream))
end

--- Sends content as DATA, waiting for WINDOW_UPDATE where the windows are used up: true; false, reason when the peer
-- ended or reset the stream before all was sent or the case's time was over.
function send.data(conn, stream, content, end_stream)
  local state = conn._
  local at = 1
  repeat
    local room
    local ok, code = conn:_wait(function()
      local record = state.streams[stream]
      if record and #record.resets > 0 then
        return "reset"
      end
      room = #content == 0 and 0 or credit(conn, stream)
      return (#content == 0 or room > 0) and "room" or nil
    end)
    if ok ~= "room" then
      return false, ok or code
    end
    local size = math.min(room, state.wire:setting("theirs", "MAX_FRAME_SIZE"))
    local part = content:sub(at, at + size - 1)
    at = at + #part
    conn:_put_frame { name = "DATA", stream = stream, data = part, end_stream = end_stream and at > #content }
  until at > #content
  return true
end

--- A whole message: { fields, body =, trailers =, end_stream = false }. true, or false and a reason.
function send.message(conn, stream, message)
  local open_end = message.end_stream == false
  local has_body = message.body ~= nil and message.body ~= ""
  local last = not open_end
  send.headers(conn, stream, message.fields, last and not has_body and not message.trailers)
  if has_body then
    local ok, reason = send.data(conn, stream, message.body, last and not message.trailers)
    if not ok then
      return false, reason
    end
  end
  if message.trailers then
    send.headers(conn, stream, message.trailers, last)
  end
  return true
end

--- May one more request be opened within the peer's MAX_CONCURRENT_STREAMS?
function send.may_open(conn)
  local wire = conn._.wire
  local limit = wire:setting("theirs", "MAX_CONCURRENT_STREAMS")
  return output.concurrent(conn._.out, function(id) return wire:state(id) end) < limit
end

--- Waits until a request may be opened; raises "inconclusive" when that does not come about.
function send.wait_for_slot(conn)
  local ok = send.may_open(conn) or conn:_wait(function() return send.may_open(conn) end)
  if not ok then
    verdict.raise {
      verdict = "inconclusive",
      observed = ("the peer allows %d concurrent streams and ends none of those that are open"):format(
        conn._.wire:setting("theirs", "MAX_CONCURRENT_STREAMS")),
    }
  end
end

--- Has the peer ended its side of this stream, or reset it?
function send.over(conn, stream)
  return messages.over(conn._.streams[stream])
end

return send
