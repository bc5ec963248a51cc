-- How a guilty server breaks the rules of TLS and ALPN. A sound one comes through here unchanged: every function
-- does something only where a rule is bent.
local engine = require "h2probe.engine"
local hello = require "h2probe.conn_hello"

local guilt = {}

local ALERT_DECODE_ERROR <const> = 50
local HANG <const> = 30 -- seconds
local ELSEWHERE <const> = "elsewhere.invalid" -- the name of another site
local H2_ALONE <const>, TWO_NAMES <const> = "\0\3\2h2", "\0\12\2h2\8http/1.1"

-- The ClientHello ------------------------------------------------------------------------------------------

-- Malformed ALPN extensions that are overlooked: TLS gets the ClientHello without them.
local function without_alpn(message)
  hello.set(message, hello.EXTENSIONS.alpn, {})
end

local CHANGES <const> = {
  { "RFC8446-6-1", without_alpn },
  { "RFC8446-6-2", without_alpn },
  { "RFC7301-3.1-10", without_alpn },
  { "RFC8446-4.1.2-1", function(message) message.parts[4] = "\0" end },
}

-- Client hellos that are refused without reason: the alert, or nil.
local function refusal(kept, record)
  local message = hello.parse(record:sub(6))
  if not message then
    return not kept:keep "RFC8446-5.1-1" and ALERT_DECODE_ERROR
  end
  local named = hello.get(message, hello.EXTENSIONS.server_name)[1]
  return named and kept:way "RFC9113-9.2-4" == "ignore" and ALERT_DECODE_ERROR
end

local function changed_hello(kept, record)
  for _, row in ipairs(CHANGES) do
    if not kept:keep(row[1]) then
      record = hello.change(record, row[2]) or record
    end
  end
  return record
end

-- Does the ClientHello ask for another server than this one?
local function for_another(record)
  local message = hello.parse(record:sub(6))
  local named = message and hello.get(message, hello.EXTENSIONS.server_name)[1]
  return named ~= nil and not named:find("localhost", 1, true)
end

--- Takes the ClientHello before TLS sees it; false: it was refused. `state` gets what is to be known of it.
function guilt.take_hello(conn, kept, seconds, state)
  if not next(kept.violate) then
    return true
  end
  local header = conn:recv_octets(5, seconds)
  local length = header and header:byte() == 22 and string.unpack(">I2", header, 4)
  local content = length and conn:recv_octets(length, seconds)
  if not content then
    conn:unread(header or "")
    return true
  end
  local record = header .. content
  local alert = refusal(kept, record)
  if alert then
    conn:send_octets(string.pack(">BI2I2BB", 21, 0x0303, 2, 2, alert))
    return false
  end
  state.for_another = for_another(record)
  conn:unread(changed_hello(kept, record))
  return true
end

-- ALPN -----------------------------------------------------------------------------------------------------

-- Readings under which a name that is not h2 looks like it.
local LOOKS_LIKE_H2 <const> = {
  case = function(name) return name:lower() == "h2" end,
  trim = function(name) return name:match "^%s*(.-)[%s%z]*$" == "h2" end,
  prefix = function(name) return name:find "^h2" ~= nil end,
}

-- Lists that a server chokes on, although it has only to pass over what it does not know.
local CHOKES_ON <const> = {
  ignore = function(offered) return offered[1] ~= "h2" and offered[1] ~= "http/1.1" end,
  several = function(offered) return #offered > 1 end,
  many = function(offered) return #offered > 50 end,
  long = function(offered) return #table.concat(offered) > 250 end,
  twice = function(offered) return offered[1] == offered[2] end,
  binary = function(offered) return table.concat(offered):find "[^\32-\126]" ~= nil end,
}

-- What the first connection selected, by server: all connections of one share the table of what is bent.
local remembered = setmetatable({}, { __mode = "k" })

local function from_memory(kept, has)
  if not kept:keep "RFC7301-3.1-9" then
    local now = has.h2 and "h2" or has["http/1.1"] and "http/1.1" or nil
    remembered[kept.violate] = remembered[kept.violate] or now
    return remembered[kept.violate]
  end
