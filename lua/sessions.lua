-- What later TLS connections to a target know of earlier ones. Sessions to be resumed (RFC 8446 section 2.2): a full handshake
-- costs both sides more than all that a case does after it. And target.groups, to be offered: first the one that the target
-- chose, since a key share of another costs a HelloRetryRequest (section 4.1.4). Cases about TLS make their own handshakes and
-- know nothing of these.
--
-- target.sessions is a list of { session =, used = }. `once`: the server refuses a session the second time (RFC 8446 section
-- 8.1), and forgets those of connections that have ended, so that the newest is the best. `none`: with a session the server
-- does not come to HTTP/2. That clients should not reuse a session (appendix C.4) is for their privacy; a tester has none.
local sessions = {}

local MOST <const> = 32
-- The lists to offer for groups that are not OpenSSL's first.
local GROUPS <const> = {
  secp256r1 = "P-256:X25519:P-384:P-521", secp384r1 = "P-384:X25519:P-256:P-521", secp521r1 = "P-521:X25519:P-256:P-384",
}

--- The session to resume next, or nil.
function sessions.take(target)
  local list = target.sessions
  if not list or list.none then
    return nil
  elseif list.once then
    return table.remove(list)
  end
  local entry = table.remove(list, 1)
  list[#list + 1] = entry
  return entry
end

local function drop(list, entry)
  for position, other in ipairs(list) do
    if other == entry then
      return table.remove(list, position)
    end
  end
end

--- The handshake in which it was offered is over: did the server take it?
function sessions.tried(target, entry, resumed)
  local list = target.sessions
  if not resumed then
    list.once = list.once or entry.used
    drop(list, entry)
  end
  entry.used = true
end

--- A connection that resumed did not come to HTTP/2: from here on none does. The run that met it begins anew.
function sessions.give_up(target)
  target.sessions.none = true
end

--- Keeps what a connection that came to HTTP/2 was given.
function sessions.keep(target, conn)
  target.groups = target.groups or GROUPS[conn.tls.group]
  target.sessions = target.sessions or {}
  local list = target.sessions
  if list.none or #list >= MOST and not list.once then
    return
  end
  local session = conn:session()
  if session then
    list[#list + 1] = { session = session, used = false }
    if #list > MOST then
      table.remove(list, 1)
    end
  end
end

return sessions
