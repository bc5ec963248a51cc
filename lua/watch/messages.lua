-- The watchman on messages: their order, their fields, their content (RFC 9113 section 8).
local fields = require "h2probe.fields"

local messages = {}

local REQUEST_METHODS = { GET = true, HEAD = true } -- safe and cacheable (RFC 9110 section 9.2)

local function place(event)
  return ("%s on stream %d"):format(event.name, event.stream)
end

-- A fault names the rule of the sender, or else the one by which the receiver calls the message malformed.
local function report_all(watch, conn, event, faults)
  for _, fault in ipairs(faults) do
    watch:report(conn, event, fault.by or fault.req, ("%s: %s"):format(place(event), fault.text))
  end
end

-- Content (section 8.1) --------------------------------------------------------------------------------------------

--- The method of a request that we sent; false when it is not clear from what was sent.
local function method_of(watch, id)
  return watch.methods[id] or false
end

local function check_no_content(watch, conn, event, stream)
  local status = stream.response.status
  local method = method_of(watch, event.stream)
  local why = method == "HEAD" and "HEAD" or (status == 204 or status == 304) and tostring(status)
  if why then
    watch:report(conn, event, "RFC9113-8.1-18", ("%s: %d octets of content in the response to %s"):format(place(event),
      #event.data, why == "HEAD" and "HEAD" or "a request with status " .. why))
  end
end

-- Section 8.1.1, for responses that may have content. CONNECT has none to count (RFC 9110 section 9.3.6).
local function counts(watch, id, status)
  local method = method_of(watch, id)
  return method and method ~= "HEAD" and method ~= "CONNECT" and status ~= 304 and status ~= 204
end

local function check_length(watch, conn, event, stream)
  local announced = fields.all(stream.response.fields, "content-length")
  local length = #announced == 1 and announced[1]:find "^%d+$" and #announced[1] < 16 and tonumber(announced[1])
  if not length or length == stream.body_size or not counts(watch, stream.id, stream.response.status) then
    return
  end
  local id = stream.body_size < length and "RFC9113-8.1.1-3" or stream.data_frames > 1 and "RFC9113-8.1.1-2"
    or "RFC9113-8.1.1-1"
  watch:report(conn, event, id, ("stream %d: content-length is %d, the content has %d octets"):format(stream.id, length,
    stream.body_size))
end

local function ended(watch, conn, event, stream)
  if conn.role == "client" and stream.response and not stream.broken and not stream.checked then
    stream.checked = true
    check_length(watch, conn, event, stream)
  end
end

-- DATA on a stream that it may be on; the rest is in the faults.
local OUT_OF_PLACE = { "idle-stream", "half-closed-stream", "closed-stream", "reset-stream-sent", "reserved-stream",
  "reset-stream-received", "skipped-stream" }

local function out_of_place(event)
  for _, fault in ipairs(event.faults and OUT_OF_PLACE or {}) do
    if event.faults[fault] then
      return true
    end
  end
end

--- Looks at DATA.
function messages.data(watch, conn, event)
  local stream = conn._.streams[event.stream]
  if not stream or stream.broken or not event.data or conn.role ~= "client" or out_of_place(event) then
    return
  elseif not stream.response then
    watch:report(conn, event, "RFC9113-8.1-2", ("%s: DATA before the HEADERS of a final response"):format(place(event)))
  elseif #event.data > 0 then
    check_no_content(watch, conn, event, stream)
  end
  if event.end_stream then
    ended(watch, conn, event, stream)
  end
end

-- Field sections ---------------------------------------------------------------------------------------------------

local function check_response(watch, conn, event, stream)
  if stream.trailers == event.fields then
    report_all(watch, conn, event, fields.validate_trailers(event.fields))
  elseif not stream.trailers then
    report_all(watch, conn, event, fields.validate_response(event.fields, { end_stream = event.block_end_stream }))
  end
  if fields.get(event.fields, "http2-settings") then
    watch:report(conn, event, "RFC7540-3.2.1-3", place(event) .. ": the response has the field 'http2-settings'")
  end
end

local function check_request(watch, conn, event, stream)
  if not stream.request then
    return
  elseif stream.request.fields == event.fields then
    report_all(watch, conn, event, fields.validate_request(event.fields, { protocol = true }))
  elseif stream.trailers == event.fields then
    report_all(watch, conn, event, fields.validate_trailers(event.fields))
  end
end

-- Sections 8.4 and 8.4.1. In cleartext a server speaks for the host that was asked for, and for no other.
local function check_promise(watch, conn, event)
  for _, fault in ipairs(fields.validate_request(event.fields)) do
    watch:report(conn, event, "RFC9113-8.4.1-1", ("%s: the promised request is malformed: %s"):format(place(event),
      fault.text))
  end
  local method = fields.get(event.fields, ":method")
  if method and not REQUEST_METHODS[method] then
    watch:report(conn, event, "RFC9113-8.4-1", ("%s: the promised request has the method %s"):format(place(event),
      fields.shown(method)))
  end
  local authority = fields.get(event.fields, ":authority")
  if authority and conn.mode ~= "alpn" and conn.target and authority ~= conn.target.authority then
    watch:report(conn, event, "RFC9113-8.4-4", ("%s: a promise for '%s'"):format(place(event), fields.shown(authority)),
      true)
  end
  watch.methods[event.promised_stream or 0] = method
end

--- Looks at a field section that could be decoded.
function messages.fields(watch, conn, event)
  local stream = conn._.streams[event.block_stream]
  if event.block_type == "PUSH_PROMISE" then
    if conn.role == "client" then
      check_promise(watch, conn, event)
    end
  elseif stream then
    local check = conn.role == "client" and check_response or check_request
    check(watch, conn, event, stream)
    if event.block_end_stream then
      ended(watch, conn, event, stream)
    end
  end
end

return messages
