-- The reference client: one GET over HTTP/2, started in any of the three ways; sound by default, with one rule bent it
-- is a guilty peer.
--
-- fetch { url =, mode =, violate = { [id] = way }, verify =, ca_file =, timeout = } makes a request and waits for its
-- response. Every rule carries its requirement at the one place where it is kept: see rules.lua.
local engine = require "h2probe.engine"
local hello = require "h2probe.client.hello"
local http1 = require "h2probe.client.http1"
local rules = require "h2probe.rules"
local session = require "h2probe.client.session"

local TIMEOUT <const> = 10 -- seconds for all of it
local HANDSHAKE <const> = 22 -- type of a TLS record

-- TLS 1.2 without the suites of RFC 9113 appendix A.
local PERMITTED <const> = "ECDHE+AESGCM:ECDHE+CHACHA20"

local client = {}

-- The names to offer (RFC 7301 section 3.1), nil for no extension.
local function offer(kept)
  if not kept:keep "RFC9113-3.2-1" then return nil end
  local names = { kept:keep "RFC9113-3.1-1" and "h2" or "H2", "http/1.1" }
  if not kept:keep "RFC9113-3.2-2" then names[#names + 1] = "h2c" end
  if not kept:keep "RFC7301-3.1-3" then names[#names + 1] = "http/1." end
  return names
end

local function is_address(host)
  return host:find(":", 1, true) ~= nil or host:find "^%d+%.%d+%.%d+%.%d+$" ~= nil
end

local function tls_options(self)
  local kept, host = self.rules, self.url.host
  local named = not is_address(host) and kept:keep("RFC9113-9.2-5", "RFC7540-9.2-1")
  local verify = self.options.verify ~= false
  local old = not kept:keep "RFC9113-9.2-2"
  return {
    alpn = offer(kept), sni = named and host or false, verify = verify, verify_name = verify and host or nil,
    ca_file = self.options.ca_file, timeout = self:left(), rewrite = hello.rewrite(kept),
    min_version = old and "1.0" or "1.2", ciphers = not old and kept:keep "RFC9113-9.2.2-1" and PERMITTED or "ALL",
    refuse_renegotiation = kept:keep "RFC9113-9.2.1-2", post_handshake_auth = true,
    take = hello.take(kept), records = not kept:keep "RFC8446-5.1-1",
    alpn_taken = not kept:keep "RFC7301-3.2-7" and { "h2", "http/1.1", "h2-14", "spdy/3.1", "h2c" } or nil,
  }
end

-- The protocol after the handshake (RFC 7301 section 3.2).
local function protocol(kept, alpn)
  if alpn == nil or alpn == "http/1.1" then
    local way = kept:way("RFC9113-3.3-3", "RFC7301-3.2-6", "RFC7540-3.4-3")
    return way == "ignore" and "h2" or "http/1.1"
  end
  return "h2"
end

-- The first record that the server sent holds all of its message (RFC 8446 section 5.1 does not say that it must).
local function in_one_piece(conn)
  for _, record in ipairs(conn:records() or {}) do
    if not record.sent then
      local kind, _, fragment = string.unpack(">BI2s2", record.octets)
      return kind ~= HANDSHAKE or #fragment >= 4 and #fragment >= 4 + string.unpack(">I3", fragment, 2)
    end
  end
end

-- What a guilty peer finds wrong with a handshake that was completed, or nil.
local function objection(self, info)
  if not self.rules:keep "RFC8446-5.1-1" and not in_one_piece(self.conn) then return "a handshake message in pieces" end
  if not self.rules:keep "RFC9113-9.2.1-4" and info.group ~= "x25519" then return "a group that is not X25519" end
end

local negotiate = {}

function negotiate.alpn(self)
  local info, _, message, failed = self.conn:start_tls(tls_options(self))
  if not info then
    -- A guilty peer takes the refusal for good.
    if failed and failed.alert == "no_application_protocol" and not self.rules:keep "RFC7301-3.2-8" then
      return true, "refused"
    end
    return false, message
  end
  local wrong = objection(self, info)
  if wrong then return false, wrong end
  if protocol(self.rules, info.alpn) == "h2" then return self:http2 { tls = info } end
  return self:http1()
end

function negotiate.upgrade(self)
  return self:http1 { upgrade = true }
end

function negotiate.prior(self)
  if not self.rules:keep("RFC9113-3.3-1", "RFC7540-3.4-1") then return self:http1 { upgrade = true } end
  return self:http2()
end

local Client = {}
Client.__index = Client

--- Seconds that are left for the whole exchange.
function Client:left()
  return math.max(0, self.ends - engine.now())
end

--- HTTP/2 from here on. more: { tls = info, payload = of HTTP2-Settings after an Upgrade }.
function Client:http2(more)
  more = more or {}
  return session.new(self.conn, { rules = self.rules, url = self.url, left = function() return self:left() end,
    tls = more.tls, payload = more.payload }):run()
end

--- An HTTP/1.1 request, with the offer to upgrade to h2c where more.upgrade.
function Client:http1(more)
  local answer, message = http1.exchange(self.conn, { rules = self.rules, url = self.url,
    left = function() return self:left() end, upgrade = more and more.upgrade })
  if not answer then return false, message end
  if answer.switched then return self:http2 { payload = answer.payload } end
  return answer.status < 400, answer.body
end

--- Fetch options.url (as url.parse makes it). true and the content of a good response, or false and what went wrong.
function client.fetch(options)
  local self = setmetatable({ options = options, url = options.url, rules = rules.new(options.violate),
    ends = engine.now() + (options.timeout or TIMEOUT) }, Client)
  local conn <close> = engine.connection { role = "client" }
  local connected, _, message = conn:connect { host = self.url.host, port = self.url.port, timeout = self:left() }
  if not connected then return false, message end
  self.conn = conn
  return negotiate[options.mode](self)
end

return client
