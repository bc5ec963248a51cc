-- TLS as the reference server keeps it: what it takes of a ClientHello, what it selects in ALPN, which cipher suites carry
-- HTTP/2 (RFC 7301, RFC 9113 section 9.2, RFC 8446). How it breaks these rules stands in tls_guilt.lua.
local guilt = require "h2probe.server.tls_guilt"

local HANDSHAKE <const> = 10 -- seconds
local LINGER <const> = 1

local tls = {}

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do
    set[name] = true
  end
  return set
end

-- Which name to select from the client's list: the server's own preference decides (RFC 7301 section 3.2).
local function selector(kept, state)
  return function(offered)
    local has = set_of(offered)
    state.asked = true
    local bent, answer = guilt.select(kept, offered, has)
    if bent then
      return answer
    end
    if has.h2 then return "h2" end
    if has["http/1.1"] then return "http/1.1" end
    local way = kept:way "RFC7301-3.2-2"
    if way == "select" then return offered[1] end
    if way then return nil end
    return false
  end
end

--- The handshake: the connection to go on with and the info table, or nil.
function tls.accept(conn, kept, options)
  local state = { asked = false }
  if not guilt.take_hello(conn, kept, HANDSHAKE, state) then
    return nil
  end
  local given = {
    select = selector(kept, state), tickets = true, early_data = true, timeout = HANDSHAKE,
    cert_file = options.cert, key_file = options.key,
    refuse_renegotiation = kept:keep "RFC9113-9.2.1-2",
    rewrite = guilt.rewriter(kept, state),
  }
  guilt.bend_options(kept, given, state)
  local info = conn:start_tls(given)
  if not info then
    return nil
  end
  return guilt.guard(conn, kept, info), info
end

-- RFC 9113 appendix A: of TLS 1.2, all suites but those with an ephemeral key exchange and an AEAD cipher.
local function prohibited(info)
  local ephemeral = info.cipher:find "^TLS_E?C?DHE_"
  local aead = info.cipher:find "_GCM_" or info.cipher:find "_CCM" or info.cipher:find "_CHACHA20_POLY1305_"
  return info.version ~= "TLSv1.3" and not (ephemeral and aead)
end

--- May this TLS carry HTTP/2 (section 9.2.2)? If not, the connection ends with INADEQUATE_SECURITY.
function tls.adequate(conn, kept, info)
  local bad = prohibited(info) and kept:keep "RFC9113-9.2.2-1"
  if not bad and not guilt.accuses(kept, info) then
    return true
  end
  conn:start_h2()
  conn:send { name = "SETTINGS" }
  conn:send { name = "GOAWAY", error = "INADEQUATE_SECURITY" }
  conn:shutdown()
  while conn:next(LINGER) do end
  return false
end

return tls
