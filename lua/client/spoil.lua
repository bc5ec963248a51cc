-- What a guilty client does to its request and beside it, where only the watchman looks (RFC 9113 sections 8.3 to 8.5).
local fields = require "h2probe.fields"

local spoil = {}

-- How its field list becomes another one; the list may be changed in place.
local REQUESTS <const> = {
  { "RFC9113-8.3.1-3", function(list) list[#list + 1] = { "host", "elsewhere.invalid" } end },
  { "RFC9113-8.3.1-10", function(list)
    return fields.replace(list, ":authority", "user:secret@" .. (fields.get(list, ":authority") or ""))
  end },
  { "RFC9113-8.3.1-13", function(list) return fields.replace(list, ":path", "") end },
  { "RFC9113-8.3.1-14", function(list)
    return fields.replace(fields.replace(list, ":method", "OPTIONS"), ":path", "")
  end },
  { "RFC9113-8.3.1-20", function(list) return fields.without(list, ":scheme") end },
  { "RFC9113-8.5-1", function(list) return fields.replace(list, ":method", "CONNECT") end },
}

-- Frames behind it.
local BEHIND <const> = {
  { "RFC9113-8.4-8", function(stream)
    return { name = "PUSH_PROMISE", stream = stream, promised_stream = 2, fields = { { ":method", "GET" } } }
  end },
  { "RFC9218-7.1-1", function(stream)
    return { name = "PRIORITY_UPDATE", stream = stream, prioritized_stream = stream, value = "u=1" }
  end },
}

--- The field list of a request as this peer sends it.
function spoil.request(kept, list)
  for _, row in ipairs(REQUESTS) do
    if not kept:keep(row[1]) then list = row[2](list) or list end
  end
  return list
end

--- The frames that this peer sends behind a request.
function spoil.behind(kept, stream)
  local frames = {}
  for _, row in ipairs(BEHIND) do
    if not kept:keep(row[1]) then frames[#frames + 1] = row[2](stream) end
  end
  return frames
end

return spoil
