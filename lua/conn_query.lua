-- What a script can ask `conn`: frames that came, stream states, windows, settings, tables (docs/engine.md).
local Conn = require "h2probe.conn_core"

local methods = {}

local matches = Conn._matches

-- What came so far -----------------------------------------------------------------------------------------

--- How many frames came that match (a name, or members that must be equal).
function methods:count(filter)
  local count = 0
  for _, event in ipairs(self.events) do
    if event.event == "frame" and matches(event, filter) then
      count = count + 1
    end
  end
  return count
end

--- The last frame that came and matches, or nil.
function methods:last(filter)
  for index = #self.events, 1, -1 do
    local event = self.events[index]
    if event.event == "frame" and matches(event, filter) then
      return event
    end
  end
end

--- Octets of content that came in DATA frames of a stream, without padding.
function methods:data_octets(stream)
  local record = self._.streams[stream]
  return record and record.body_size or 0
end

--- Did the peer end the connection by a TCP reset (which may have destroyed what it sent before)?
function methods:ended_by_reset()
  local ended = self:ended()
  return ended ~= nil and ended.how == "rst"
end

-- Bookkeeping (docs/engine.md) ------------------------------------------------------------------------------

--- The state of a stream as seen from our side: "idle", "open", "half-closed (local)" ... (5.1)
function methods:state(stream) return self._.wire:state(stream) end
--- Octets that "ours" or "theirs" may still send on a stream (0: the connection). (6.9.1)
function methods:window(by, stream) return self._.wire:window(by, stream) end
--- A setting that "ours" or "theirs" announced and the other acknowledged. (6.5.2)
function methods:setting(by, name) return self._.wire:setting(by, name) end
--- SETTINGS frames of "ours" or "theirs" that were not acknowledged yet. (6.5.3)
function methods:unacknowledged(by) return self._.wire:unacknowledged(by) end
--- A field list as a field block, by the connection's encoder. (RFC 7541)
function methods:encode(list) return self._.wire:encode(list) end
--- The dynamic table of the field blocks that "ours" or "theirs" sends. (RFC 7541 section 2.3.2)
function methods:table(by) return self._.wire:table(by) end

--- Automatic replies on or off: { settings =, ping =, window = }; the former ones.
function methods:auto(given)
  for key, value in pairs(given) do
    self._.auto[key] = value
  end
  return self._.wire:auto(given)
end

--- How the peer ended its side: nil while it did not, or { how =, ... } as in docs/engine.md.
function methods:ended()
  return self._.ended or self._.wire:ended()
end

--- The next free stream identifier, reserved (5.1.1).
function methods:new_stream()
  local state = self._
  local id = math.max(state.next_id or 1, state.wire:next_stream())
  state.next_id = id + 2
  return id
end

return { methods = methods }