end

local function look_alike(kept, offered)
  local looks = LOOKS_LIKE_H2[kept:way "RFC9113-3.1-1"]
  for _, name in ipairs(looks and offered or {}) do
    if looks(name) then
      return name
    end
  end
end

--- true and the answer that a guilty server gives to the offer; false where it answers as a sound one.
function guilt.select(kept, offered, has)
  if has.h2c and not kept:keep "RFC9113-3.2-3" then return true, "h2c" end
  if not kept:keep "RFC7301-3.2-3" then return true, has.h2 and "http/1.1" or "h2" end
  if not kept:keep "RFC7301-3.1-3" then return true, has["http/1.1"] and "http/1." or "h" end
  if not kept:keep "RFC7301-3.2-1" then return true, has[offered[1]] and offered[1] end
  local chokes = CHOKES_ON[kept:way "RFC7301-3.1-4"]
  if chokes and chokes(offered) then return true, false end
  if kept:way "RFC9113-3.3-4" == "overlap" and not has.h2 then return true, nil end
  local name = from_memory(kept, has) or look_alike(kept, offered)
  return name ~= nil, name
end

-- Rules about the answer, and the contents of the ALPN extensions that ServerHello gets instead.
local ANSWERS <const> = {
  { "RFC7301-3.1-5", "ignore", { TWO_NAMES } },
  { "RFC7301-3.1-5", "none", { "\0\0" } },
  { "RFC7301-3.1-1", "ignore", { "\0\5\2h2" } },
  { "RFC8446-4.2-1", "ignore", { H2_ALONE } },
  { "RFC8446-4.2-2", "ignore", { H2_ALONE, H2_ALONE } },
}

--- The function that makes something else of the server's first flight, or nil.
function guilt.rewriter(kept, state)
  local contents
  for _, row in ipairs(ANSWERS) do
    contents = kept:way(row[1]) == row[2] and row[3] or contents
  end
  local unasked, compressed = not kept:keep "RFC7301-3.1-8", not kept:keep "RFC9113-9.2.1-1"
  if not (contents or unasked or compressed) then
    return nil
  end
  return function(flight)
    return hello.change(flight, function(message)
      if contents or unasked and not state.asked then
        hello.set(message, hello.EXTENSIONS.alpn, contents or { H2_ALONE })
      end
      message.parts[4] = compressed and 1 or message.parts[4]
    end)
  end
end

-- Versions, cipher suites ------------------------------------------------------------------------------------

--- Changes the options of start_tls.
function guilt.bend_options(kept, given, state)
  if state.for_another and not kept:keep "RFC9110-7.4-1" then
    given.own_name, given.cert_file, given.key_file = ELSEWHERE, nil, nil
  end
  local way = kept:way "RFC9113-9.2-1"
  given.min_version = way and "1.0" or nil
  given.max_version = way == "prefer" and "1.1" or nil
  if way == "preface" then
    given.select = function() return "http/1.1" end
  end
  if not kept:keep "RFC9113-9.2.1-3" then
    given.refuse_renegotiation = false
  end
  if not kept:keep "RFC9113-9.2.2-1" then
    given.ciphers = "ALL:COMPLEMENTOFALL"
  elseif not kept:keep "RFC9113-9.2.2-4" then
    given.ciphers = "ALL:!AES128"
  end
end

--- Does this server take an adequate TLS for an inadequate one?
function guilt.accuses(kept, info)
  local way = kept:way "RFC9113-9.2.2-3"
  return way ~= nil and (way == "1.3") == (info.version == "TLSv1.3")
end

--- Does it speak HTTP/2, whatever was selected? `alpn` is what was selected.
function guilt.speaks_http2(kept, alpn, info)
  return alpn == "http/1.1" and (kept:way "RFC7301-3.2-5" == "http2" or kept:way "RFC9113-9.2-1" == "preface")
    or alpn == nil and (kept:way "RFC9113-3.3-4" == "eager")
    or info.resumed and remembered[kept.violate] == "h2"
end

-- After the handshake ------------------------------------------------------------------------------------------

