-- What a guilty client does to its ClientHello (RFC 8446 section 4.1.2, RFC 7301 section 3.1), and to the ServerHello before its
-- TLS sees it. Where it can, it replaces octets without a change of length, so that nothing else becomes wrong.
local messages = require "h2probe.conn_hello"

local hello = {}

local ALPN <const> = 16

local OFFER <const> = "\0\12\2h2\8http/1.1" -- the ProtocolNameList that client.lua offers

local ONE_NAME <const> = { ignore = "\0\3\2h2", other = "\0\9\8http/1.1" }

-- Record header, message header, legacy_version, random.
local SESSION_ID <const> = 5 + 4 + 2 + 32

local function replaced(record, from, to)
  local at = record:find(from, 1, true)
  return at and record:sub(1, at - 1) .. to .. record:sub(at + #from)
end

-- DEFLATE (RFC 3749) in the place of the only compression method.
local function with_compression(record)
  local at = SESSION_ID + 1
  at = at + 1 + record:byte(at)
  at = at + 2 + string.unpack(">I2", record, at)
  return record:sub(1, at) .. "\1" .. record:sub(at + 2)
end

local function twice(record)
  return messages.change(record, function(message)
    local content = messages.get(message, ALPN)[1]
    messages.set(message, ALPN, { content, content })
  end)
end

--- The function for `rewrite`, or nil while all is kept.
function hello.rewrite(kept)
  if not kept:keep "RFC7301-3.1-1" then
    return function(record) return replaced(record, OFFER, "\0\13" .. OFFER:sub(3)) end
  elseif not kept:keep "RFC7301-3.1-2" then
    return function(record) return replaced(record, OFFER, "\0\12\0\10an-x-name.") end
  elseif not kept:keep "RFC9113-9.2.1-1" then
    return with_compression
  elseif not kept:keep "RFC8446-4.2-2" then
    return twice
  end
end

-- An answer of one name in the place of one of several, or of none (RFC 7301 section 3.1). The default is what the server
-- itself takes for its answer, so that the handshake is completed.
local function with_one_name(message, way)
  local content = messages.get(message, ALPN)[1]
  local names = content and messages.names(content)
  if content and not (names and #names == 1) then messages.set(message, ALPN, { ONE_NAME[way] }) end
end

--- The function for `take` (the server's first record), or nil while all is kept.
function hello.take(kept)
  local way = kept:way "RFC7301-3.1-6"
  return way and function(record)
    return messages.change(record, function(message) with_one_name(message, way) end)
  end
end

return hello
