-- The reference server: sound by default, in all three modes; with one rule bent it is a guilty peer.
--
-- start { host =, port =, tls_port =, violate = { [id] = way }, blunt = name, manner = name,
-- cert =, key =, log = function(text) }
-- listens on a cleartext and a TLS port (0: free ones) and serves them as tasks of the running loop.
local blunt = require "h2probe.server.blunt"
local engine = require "h2probe.engine"
local http1 = require "h2probe.server.http1"
local rules = require "h2probe.rules"
local guilt = require "h2probe.server.tls_guilt"
local session = require "h2probe.server.session"
local tls = require "h2probe.server.tls"

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
  local prior = looks_like_preface(conn, kept) or kept:way "RFC9113-3.4-12" == "preface"
    or kept:way("RFC9113-3.4-8", "RFC9113-3.4-9") and not is_text(conn)
  if prior then return session.new(conn, { rules = kept }):run() end
  return http1.serve(conn, { rules = kept })
end

-- The protocol to speak after the handshake: the selected one, unless this peer is guilty of another.
local function protocol(conn, alpn, kept)
  if alpn == "h2" then
    local text = kept:way "RFC7301-3.2-4" == "text" or is_text(conn) and not kept:keep("RFC9113-3.4-12", "RFC7301-3.2-4")
    return text and "http/1.1" or "h2"
  end
  local id = alpn and "RFC7301-3.2-5" or "RFC9113-3.3-4"
  return kept:way(id) and looks_like_preface(conn, kept) and "h2" or "http/1.1"
end

local function serve_tls(conn, kept, options)
  local secure, info = tls.accept(conn, kept, options)
  if not secure then return end
  if guilt.speaks_http2(kept, info.alpn, info) or protocol(secure, info.alpn, kept) == "h2" then
    if not tls.adequate(secure, kept, info) then return end
    session.new(secure, { rules = kept }):run()
  else
    http1.serve(secure, { rules = kept, tls = true })
  end
  secure:shutdown() -- close_notify before the end (RFC 8446 section 6.1)
end

local function accept_loop(self, listener, serve)
  while not self.stopped do
    local conn = listener:accept()
    if not conn then return end
    local kept = self.rules:fresh()
    kept.shared = self.shared
    self.shared.waiting[kept] = conn
    self.tasks[engine.spawn(function()
      if not self.shared.stuck then serve(conn, kept, self.options) end
      conn:close()
    end, {
      name = "connection",
      on_done = function(task, ok, message)
        self.tasks[task], self.shared.waiting[kept] = nil, nil
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
    -- what guilty peers have to know of their other connections
    shared = { waiting = {}, stuck = false, manner = options.manner },
  }, server)
  local clear, secure = serve_clear, serve_tls
  if options.blunt then clear, secure = blunt.serve(options.blunt) end
  local code, message
  self.port, code, message = listen(self, options.port, clear)
  if self.port then self.tls_port, code, message = listen(self, options.tls_port, secure) end
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
