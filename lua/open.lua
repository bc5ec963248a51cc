-- Opens a connection in one of the three negotiation modes up to a start level (docs/scripting.md, "Where the
-- connection stands"): RFC 9113 section 3, RFC 7301, RFC 7540 section 3.2.
--
-- A failure is nil, CODE, MESSAGE: the codes of docs/engine.md, and "not_offered" when the peer is there and does not
-- speak HTTP/2 in this mode.
local Conn = require "h2probe.conn"
local context = require "h2probe.context"
local engine = require "h2probe.engine"
local fields = require "h2probe.fields"
local output = require "h2probe.conn_output"
local sessions = require "h2probe.sessions"

local open = {}

local FIRST_WINDOW = 65535
local STARTS = { open = true, preface = true, secure = true, tcp = true }
local MODES = { alpn = true, upgrade = true, prior = true }

local function dial(target, run)
  local wire = engine.connection { role = "client" }
  local at = target.connect_to or target
  local place = { timeout = context.left(run) }
  if target.unix then
    place.unix = target.unix
  else
    place.host, place.port, place.source = at.host, at.port, target.source
  end
  if target.capture then
    wire:record(target.capture)
  end
  local ok, code, message = wire:connect(place)
  if not ok then
    wire:close()
    return nil, code, message
  end
  return wire
end

-- Negotiation ------------------------------------------------------------------------------------------------

local function no_alpn(tls)
  return tls and tls.alert == "no_application_protocol"
end

local negotiate = {}

-- A connection to be talked to over TLS is resumed where that is possible; one whose case is about TLS never is.
local function start_tls(conn, start)
  if start == "secure" then
    return conn:start_tls { alpn = { "h2" } }
  end
  local entry = sessions.take(conn.target)
  local info, message = conn:start_tls { alpn = { "h2" }, groups = conn.target.groups, session = entry and entry.session }
  if entry then
    sessions.tried(conn.target, entry, info and info.resumed)
    conn._.resumes = not info or info.resumed
  end
  return info, message
end

function negotiate.alpn(conn, options)
  local info, message = start_tls(conn, options.start)
  if not info then
    if no_alpn(conn.tls) then
      return nil, "not_offered", "ALPN: the server knows none of the offered protocols (alert no_application_protocol)"
    end
    return nil, "tls", message
  elseif info.alpn ~= "h2" then
    return nil, "not_offered", info.alpn and ("ALPN: the server selected '%s'"):format(fields.shown(info.alpn))
      or "ALPN: the server selected no protocol"
  end
  return true
end

function negotiate.upgrade(conn, options)
  local head, code, message = conn:upgrade { settings = options.settings }
  if not head.status then
    return nil, code == "protocol" and "not_offered" or code, code == "protocol"
      and "the Upgrade was not answered in HTTP/1.1: " .. message or message
  elseif head.status ~= 101 then
    return nil, "not_offered", ("the Upgrade to h2c was answered %d"):format(head.status)
  end
  return true
end

function negotiate.prior()
  return true
end

-- Why no HTTP/2 came back: what a second connection answers to the preface, read as octets.
local function answer_to_preface(target, run)
  local wire = dial(target, run)
  if not wire then
    return nil
  end
  wire:send_octets(output.PREFACE .. ("\0"):rep(3) .. "\4" .. ("\0"):rep(5))
  local octets = wire:recv_octets(nil, context.left(run))
  wire:close()
  return type(octets) == "string" and octets or nil
end

local function not_http2(target, run, code, message)
  local octets = answer_to_preface(target, run)
  if octets and octets:find "^HTTP/" then
    return nil, "not_offered", ("prior knowledge: the server answered '%s'"):format(
      fields.shown(octets:match "^[^\r\n]*"))
  elseif octets and octets:find "^\21\3" then
    return nil, "not_offered", "prior knowledge: the port speaks TLS"
  elseif octets and not octets:find "^...\4" then
    return nil, "not_offered", ("prior knowledge: the server answered '%s'"):format(fields.shown(octets))
  elseif code == "closed" or code == "io" then
    return nil, "not_offered", "prior knowledge: the server closed the connection"
  end
  return nil, code, message
end

local function shake_hands(conn, target, options)
  local ok, code, message = conn:handshake(options.settings)
  if ok then
    return true
  elseif options.mode == "prior" and conn._.peer_settings == 0 then
    return not_http2(target, conn._.run, code, message)
  end
  return nil, code, message or "the connection ended before both SETTINGS were acknowledged"
end

-- Mode upgrade: the request that asked for it is answered on stream 1 (RFC 7540 section 3.2). A window that the script
-- announced as small must not keep it back.
local function read_first_response(conn)
  local initial = conn:setting("ours", "INITIAL_WINDOW_SIZE")
  if initial < FIRST_WINDOW and not (conn._.streams[1] or {}).ended then
    conn:_put_frame { name = "WINDOW_UPDATE", stream = 1, increment = FIRST_WINDOW - initial }
  end
  local response, code, message = conn:_wait_response(1)
  if response and response.ended then
    return true
  end
  return nil, code or "protocol", message or "the response on stream 1 did not come to its end"
end

local function advance(conn, target, options)
  local start = options.start
  if start == "tcp" or (start == "secure" and options.mode ~= "alpn") then
    return true
  end
  local ok, code, message = negotiate[options.mode](conn, options)
  if not ok or start == "secure" then
    return ok, code, message
  end
  conn:start_h2()
  if start == "preface" then
    return true
  end
  ok, code, message = shake_hands(conn, target, options)
  if ok and options.mode == "alpn" then
    sessions.keep(target, conn)
  elseif ok and options.mode == "upgrade" then
    ok, code, message = read_first_response(conn)
  end
  return ok, code, message
end

local function checked(options, run)
  local given = {
    mode = options.mode or run.mode, start = options.start or "open", settings = options.settings,
    auto = options.auto, tls = options.tls,
  }
  if not STARTS[given.start] then
    error(("start '%s' is none of open, preface, secure, tcp"):format(tostring(given.start)), 4)
  elseif given.mode ~= nil and not MODES[given.mode] then
    error(("mode '%s' is none of alpn, upgrade, prior"):format(tostring(given.mode)), 4)
  end
  return given
end

--- Opens a connection to run.target: { mode =, start = "open", settings =, auto = }. Parks. The conn object, or nil,
-- code, message. The first connection of a run starts the case's time anew when it is ready; the time that others take does not count.
function open.connect(run, options)
  local begun = engine.waited()
  local given = checked(options or {}, run)
  local target = (options or {}).target or run.target
  if not given.mode then
    given.mode = target.scheme == "https" and "alpn" or "prior"
  end
  local wire, code, message = dial(target, run)
  if not wire then
    return nil, code, message
  end
  run.connected = engine.now() -- somebody was there to take it
  local first = #run.connections == 0
  local conn = Conn.new { wire = wire, role = "client", mode = given.mode, target = target, run = run, auto = given.auto }
  local ok
  ok, code, message = advance(conn, target, given)
  if not ok and conn._.resumes then
    sessions.give_up(target)
  end
  if not ok then
    conn:close()
    return nil, code, message
  end
  if first then
    context.start(run)
  else
    context.excuse(run, begun)
  end
  conn:_hand_over()
  return conn
end

--- Opens a connection to a target outside any case: options as for open.connect, and timeout (seconds).
function open.open(target, options)
  options = options or {}
  local run = context.new { target = target, mode = options.mode, timeout = options.timeout }
  return open.connect(run, options)
end

-- The server's halves ---------------------------------------------------------------------------------------

-- TLS, the client preface, or an HTTP/1.1 request: three octets tell.
local function detect(conn)
  local octets, code, message = conn:_look(3)
  if not octets then
    return nil, code, message
  end
  return octets:byte() == 22 and "alpn" or octets:find "^PRI" and "prior" or "upgrade"
end

local accept = {}

function accept.alpn(conn, options)
  local tls = { alpn = { "h2" } }
  for key, value in pairs(options.tls or {}) do
    tls[key] = value
  end
  local info, message = conn:accept_tls(tls)
  if not info then
    return nil, "tls", message
  elseif info.alpn ~= "h2" then
    return nil, "not_offered", "ALPN: the client did not offer h2"
  end
  return true
end

function accept.upgrade(conn)
  local head, code, message = conn:accept_upgrade()
  if not head then
    return nil, code, message
  end
  return true
end

function accept.prior()
  return true
end

local function admit(conn, options)
  local start = options.start
  if start == "tcp" then
    return true
  end
  local ok, code, message = true, nil, nil
  if not conn.mode then
    conn.mode, code, message = detect(conn)
    ok = conn.mode ~= nil
  end
  if ok and not (start == "secure" and conn.mode ~= "alpn") then
    ok, code, message = accept[conn.mode](conn, options)
  end
  if not ok or start == "secure" then
    return ok, code, message
  end
  conn:start_h2()
  if start == "preface" then
    return true
  end
  return conn:handshake(options.settings)
end

--- Takes an accepted engine connection (role server) up to a start level: { mode = nil (found from the first octets),
-- start = "open", settings =, auto =, tls = { cert_file =, key_file =, ... } }. Parks. conn, or nil, code, message.
function open.accept(run, wire, options)
  local given = checked(options or {}, run)
  local first = #run.connections == 0
  if run.target and run.target.capture then
    wire:record(run.target.capture)
  end
  local conn = Conn.new { wire = wire, role = "server", mode = given.mode, target = run.target, run = run,
    auto = given.auto }
  local ok, code, message = admit(conn, given)
  if not ok then
    conn:close()
    return nil, code, message
  end
  if first then
    context.start(run)
  end
  conn:_hand_over()
  return conn
end

return open
