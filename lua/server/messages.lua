-- Requests of the reference server: from field blocks and content to answers (RFC 9113 section 8).
local fields = require "h2probe.fields"
local hpack_rules = require "h2probe.server.hpack_rules"
local permitted = require "h2probe.server.permitted"
local push = require "h2probe.server.push"
local resources = require "h2probe.server.resources"

local messages = {}

-- What a guilty peer reads in place of a field, and what it does about one that it should accept: false when the
-- request is lost by that.
local misread = {
  misread = function(field) field[2] = field[2] .. "-misread" end,
  misnamed = function(field) field[1] = "x-" .. field[1] end,
}

local function wrong_about(session, field, way)
  if misread[way] then
    misread[way](field)
    return true
  end
  if way ~= "silent" then session:connection_error "COMPRESSION_ERROR" end
  return false
end

local function accept_representations(session, list)
  for _, field in ipairs(list) do
    for _, row in ipairs(hpack_rules.accepted) do
      local way = row.when(field) and session.rules:way(table.unpack(row.ids))
      local meant = way and (way == (row.way or "ignore") or not row.way and way == "misread")
      if meant and not wrong_about(session, field, way) then return false end
    end
  end
  return true
end

-- Section 8.1.1: 400, and RST_STREAM where the client still sends (a stream that both have ended is closed).
local function malformed(session, stream, ended)
  session.requests[stream] = nil
  if not session:keep "RFC9113-8.1.1-10" then return end
  local answer = session:keep "RFC9113-8.2.1-18"
  if answer then session.writer:respond(stream, { status = 400 }) end
  if not (answer and ended) and session:live(stream) then session:stream_error(stream, "PROTOCOL_ERROR") end
end

local INSTEAD = { ["500"] = true, ["400"] = true }

-- What a guilty peer does in place of the right reaction to a request: nothing, or an answer of another kind.
local function misbehave(session, stream, way)
  session.requests[stream] = nil
  if INSTEAD[way] then session.writer:respond(stream, { status = math.tointeger(way) }) end
end

-- The faults against the rules that this peer keeps: true when the message was dealt with; else whether one of them
-- was passed over.
local function refused(session, stream, ended, faults)
  local passed_over = false
  for _, fault in ipairs(faults) do
    local way = session.rules:way(fault.req)
    if way == nil then
      malformed(session, stream, ended)
      return true
    elseif way == "silent" or INSTEAD[way] then
      misbehave(session, stream, way)
      return true
    end
    passed_over = true
  end
  return false, passed_over
end

-- True when a guilty peer refused what is right.
local function wrongly_refused(session, stream, list)
  for _, row in ipairs(permitted) do
    local way = row.when(list) and session.rules:way(row.id)
    if row.way and way ~= row.way then way = nil end
    if way == "ignore" and session:live(stream) then
      session:stream_error(stream, "PROTOCOL_ERROR")
      return true
    elseif way then
      misbehave(session, stream, way)
      return true
    end
  end
  return false
end

-- Section 8.1.1: content-length against the content.
local function content_faults(session, request)
  local announced = tonumber(fields.get(request.fields, "content-length") or nil)
  local size = #request.body
  if request.padding > 0 and not session:keep "RFC9113-8.1.1-5" then size = size + request.padding end
  if announced and request.frames > 1 and not session:keep "RFC9113-8.1.1-6" then size = 0 end
  if not announced or announced == size then return {} end
  if size ~= #request.body then return { { req = "RFC9113-8.1.1-10" } } end
  if request.frames == 0 then return { { req = "RFC9113-8.1.1-4" } } end
  if announced > size then return { { req = "RFC9113-8.1.1-3" } } end
  return { { req = request.frames > 1 and "RFC9113-8.1.1-2" or "RFC9113-8.1.1-1" } }
end

-- Section 8.2.3: what is no HTTP/2 gets one cookie field.
local function join_cookies(session, list)
  local cookies = fields.all(list, "cookie")
  if #cookies < 2 or not session:keep "RFC9113-8.2.3-1" then return list end
  return fields.with(fields.without(list, "cookie"), { "cookie", table.concat(cookies, "; ") })
end

local function answer(session, stream, request)
  push.promise(session, stream, request)
  session.writer:respond(stream, resources.answer(request), request.method == "HEAD")
  push.pump(session)
end

-- Section 8.1: a guilty peer answers the first two requests on each other's stream.
local function crossed(session, stream, request)
  local other = session.crossed
  session.crossed = { stream = stream, request = request }
  if other then
    answer(session, other.stream, request)
    answer(session, stream, other.request)
  end
end

