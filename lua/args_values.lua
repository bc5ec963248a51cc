-- What the values of options may be: converters for argparse. Each returns the value, or nil and what is wrong with it.
local selection = require "h2probe.selection"
local url = require "h2probe.url"

local values = {}

--- The words that a converter takes, for those that take nothing else; completions and the manual look here.
values.words = setmetatable({}, { __mode = "k" })

--- A whole number between two bounds.
function values.whole(low, high)
  return function(text)
    local n = text:match("^%d+$") and #text < 16 and math.tointeger(tonumber(text))
    if not n or n < low or n > high then
      return nil, ("'%s' is not a whole number from %d to %d"):format(text, low, high)
    end
    return n
  end
end

--- A number of seconds up to a limit.
function values.seconds_to(limit)
  return function(text)
    local n = (text:match("^%d+%.?%d*$") or text:match("^%.%d+$")) and tonumber(text)
    if not n or n < 0.01 or n > limit then
      return nil, ("'%s' is not a number of seconds from 0.01 to %d"):format(text, limit)
    end
    return n + 0.0
  end
end

values.seconds = values.seconds_to(3600)

function values.choice(...)
  local words = { ... }
  local function convert(text)
    for _, word in ipairs(words) do
      if word == text then
        return text
      end
    end
    local near = selection.nearest(text, words)
    local hint = near and (" (did you mean '%s'?)"):format(near) or ""
    return nil, ("'%s' is none of %s%s"):format(text, table.concat(words, ", "), hint)
  end
  values.words[convert] = words
  return convert
end

function values.header(text)
  local name, value = text:match("^([^:]+):%s*(.-)%s*$")
  if not name or name:find("[^%w!#$%%&'*+.^_`|~-]") or value:find("[%z\r\n]") then
    return nil, ("'%s' is not a field line: say --header 'name: value'"):format(text)
  end
  return { name:lower(), value }
end

function values.host_port(text)
  local host, port = url.host_port(text)
  if not host then
    return nil, ("'%s' is not HOST:PORT: %s"):format(text, port)
  end
  return { host = host, port = port }
end

function values.request_path(text)
  if text:find("^/") and not text:find("[%c \128-\255#]") then
    return text
  end
  return nil, ("'%s' is not a path: it starts with / and has no spaces"):format(text)
end

function values.report(text)
  local format, file = text:match("^([%w_-]+)=(.+)$")
  format = format or text:match("^([%w_-]+)$")
  if not format then
    return nil, ("'%s' is not FORMAT or FORMAT=FILE"):format(text)
  end
  return { format = format, file = file }
end

--- The converter's message, with the option in front.
function values.named(option, convert)
  local function named(text)
    local result, message = convert(text)
    if result == nil then
      return nil, option .. ": " .. message
    end
    return result
  end
  values.words[named] = values.words[convert]
  return named
end

function values.path(text)
  if text == "" then
    return nil, "an empty name"
  end
  return text
end

function values.text(text)
  return text
end

return values
