-- Requests of the reference server: from field blocks and content to answers (RFC 9113 section 8).
local fields = require "h2probe.fields"
local hpack_rules = require "h2probe.server.hpack_rules"
local resources = require "h2probe.server.resources"

local messages = {}

-- Representations that a guilty peer refuses or misreads; false when the connection ends over one.
local function accept_representations(session, list)
  for _, field in ipairs(list) do
    for _, row in ipairs(hpack_rules.accepted) do
      local way = row.when(field) and session.rules:way(table.unpack(row.ids))
      if way == "misread" then
        field[2] = field[2] .. "-misread"
      elseif way then
        session:connection_error "COMPRESSION_ERROR"
        return false
      end
    end
  end
  return true
end

-- The first fault whose rule this peer keeps; a false alarm (guilty) is one whose rule it does not keep.
local function first_kept(session, faults)
  for _, fault in ipairs(faults) do
    if session:keep(fault.req) == not fault.guilty then return fault end
  end
end

-- Section 8.1.1: 400, and RST_STREAM while the client still sends (a stream that both have ended is closed).
local function malformed(session, stream, ended)
  session.requests[stream] = nil
  if session:keep("RFC9113-8.1.1-10", "RFC9113-8.2.1-18") then
    session.writer:respond(stream, { status = 400 })
  end
  if not ended and session:live(stream) then session:stream_error(stream, "PROTOCOL_ERROR") end
end

-- Section 8.3: a guilty peer wants the pseudo-headers in one order.
local function order_faults(list)
  return list[1] and list[1][1] ~= ":method" and { { req = "RFC9113-8.3-13", guilty = true } } or {}
end

local function content_length(request)
  return tonumber(fields.get(request.fields, "content-length") or nil)
end

-- Section 8.1.1: content-length against the content.
local function content_faults(request)
  local announced = content_length(request)
  if not announced or announced == #request.body then return {} end
  if request.frames == 0 then return { { req = "RFC9113-8.1.1-4" } } end
  if announced > #request.body then return { { req = "RFC9113-8.1.1-3" } } end
  return { { req = request.frames > 1 and "RFC9113-8.1.1-2" or "RFC9113-8.1.1-1" } }
end

local function complete(session, stream, request)
  session.requests[stream] = nil
  if first_kept(session, content_faults(request)) then return malformed(session, stream, true) end
  if request.answered or not session:keep("RFC9113-8.1-1", "RFC7540-3.2-7") then return end
  session.writer:respond(stream, resources.answer(request), request.method == "HEAD")
end

local function trailers(session, event, request)
  local faults = fields.validate_trailers(event.fields)
  if not event.block_end_stream then
    faults[#faults + 1] = { req = request.frames > 0 and "RFC9113-8.1-9" or "RFC9113-8.1-10" }
  else
    faults[#faults + 1] = { req = "RFC9113-8.1-13", guilty = true }
  end
  local fault = first_kept(session, faults)
  if fault then return malformed(session, event.block_stream, event.block_end_stream) end
  if event.block_end_stream then complete(session, event.block_stream, request) end
end

--- A field block on a stream that may carry one.
function messages.headers(session, event)
  local stream = event.block_stream
  if not accept_representations(session, event.fields) then return end
  local request = session.requests[stream]
  if request then return trailers(session, event, request) end
  local list = event.fields
  if first_kept(session, fields.validate_request(list)) or first_kept(session, order_faults(list)) then
    return malformed(session, stream, event.block_end_stream)
  end
  request = {
    -- A guilty peer takes requests without these for the ordinary one.
    method = fields.get(list, ":method") or "GET", path = fields.get(list, ":path") or "/",
    fields = list, body = "", frames = 0,
  }
  if event.block_end_stream then return complete(session, stream, request) end
  session.requests[stream] = request
  if request.method == "OPTIONS" then -- needs no content, so it need not wait for the end of the request (section 8.1)
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
  if event.end_stream then complete(session, event.stream, request) end
end

--- The request that came with the Upgrade: stream 1, complete (RFC 7540 section 3.2).
function messages.upgraded(session, request)
  request.frames = 1
  complete(session, 1, request)
end

return messages
