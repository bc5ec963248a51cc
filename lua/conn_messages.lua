-- What the peer's frames come to: messages per stream, GOAWAY, acknowledgements (RFC 9113 sections 5.1, 6, 8.1).
--
-- State of a connection (`conn._`) that is kept here: streams[id] = { id, interim, response | request, trailers, body,
-- body_size, data_frames, block_seq (of the last field block), ended, ended_seq, resets, promised, broken }, goaways, acked,
-- settings_acks, peer_settings.
local fields = require "h2probe.fields"

local messages = {}

-- Octets of content kept for one stream, and for all of them together.
local MAX_BODY, MAX_BODIES = 1024 * 1024, 4 * 1024 * 1024
local MAX_STREAMS = 10000
local MAX_LIST = 1000 -- interim responses, resets, GOAWAY frames, acknowledged PING payloads

local function append(list, value)
  if #list < MAX_LIST then
    list[#list + 1] = value
  end
end

--- The record of a stream, made on first sight; nil when the peer has used more streams than anyone would.
function messages.stream(state, id)
  local stream = state.streams[id]
  if not stream and state.stream_count < MAX_STREAMS then
    stream = { id = id, interim = {}, resets = {}, chunks = {}, body_size = 0, kept = 0, data_frames = 0 }
    state.streams[id] = stream
    state.stream_count = state.stream_count + 1
  end
  return stream
end

--- The content received so far, at most 1 MiB of it.
function messages.body(stream)
  if #stream.chunks > 1 then
    stream.chunks = { table.concat(stream.chunks) }
  end
  return stream.chunks[1] or ""
end

local function finish(stream, event)
  stream.ended = true
  stream.ended_seq = stream.ended_seq or event.seq
end

local function server_block(stream, event)
  stream.block_seq = event.seq
  if not stream.response then
    local text = fields.get(event.fields, ":status")
    local head = { status = tonumber(text), fields = event.fields, seq = event.seq }
    if text and text:find "^1%d%d$" then
      append(stream.interim, head)
    else
      stream.response = head
    end
  else
    stream.trailers = stream.trailers or event.fields
  end
end

--- A request as scripts see it: { stream, method, path, authority, scheme, fields, headers_seq }.
function messages.request(stream, list, seq)
  return {
    stream = stream.id,
    method = fields.get(list, ":method"),
    path = fields.get(list, ":path"),
    authority = fields.get(list, ":authority"),
    scheme = fields.get(list, ":scheme"),
    fields = list,
    seq = seq,
  }
end

local function client_block(state, stream, event)
  if not stream.request then
    stream.request = messages.request(stream, event.fields, event.seq)
    append(state.requests, stream.id)
  else
    stream.trailers = stream.trailers or event.fields
  end
end

local function field_block(state, event)
  local stream = messages.stream(state, event.block_stream)
  if not stream then
    return
  end
  if event.field_error then
    stream.broken = event.field_error
  elseif event.block_type == "PUSH_PROMISE" then
    stream.promised = true
    return
  elseif state.role == "client" then
    server_block(stream, event)
  else
    client_block(state, stream, event)
  end
  if event.block_end_stream then
    finish(stream, event)
  end
end

local function keep_content(state, stream, data)
  local room = math.min(MAX_BODY - stream.kept, MAX_BODIES - state.bodies)
  if room > 0 and #data > 0 then
    local part = data:sub(1, room)
    stream.chunks[#stream.chunks + 1] = part
    stream.kept = stream.kept + #part
    state.bodies = state.bodies + #part
  end
end

local on = {}

function on.DATA(state, event)
  local stream = event.stream > 0 and messages.stream(state, event.stream)
  if not stream then
    return
  end
  stream.data_frames = stream.data_frames + 1
  if event.data then
    stream.body_size = stream.body_size + #event.data
    keep_content(state, stream, event.data)
  end
  if event.end_stream then
    finish(stream, event)
  end
end

function on.RST_STREAM(state, event)
  local stream = event.error and event.stream > 0 and messages.stream(state, event.stream)
  if stream then
    append(stream.resets, { error = event.error, seq = event.seq })
  end
end

function on.GOAWAY(state, event)
  if event.error then
    append(state.goaways,
      { error = event.error, last_stream = event.last_stream, debug = event.debug, seq = event.seq })
  end
end

function on.SETTINGS(state, event)
  if event.ack then
    state.settings_acks = state.settings_acks + 1
  else
    state.peer_settings = state.peer_settings + 1
  end
end

function on.PING(state, event)
  if event.ack and event.data and state.pings[event.data] then
    state.acked[event.data] = event.seq
  end
end

--- Takes one received event into the connection's state.
function messages.event(state, event)
  if event.event ~= "frame" then
    return
  end
  local handler = on[event.name]
  if handler then
    handler(state, event)
  end
  if event.fields or event.field_error then
    field_block(state, event)
  end
end

--- A stream is over when the peer ended or reset it.
function messages.over(stream)
  return stream ~= nil and (stream.ended or #stream.resets > 0) or false
end

return messages
