-- The reference server: sound by default, in all three modes; with one rule bent it is a guilty peer.
--
-- start { host =, port =, tls_port =, violate = { [id] = way }, blunt = name, cert =, key =, log = function(text) }
-- listens on a cleartext and a TLS port (0: free ones) and serves them as tasks of the running loop.
local blunt = require "h2probe.server.blunt"
local engine = require "h2probe.engine"
local http1 = require "h2probe.server.http1"
local rules = require "h2probe.rules"
local session = require "h2probe.server.session"

local PREFACE <const> = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
local HANDSHAKE <const> = 10 -- seconds

local server = {}
server.__index = server

-- Prior knowledge or HTTP/1.1? The first octets tell (RFC 9113 section 3.3).
local function looks_like_preface(conn, kept)
  local seen = ""
  while #seen < #PREFACE do
    local more = conn:recv_octets(nil, HANDSHAKE)
    if not more or #more < #PREFACE and not kept:keep "RFC9113-3.3-5" then break end
    seen = seen .. more
    if seen:sub(1, #PREFACE) ~= PREFACE:sub(1, #seen) then break end
  end
  conn:unread(seen)
  return seen:sub(1, #PREFACE) == PREFACE
end

local function is_text(conn)
  local first = conn:peek(HANDSHAKE)
  return first ~= nil and first:find "^%u+ [^\r\n]* HTTP/1" ~= nil
end

local function serve_clear(conn, kept)
  local prior = looks_like_preface(conn, kept)
    or kept:way("RFC9113-3.4-8", "RFC9113-3.4-9") and not is_text(conn)
  if prior then return session.new(conn, { rules = kept }):run() end
  return http1.serve(conn, { rules = kept })
end

-- Which name to select from the client's list (RFC 7301 section 3.2, RFC 9113 section 3.2).
local function selector(kept)
  return function(offered)
    local has = {}
    for _, name in ipairs(offered) do has[name] = true end
    if has.h2c and not kept:keep "RFC9113-3.2-3" then return "h2c" end
    if not kept:keep "RFC7301-3.2-3" then return has.h2 and "http/1.1" or "h2" end
    if not kept:keep "RFC7301-3.1-4" and offered[1] ~= "h2" and offered[1] ~= "http/1.1" then return false end
    if has.h2 then return "h2" end
    if has["http/1.1"] then return "http/1.1" end
    local way = kept:way "RFC7301-3.2-2"
    if way == "select" then return offered[1] end
    if way then return nil end
    return false
  end
end

-- The protocol to speak after the handshake: the selected one, unless this peer is guilty of another.
local function protocol(conn, alpn, kept)
  if alpn == "h2" then
    return is_text(conn) and not kept:keep("RFC9113-3.4-12", "RFC7301-3.2-4") and "http/1.1" or "h2"
  end
  local id = alpn and "RFC7301-3.2-5" or "RFC9113-3.3-4"
  return kept:way(id) and looks_like_preface(conn, kept) and "h2" or "http/1.1"
end

local function serve_tls(conn, kept, options)
  local info = conn:start_tls {
    select = selector(kept), tickets = true, timeout = HANDSHAKE, cert_file = options.cert, key_file = options.key,
    min_version = kept:way "RFC9113-9.2-1" and "1.0" or nil,
  }
  if not info then return end
  if protocol(conn, info.alpn, kept) == "h2" then return session.new(conn, { rules = kept }):run() end
  return http1.serve(conn, { rules = kept, tls = true })
end

local function accept_loop(self, listener, serve)
  while not self.stopped do
    local conn = listener:accept()
    if not conn then return end
    self.tasks[engine.spawn(function()
      serve(conn, self.rules:fresh(), self.options)
      conn:close()
    end, {
      name = "connection",
      on_done = function(task, ok, message)
        self.tasks[task] = nil
        conn:close()
        if not ok and not self.stopped and self.options.log then self.options.log(message) end
      end,
    })] = true
  end
end

local function listen(self, port, serve)
  local listener, code, message = engine.listen { host = self.options.host or "127.0.0.1", port = port or 0 }
  if not listener then return nil, code, message end
  self.listeners[#self.listeners + 1] = listener
  local task = engine.spawn(function() accept_loop(self, listener, serve) end, { name = "accept" })
  self.tasks[task] = true
  return listener:port()
end

--- Start serving. The server { port =, tls_port =, stop = function }, or nil, code, message.
function server.start(options)
  local self = setmetatable({
    options = options, rules = rules.new(options.violate), tasks = {}, listeners = {}, stopped = false,
  }, server)
  local clear, tls = serve_clear, serve_tls
  if options.blunt then clear, tls = blunt.serve(options.blunt) end
  local code, message
  self.port, code, message = listen(self, options.port, clear)
  if self.port then self.tls_port, code, message = listen(self, options.tls_port, tls) end
  if not self.tls_port then
    self:stop()
    return nil, code, message
  end
  return self
end

--- Stop listening and end every connection.
function server:stop()
  self.stopped = true
  for _, listener in ipairs(self.listeners) do listener:close() end
  local tasks = {}
  for task in pairs(self.tasks) do tasks[#tasks + 1] = task end
  for _, task in ipairs(tasks) do task:cancel "the server stops" end
end

return server