local function of_host(event)
  for _, field in ipairs(event.fields) do
    if field[1] == ":authority" then
      return field[2]:find "^localhost" ~= nil or field[2]:find "^127%.0%.0%.1" ~= nil
    end
  end
end

-- Requests that are never answered.
local IGNORED <const> = {
  { "RFC9113-9.1.1-2", "ignore", function(event) return not of_host(event) end },
  { "RFC9113-9.1.1-2", "sni", function(_, info) return info.sni ~= "localhost" end },
  { "RFC8446-6.1-1", "hang", function() return true end },
  { "RFC9113-9.2-4", "none", function(_, info) return info.sni == nil end },
  { "RFC9113-9.2-4", "unknown", function(_, info) return info.sni ~= nil and info.sni ~= "localhost" end },
  { "RFC9113-9.2.1-4", "ignore", function(_, info) return info.group:lower() ~= "x25519" end },
}

-- What is sent as soon as the first frame came.
local ACTIONS <const> = {
  { "RFC9113-9.2.1-3", function(conn) conn:renegotiate() end },
  { "RFC9113-9.2.3-1", function(conn) conn:request_certificate() end },
}

local function ignored_by(kept, info)
  for _, row in ipairs(IGNORED) do
    if kept:way(row[1]) == row[2] then
      return function(event) return event.name == "HEADERS" and event.fields and row[3](event, info) end
    end
  end
  return function() return false end
end

local function action_of(kept)
  for _, row in ipairs(ACTIONS) do
    if not kept:keep(row[1]) then
      return row[2]
    end
  end
end

-- conn:next of a server that minds KeyUpdate, overlooks requests, or acts after the first frame.
local function bent_next(conn, kept, info)
  local ignored, action = ignored_by(kept, info), action_of(kept)
  local minds_updates = not kept:keep("RFC9113-9.2.3-3", "RFC8740-4-1")
  return function(_, seconds)
    while true do
      local event, code, message = conn:next(seconds)
      if minds_updates and conn:tls().key_updates > 0 then
        conn:close()
        return nil, "closed", "a KeyUpdate came"
      elseif not event then
        return nil, code, message
      end
      if action then
        action(conn)
        action = nil
      end
      if not ignored(event) then
        return event
      end
    end
  end
end

-- Does it leave out SETTINGS here?
local function without_settings(kept, info)
  local way = kept:way "RFC9113-3.2-4"
  return way == "resumed" and info.resumed or way ~= nil and info.version == "TLSv" .. way
end

local function bent_send(conn)
  return function(_, frame)
    return frame.name == "SETTINGS" and not frame.ack or conn:send(frame)
  end
end

-- Octets that came in one record are taken for all that belongs together.
local function bent_octets(conn)
  return function(_, _, seconds) return conn:recv_octets(nil, seconds) end
end

local function overrides(conn, kept, info)
  local bent = { next = bent_next(conn, kept, info) }
  bent.send = without_settings(kept, info) and bent_send(conn) or nil
  bent.recv_octets = kept:way "RFC9113-3.2-4" == "record" and bent_octets(conn) or nil
  local closing = kept:way "RFC8446-6.1-1"
  if closing == "hang" then
    bent.shutdown = function() engine.wait(HANG) end
  elseif closing then
    bent.shutdown = function() conn:shutdown(true) end
  end
  return bent
end

-- What came with the end of the handshake, or as early data, is lost.
local function lose(conn, kept, info)
  if kept:way "RFC9113-3.2-4" == "lose" or info.early_data and not kept:keep "RFC9113-9.2.3-4" then
    conn:recv_octets(nil, 0)
  end
end

--- The connection after its handshake; of a guilty server one that misbehaves.
function guilt.guard(conn, kept, info)
  if not next(kept.violate) then
    return conn
  end
  lose(conn, kept, info)
  if not kept:keep "RFC8740-3-1" then
    conn:request_certificate()
  end
  local bent = overrides(conn, kept, info)
  return setmetatable({}, { __index = function(_, name)
    return bent[name] or function(_, ...) return conn[name](conn, ...) end
  end })
end

return guilt