local function complete(session, stream, request, upgraded)
  session.requests[stream] = nil
  if refused(session, stream, true, content_faults(session, request)) then return end
  local way = session.rules:way(upgraded and "RFC7540-3.2-7" or "RFC9113-8.1-1")
  if request.answered or way == "ignore" then return end
  if request.dechunked then request.body = request.body:match "^%x+\r\n(.-)\r\n0\r\n\r\n$" or request.body end
  request.fields = join_cookies(session, request.fields)
  return (way == "crossed" and crossed or answer)(session, stream, request)
end

-- The octets of names and values follow the same rules in trailers (section 8.2.1).
local function trailer_faults(list)
  local faults = fields.validate_trailers(list)
  for _, fault in ipairs(faults) do
    if fault.req:find "^RFC9113%-8%.2%.1%-" then fault.req = "RFC9113-8.2.1-16" end
  end
  return faults
end

local function trailers(session, event, request)
  local stream, ended = event.block_stream, event.block_end_stream
  local faults = trailer_faults(event.fields)
  if not ended then
    faults[#faults + 1] = { req = request.frames > 0 and "RFC9113-8.1-9" or "RFC9113-8.1-10" }
  elseif not session:keep "RFC9113-8.1-13" then
    return session:stream_error(stream, "PROTOCOL_ERROR")
  end
  if not refused(session, stream, ended, faults) and ended then complete(session, stream, request) end
end

-- Section 8.2.2: a guilty peer takes Transfer-Encoding for what it is in HTTP/1.1.
local function chunked(session, list, faults)
  for i, fault in ipairs(faults) do
    if fault.req == "RFC9113-8.2.2-5" and fields.get(list, "transfer-encoding") == "chunked"
        and not session:keep "RFC9113-8.2.2-11" then
      table.remove(faults, i)
      return true
    end
  end
end

local function new_request(list, lenient)
  local request = {
    method = fields.get(list, ":method") or "", path = fields.get(list, ":path") or "",
    fields = list, body = "", frames = 0, padding = 0,
  }
  return lenient and resources.ordinary(request) or request
end

-- True when the fields of a request are answered for what is in them.
local function judged(session, event)
  local stream, ended, list = event.block_stream, event.block_end_stream, event.fields
  local announced = session.conn:setting("ours", "ENABLE_CONNECT_PROTOCOL") == 1
  local unasked = not announced and not session:keep "RFC8441-3-5" and fields.get(list, ":protocol") ~= nil
  local faults = fields.validate_request(list, { protocol = announced or unasked })
  local dechunked = chunked(session, list, faults)
  local done, lenient = refused(session, stream, ended, faults)
  if done or wrongly_refused(session, stream, list) then return true end
  if fields.size(list) > hpack_rules.LARGEST_LIST then
    if session:keep "RFC9113-10.5.1-2" then session.writer:respond(stream, { status = 431 }) end
    return true
  end
  return false, lenient or unasked, dechunked
end

--- A field block on a stream that may carry one.
function messages.headers(session, event)
  local stream = event.block_stream
  if not accept_representations(session, event.fields) then return end
  local request = session.requests[stream]
  if request then return trailers(session, event, request) end
  local done, lenient, dechunked = judged(session, event)
  if done then return end
  request = new_request(event.fields, lenient)
  request.dechunked = dechunked
  if event.block_end_stream then return complete(session, stream, request) end
  if not session:keep "RFC9113-8.1-15" then return session:stream_error(stream, "CANCEL") end
  session.requests[stream] = request
  if request.method == "OPTIONS" or request.method == "CONNECT" then -- needs no content, so it need not wait (section 8.1)
    session.writer:respond(stream, resources.answer(request))
    request.answered = true
  end
end

--- DATA on an open request.
function messages.data(session, event)
  local request = session.requests[event.stream]
  if not request then return end
  request.body = request.body .. event.data
  request.frames = request.frames + 1
  request.padding = request.padding + event.length - #event.data
  if event.end_stream then complete(session, event.stream, request) end
end

-- What a guilty peer pushes though the client wants no pushes.
local PUSHED <const> = { { ":method", "GET" }, { ":scheme", "http" }, { ":authority", "localhost" }, { ":path", "/" } }

--- The request that came with the Upgrade: stream 1, complete (RFC 7540 section 3.2).
function messages.upgraded(session, request)
  request.frames, request.padding = 1, 0
  if not session:keep "RFC7540-3.2-12" then request.method, request.path = "GET", "/" end
  if request.method == "OPTIONS" and not session:keep "RFC7540-3.2-13" then
    return session:stream_error(1, "INTERNAL_ERROR")
  end
  if not session:keep "RFC9113-6.5.2-1" then
    session.conn:send { name = "PUSH_PROMISE", stream = 1, promised_stream = 2, fields = PUSHED }
  end
  if session.rules:way "RFC7540-3.2-7" == "stream-3" then
    return session.writer:respond(3, resources.answer(request))
  end
  complete(session, 1, request, true)
end

return messages
