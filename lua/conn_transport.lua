-- `conn` below and around frames: octets, TLS, the preface, round trips (RFC 9113 sections 3.4, 6.5.3, 6.7).
local context = require "h2probe.context"
local engine = require "h2probe.engine"
local fields = require "h2probe.fields"
local frames = require "h2probe.frames"
local hello = require "h2probe.conn_hello"
local output = require "h2probe.conn_output"
local verdict = require "h2probe.verdict"

local methods = {}

local PREFACE = output.PREFACE

-- Octets and the transport -------------------------------------------------------------------------------

--- Before HTTP/2: n octets (nil: what comes next), or nil, code, message.
function methods:recv_octets(n, seconds)
  local state = self._
  state.waited = true
  return state.wire:recv_octets(n, math.min(seconds or math.huge, context.left(state.run)))
end

--- Before HTTP/2: what has come, at least n octets of it, without taking it; or nil, code, message.
function methods:_look(n)
  local state, seen = self._, ""
  repeat
    local octets, code, message = state.wire:recv_octets(n - #seen, context.left(state.run))
    if not octets then
      state.wire:unread(seen)
      return nil, code, message
    end
    seen = seen .. octets
  until #seen >= n
  state.wire:unread(seen)
  return seen
end

--- Before HTTP/2: an HTTP/1.1 head; also in conn.response (client). Or nil, code, message.
function methods:recv_head(seconds)
  local state = self._
  local head, code, message = state.wire:recv_head(math.min(seconds or math.huge, context.left(state.run)))
  if not head then
    return nil, code, message
  end
  state.waited = true
  state.watch:head(self, head)
  if self.role == "client" then
    for key in pairs(self.response) do
      self.response[key] = nil
    end
    for key, value in pairs(head) do
      self.response[key] = value
    end
    return self.response
  end
  return head
end

--- Ends our side of the TCP connection (after close_notify on TLS).
function methods:half_close() self._.wire:shutdown() end
--- TLS close_notify alone.
function methods:close_notify() self._.wire:close_notify() end
--- Ends the connection with a TCP reset.
function methods:reset() self._.wire:reset() end
--- Closes the connection.
function methods:close() self._.wire:close() end
--- What was sent and received so far, as in docs/engine.md; lua/transcript.lua makes it readable.
function methods:transcript() return self._.wire:transcript() end

local function is_address(host)
  return host:find(":", 1, true) ~= nil or host:find "^%d+%.%d+%.%d+%.%d+$" ~= nil
end

-- What the target asks for. A host that is an address has no SNI (RFC 6066 section 3).
local function tls_defaults(target)
  local sni = target.sni
  if sni == nil then
    sni = target.host and not is_address(target.host) and target.host or false
  end
  return {
    sni = sni, verify = target.verify ~= false, verify_name = sni or target.host, ca_file = target.ca_file,
    cert_file = target.cert_file, key_file = target.key_file,
  }
end

--- TLS on top of what there is, with the options of docs/engine.md; those of the target (SNI, verification, files) hold
-- unless given; and { extensions =, compression =, fragment = } of docs/scripting.md. The info table, or nil and the
-- reason (conn.tls.alert names the alert).
function methods:start_tls(options)
  local state = self._
  local given = self.role == "client" and tls_defaults(self.target or {}) or {}
  given.timeout = context.left(state.run)
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  local rewrite, forged = hello.rewriter(given)
  state.hello_forged = forged or given.rewrite ~= nil
  given.rewrite = given.rewrite or rewrite
  local info, code, message, failed = state.wire:start_tls(given)
  state.waited = true
  state.tls = hello.explain(info or failed or {})
  if not state.hello_forged then
    state.watch:handshake(self, given.alpn, state.tls)
  end
  if not info then
    state.handshake_over_time = code == "timeout"
    state.ended = state.ended or state.wire:ended() or { how = "tls_error", text = message }
    state.ended_seq = state.last_seq + 0.5
    return nil, message or code
  end
  state.secure = true
  return state.tls
end

-- Why a handshake that had to come to h2 did not: nil when it did.
local function not_h2(tls, state)
  if tls and tls.selected == "h2" then
    return nil
  elseif tls then
    return tls.selected and ("'%s' was selected, not h2"):format(fields.shown(tls.selected)) or "no ALPN name was selected"
  elseif state.tls.alert then
    return ("the server refuses this TLS handshake (alert %s)"):format(state.tls.alert)
  elseif state.ended.how ~= "tls_error" then
    return "the server ends the connection in this TLS handshake"
  end
end

--- start_tls that has to come to h2 (which alone is offered, unless `alpn` is given): the info table. Where the server
-- does not come to it the case is skipped, where our own TLS gives up it is inconclusive.
function methods:start_alpn(options)
  local given = { alpn = { "h2" } }
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  local tls, message = self:start_tls(given)
  local reason = not_h2(tls, self._)
  if reason then
    verdict.raise { verdict = "skip", observed = reason }
  elseif not tls then
    verdict.raise { verdict = "inconclusive", observed = "the TLS handshake: " .. tostring(message) }
  end
  return tls
end

--- A TLS session that start_tls { session = } resumes on another connection, or nil.
function methods:session() return self._.wire:session() end
--- TLS 1.2: asks for a renegotiation: true, or nil, code, message.
function methods:renegotiate() return self._.wire:renegotiate() end
--- TLS 1.3: sends KeyUpdate; `request`: the peer is to update its keys too. true, or nil, code, message.
function methods:key_update(request) return self._.wire:key_update(request) end

--- Reads HTTP/2 from here on, without having sent anything.
function methods:start_h2()
  local state = self._
  if not state.started then
    state.wire:start_h2()
    state.started = true
  end
end

function methods:_need_h2()
  if not self._.started then
    self:start_h2()
  end
end

-- The start of HTTP/2 -----------------------------------------------------------------------------------

local function names_push(settings)
  for _, pair in ipairs(settings) do
    if pair[1] == "ENABLE_PUSH" or pair[1] == engine.settings.ENABLE_PUSH then
      return true
    end
  end
end

--- A SETTINGS frame of the tester: ENABLE_PUSH 0 is added by a client unless given. settings: as for SETTINGS { }.
function methods:_settings_frame(settings)
  local list = frames.settings_list(settings or {})
  if self.role == "client" and not names_push(list) then
    table.insert(list, 1, { "ENABLE_PUSH", 0 })
  end
  return { name = "SETTINGS", settings = list }
end

--- The first SETTINGS alone: for those who send PREFACE themselves.
function methods:send_settings(settings)
  self:_stimulus()
  self:_put_frame(self:_settings_frame(settings))
end

--- The 24 octets and SETTINGS, in one write with what follows (RFC 9113 section 3.4). A server sends SETTINGS alone.
function methods:send_preface(settings)
  self:_stimulus()
  self:start_h2()
  if self.role == "client" then
    self:_put(PREFACE)
  end
  self:_put_frame(self:_settings_frame(settings))
  self._.preface_sent = true
end

--- send_preface (unless sent), then waits for the peer's SETTINGS and the ACK of ours: true, or nil, code, message.
function methods:handshake(settings)
  local state = self._
  if self.role == "server" and not state.preface_seen then
    local ok, code, message = self:expect_preface()
    if not ok then
      return nil, code, message
    end
  end
  if not state.preface_sent then
    self:send_preface(settings)
  end
  local begun = engine.now()
  local ok, code, message = self:_wait(function()
    return state.peer_settings > 0 and state.settings_acks >= state.out.settings
  end)
  if ok then
    state.rtt = state.rtt or engine.now() - begun
    self:_take(function(event) return event.name == "SETTINGS" end)
  end
  return ok, code, message
end

-- Round trips -----------------------------------------------------------------------------------------------

--- Sends a PING with a payload of its own (the same in every run): the payload.
function methods:_send_ping()
  local state = self._
  state.ping_count = state.ping_count + 1
  local payload = ("h2p%05d"):format(state.ping_count % 100000)
  state.pings[payload], state.acked[payload] = true, nil
  self:_put_frame { name = "PING", data = payload }
  return payload
end

--- One PING round trip (RFC 9113 section 6.7): its seconds, or nil, code, message.
function methods:ping(seconds)
  self:_need_h2()
  local state = self._
  local payload, begun = self:_send_ping(), engine.now()
  local acked, code, message = self:_wait(function() return state.acked[payload] end, seconds)
  if not acked then
    return nil, code, message
  end
  for index = #self.events, 1, -1 do
    local event = self.events[index]
    if event.seq <= acked then
      state.taken[event] = true
      break
    end
  end
  state.rtt = engine.now() - begun
  return state.rtt
end

--- Two PING round trips, one after the other: true, or nil, code, message.
function methods:barrier(seconds)
  local first, code, message = self:ping(seconds)
  if not first then
    return nil, code, message
  end
  local second
  second, code, message = self:ping(seconds)
  return second and true, code, message
end

--- Sends SETTINGS { ... } and waits for its ACK (6.5.3): true, or nil, code, message.
function methods:settings(given, seconds)
  self:send(frames.SETTINGS(given))
  local state = self._
  local wanted = state.out.settings
  local ok, code, message = self:_wait(function() return state.settings_acks >= wanted end, seconds)
  if ok then
    self:_take(function(event) return event.name == "SETTINGS" and event.ack end)
  end
  return ok, code, message
end

return { methods = methods }
