-- Server push (RFC 9113 section 8.4): GET / promises /pushed to a client that announced ENABLE_PUSH 1 in so many words,
-- and /pushed is sent as soon as the client's MAX_CONCURRENT_STREAMS allows.
local resources = require "h2probe.server.resources"

local push = {}

local PATH <const> = "/pushed"

local function wanted(session, request)
  return session.push_asked and request.method == "GET" and request.path == "/"
    and (session.conn:setting("theirs", "ENABLE_PUSH") == 1 or not session:keep "RFC9113-6.6-13")
end

--- SETTINGS of the client.
function push.settings(session, event)
  for _, setting in ipairs(event.settings or {}) do
    if setting.name == "ENABLE_PUSH" and setting.value == 1 then session.push_asked = true end
  end
  push.pump(session)
end

--- A request that is about to be answered on its stream.
function push.promise(session, stream, request)
  if not wanted(session, request) or session.goaway_seen or not session:live(stream) then return end
  local promised = session.conn:next_stream()
  local list = { { ":method", "GET" }, { ":path", PATH } }
  for _, field in ipairs(request.fields) do
    if field[1] == ":scheme" or field[1] == ":authority" then list[#list + 1] = { field[1], field[2] } end
  end
  session.conn:send { name = "PUSH_PROMISE", stream = stream, promised_stream = promised, fields = list }
  table.insert(session.promised, promised)
end

-- Pushed streams that are open: those that were promised and begun, and are not closed yet.
local function open_ones(session)
  local count = 0
  for stream in pairs(session.pushed) do
    if session.conn:state(stream) == "closed" then session.pushed[stream] = nil else count = count + 1 end
  end
  return count
end

--- Begin what the client's limit allows.
function push.pump(session)
  local limit = session.conn:setting("theirs", "MAX_CONCURRENT_STREAMS")
  if session.rules:way "RFC9113-5.1.2-2" == "early" then limit = math.huge end
  while session.promised[1] and open_ones(session) < limit do
    local stream = table.remove(session.promised, 1)
    session.pushed[stream] = true
    session.writer:respond(stream, resources.answer { method = "GET", path = PATH, fields = {}, body = "" })
  end
end

--- The client does not want a promised stream (sections 6.6 and 8.4).
function push.refused(session, stream)
  for i, promised in ipairs(session.promised) do
    if promised == stream and session:keep "RFC9113-6.6-8" then table.remove(session.promised, i) return end
  end
end

return push
