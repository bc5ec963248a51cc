-- The target's URL: scheme, host and port, nothing that HTTP/2 does not need (RFC 3986).
local url = {}

local DEFAULT_PORT = { http = 80, https = 443 }
local MAX_LENGTH = 8000

local function unescape(s)
  return (s:gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

local function port_of(text)
  local port = text:match("^%d+$") and #text <= 5 and tonumber(text)
  if not port or port < 1 or port > 65535 then
    return nil, "the port '" .. text .. "' is not a number from 1 to 65535"
  end
  return port
end

local function split_host(authority)
  if authority:sub(1, 1) == "[" then
    local host, rest = authority:match("^%[([%x:.]+)%](.*)$")
    if not host or not host:find(":", 1, true) then
      return nil, "'" .. authority .. "' is not an IPv6 address in brackets"
    end
    return host, rest
  end
  local host, rest = authority:match("^([^:]*)(.*)$")
  if host == "" then
    return nil, "there is no host"
  end
  if host:find("[^%w._~%-]") then
    return nil, "the host '" .. host .. "' has characters that no host name has"
  end
  if #host > 253 then
    return nil, "the host name is longer than 253 characters"
  end
  return host, rest
end

--- "host:port" (the port is optional if there is a default) to host and port.
function url.host_port(text, default)
  local host, rest = split_host(text)
  if not host then
    return nil, rest
  end
  if rest == "" or rest == ":" then
    if not default then
      return nil, "there is no port"
    end
    return host, default
  end
  if rest:sub(1, 1) ~= ":" then
    return nil, "'" .. rest .. "' follows the host"
  end
  local port, message = port_of(rest:sub(2))
  if not port then
    return nil, message
  end
  return host, port
end

local function unix_url(scheme, authority, path)
  local socket = unescape(authority)
  if socket:sub(1, 1) ~= "/" or #socket > 107 or socket:find("%z") then
    return nil, "a Unix socket is written as " .. scheme .. "+unix://%2Fpath%2Fto%2Fsocket/"
  end
  return { scheme = scheme, host = "localhost", port = DEFAULT_PORT[scheme], unix = socket,
    authority = "localhost", path = path }
end

local function authority_of(host, port, scheme)
  local shown = host:find(":", 1, true) and "[" .. host .. "]" or host
  return port == DEFAULT_PORT[scheme] and shown or shown .. ":" .. port
end

local function checked_path(rest)
  if rest:find("#", 1, true) then
    return nil, "a fragment (#...) is never sent to a server"
  end
  local path = rest:gsub("^%?", "/?")
  return path == "" and "/" or path
end

--- True if this word of a command line means a URL and not a selection.
function url.looks_like(text)
  return text:find("^[%a][%w+.%-]*://") ~= nil
end

--- Text to { scheme, host, port, authority, path, unix }, or nil and one line that says what is wrong.
function url.parse(text)
  if #text > MAX_LENGTH then
    return nil, "the URL is longer than " .. MAX_LENGTH .. " octets"
  end
  if text:find("[%c\128-\255 ]") then
    return nil, "a URL has no spaces, control characters or octets above 0x7f: escape them with %"
  end
  local name, rest = text:match("^(%a[%w+.%-]*)://(.*)$")
  if not name then
    return nil, "it has to start with https:// or http://"
  end
  local scheme, unix = name:lower():match("^(https?)(%+?u?n?i?x?)$")
  if not scheme or (unix ~= "" and unix ~= "+unix") then
    return nil, "the scheme '" .. name .. "' is neither https nor http"
  end
  local authority, tail = rest:match("^([^/?#]*)(.*)$")
  if authority:find("@", 1, true) then
    return nil, "user names in URLs are not supported"
  end
  local path, message = checked_path(tail)
  if not path then
    return nil, message
  end
  if unix == "+unix" then
    return unix_url(scheme, authority, path)
  end
  local host, port = url.host_port(authority, DEFAULT_PORT[scheme])
  if not host then
    return nil, port
  end
  return { scheme = scheme, host = host, port = port, path = path,
    authority = authority_of(host, port, scheme) }
end

--- The URL as text again, as reports show it.
function url.text(target)
  if target.unix then
    return target.scheme .. "+unix://" .. target.unix:gsub("[/%%]", { ["/"] = "%2F", ["%"] = "%25" })
      .. target.path
  end
  return target.scheme .. "://" .. authority_of(target.host, target.port, target.scheme) .. target.path
end

return url
