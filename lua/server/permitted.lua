-- What the server has to accept in a request: rules that a guilty peer breaks by taking it for malformed
-- (RFC 9113 sections 8.2 to 8.5, 9.1.1, RFC 8441). A row: id; when(list): is it there? way: of peers that are
-- guilty in this way only.
local fields = require "h2probe.fields"

local function count(list, name)
  return #fields.all(list, name)
end

local function value(name, wanted)
  return function(list) return fields.get(list, name) == wanted end
end

local function unusual(list)
  for _, field in ipairs(list) do
    local name, text = field[1], field[2]
    if name and name:sub(1, 1) ~= ":" and (name:find "[!#$%%&'*+^`|~]" or text == "" or text:find "[\t\x80-\xff]") then
      return true
    end
  end
end

local function bad_date(list)
  local date = fields.get(list, "if-modified-since")
  return date ~= nil and not date:find "GMT$" or fields.get(list, "accept") == "///"
end

return {
  { id = "RFC9113-8.1.1-6", when = value("content-length", "0") },
  { id = "RFC9113-8.2.1-17", when = unusual },
  { id = "RFC9113-8.2.1-19", when = bad_date },
  { id = "RFC9113-8.2.2-8", when = value("te", "trailers") },
  { id = "RFC9113-8.2.3-2", when = function(list) return count(list, "cookie") > 1 end },
  { id = "RFC9113-8.3-13", when = function(list) return list[1] and list[1][1] ~= ":method" end },
  { id = "RFC9113-8.3.1-5", when = function(list)
    return count(list, "host") > 0 and fields.get(list, "host") == fields.get(list, ":authority")
  end },
  { id = "RFC9113-8.3.1-6", when = function(list) return count(list, "host") > 0 and count(list, ":authority") == 0 end },
  { id = "RFC9113-8.3.1-7", when = function(list) return count(list, "host") + count(list, ":authority") == 0 end },
  { id = "RFC9113-8.3.1-15", when = value(":path", "*") },
  { id = "RFC9113-8.3.1-21", when = function(list)
    local scheme = fields.get(list, ":scheme")
    return scheme ~= nil and scheme ~= "http" and scheme ~= "https"
  end },
  { id = "RFC9113-8.5-4", when = function(list)
    return fields.get(list, ":method") == "CONNECT" and count(list, ":path") == 0
  end },
  { id = "RFC9113-9.1.1-2", when = function(list) return (fields.get(list, ":authority") or ""):find "%.invalid$" end },
  { id = "RFC9113-10.5.1-2", way = "many", when = function(list) return #list > 100 end },
  { id = "RFC8441-4-1", when = function(list) return fields.get(list, ":protocol") == "websocket" end },
  { id = "RFC8441-4-7", when = function(list) return count(list, ":protocol") > 0 end },
}
