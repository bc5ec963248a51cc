-- The watchman below HTTP/2: ALPN, TLS after its handshake, heads of HTTP/1.1 (RFC 7301, RFC 9113 section 9.2, RFC 9110
-- section 7.8, RFC 7540 section 3.2.1).
local fields = require "h2probe.fields"

local transport = {}

-- TLS ----------------------------------------------------------------------------------------------------------------

local function offered(list, name)
  for _, each in ipairs(list) do
    if each == name then
      return true
    end
  end
  return false
end

--- Looks at the end of a handshake of ours, good or not; `names` is what was offered: a list, nil, or octets that a script
-- made.
function transport.handshake(watch, conn, names, info)
  local selected = info.selected or info.alpn
  if conn.role ~= "client" or not selected then
    return
  elseif names == nil or type(names) == "table" and #names == 0 then
    watch:report(conn, nil, "RFC7301-3.1-8", ("ALPN: '%s' was selected, nothing was offered"):format(
      fields.shown(selected)))
  elseif type(names) == "table" and not offered(names, selected) then
    watch:report(conn, nil, "RFC7301-3.2-3", ("ALPN: '%s' was selected, which was not offered"):format(
      fields.shown(selected)))
  end
end

local AFTER = {
  { "certificate_requests", "RFC9113-9.2.3-1", "TLS 1.3: a CertificateRequest after the handshake" },
  { "renegotiations", "RFC9113-9.2.1-3", "TLS 1.2: a HelloRequest on a connection that speaks HTTP/2" },
}

--- Looks at what TLS saw, when the connection is over.
function transport.over(watch, conn)
  local info = conn.role == "client" and conn._.started and conn._.wire:tls()
  for _, row in ipairs(info and AFTER or {}) do
    if (info[row[1]] or 0) > 0 then
      watch:report(conn, nil, row[2], row[3])
    end
  end
end

-- HTTP/1.1 -----------------------------------------------------------------------------------------------------------

local function values(head, name)
  local list = {}
  for _, field in ipairs(head.fields) do
    if field[1]:lower() == name then
      list[#list + 1] = field[2]:lower()
    end
  end
  return table.concat(list, ","), #list > 0
end

local function lists(text, token)
  for each in text:gmatch "[^,]+" do
    if each:match "^%s*(.-)%s*$" == token then
      return true
    end
  end
  return false
end

-- A row: { id, what is wrong, when = function(head) }.
local HEADS = {
  { "RFC7540-3.2.1-3", "the response has the field HTTP2-Settings",
    when = function(head) return select(2, values(head, "http2-settings")) end },
  { "RFC9110-7.8-3", "101 without Upgrade",
    when = function(head) return head.status == 101 and not select(2, values(head, "upgrade")) end },
  { "RFC9110-7.8-7", "426 without Upgrade",
    when = function(head) return head.status == 426 and not select(2, values(head, "upgrade")) end },
  { "RFC9110-7.6.1-1", "Upgrade, but Connection does not name it",
    when = function(head)
      return select(2, values(head, "upgrade")) and not lists(values(head, "connection"), "upgrade")
    end },
}

--- Looks at the head of an HTTP/1.1 response.
function transport.head(watch, conn, head)
  for _, row in ipairs(conn.role == "client" and HEADS or {}) do
    if row.when(head) then
      watch:report(conn, nil, row[1], ("HTTP/1.1 %d: %s"):format(head.status, row[2]))
    end
  end
end

return transport
