-- Outcomes for stimuli that a peer has to accept, and for ends: ignored, response, closed, no_upgrade.
local errors = require "h2probe.outcome_errors"
local evidence = require "h2probe.evidence"

local accept = {}

-- The peer refuses for reasons of its own (RFC 9113 sections 8.7, 9.1.1; RFC 9110 section 15).
local REFUSALS = { [421] = true, [425] = true, [429] = true, [503] = true }
local REFUSING_RESETS = { REFUSED_STREAM = true, ENHANCE_YOUR_CALM = true }

local function inconclusive(text, ...)
  return { verdict = "inconclusive", observed = text:format(...) }
end

local function fail(text)
  return { verdict = "fail", observed = text }
end

-- What an event of the connection means where no error is allowed; nil: nothing yet.
local function disturbed(view)
  local found = evidence.connection(view)
  if not found then
    return nil
  elseif found.before then
    return inconclusive("%s came before the stimulus", found.text)
  elseif found.kind == "end" then
    return { verdict = "fail", silent = true, observed = found.text } -- may be chance: to be confirmed
  elseif found.kind == "graceful" then
    return (view.ended or view.settled or view.timeout)
      and inconclusive("%s that nothing called for", found.text) or nil
  elseif found.code == "ENHANCE_YOUR_CALM" then
    return inconclusive("%s: the peer refuses for load", found.text)
  elseif evidence.own_timeout(view, found.code) then
    return inconclusive("%s: the tester held back its SETTINGS ACK", found.text)
  end
  return fail(found.text)
end

-- RST_STREAM after a complete response stops a request that is of no more interest (8.1); servers use CANCEL too.
local function harmless(record, reset)
  return record.response and record.ended and record.ended_seq < reset.seq
    and (reset.error == "NO_ERROR" or reset.error == "CANCEL")
end

local function stream_reset(view)
  return evidence.each_reset(view, function(record, reset)
    if view.witness_streams[record.id] or harmless(record, reset) then
      return nil
    end
    local text = ("RST_STREAM(%s) on stream %d"):format(reset.error, record.id)
    if REFUSING_RESETS[reset.error] then
      return inconclusive("%s: the peer refuses for load", text)
    end
    return fail(text)
  end)
end

-- The status that the witness's resource has otherwise, if the run knows it.
local function witness_fault(view, witness)
  if witness.reset then
    local text = ("the witness request was reset with %s"):format(witness.reset)
    return REFUSING_RESETS[witness.reset] and inconclusive("%s", text) or fail(text)
  end
  local status = witness.status
  if witness.broken then
    return fail("the answer to the witness request cannot be decoded: " .. witness.broken)
  elseif not status then
    return fail "the witness request was answered without a status"
  elseif REFUSALS[status] then
    return inconclusive("the witness request was answered %d", status)
  elseif view.usual_status and status ~= view.usual_status then
    local text = ("the witness request was answered %d, otherwise it is %d"):format(status, view.usual_status)
    return status >= 500 and inconclusive("%s", text) or fail(text)
  elseif status >= 500 then
    return inconclusive("the witness request was answered %d", status)
  elseif status == 400 then
    return fail "the witness request was answered 400"
  end
end

local function unwanted_response(spec, view)
  local record = spec.no_response and view.streams[spec.no_response]
  if (record and record.block_seq or 0) > view.mark then
    local head = record.response or record.interim[1]
    return fail(("%s %s on stream %d"):format(head.seq > view.mark and "response" or "another field block after response",
      head.status or "without a status", spec.no_response))
  end
end

--- No reaction: two PING round trips and a witness request are answered and no error came.
function accept.ignored(spec, view)
  local verdict = disturbed(view) or stream_reset(view) or unwanted_response(spec, view)
  if verdict then
    return verdict
  end
  if view.settled then
    for _, witness in ipairs(view.witnesses) do
      local fault = witness_fault(view, witness)
      if fault then
        return fault
      end
    end
    return { verdict = "pass", observed = evidence.barrier(view), notes = view.blocked and { view.blocked } or nil }
  elseif view.timeout then
    if view.blocked then
      return inconclusive("%s", view.blocked)
    end
    return { verdict = "fail", silent = true, observed = evidence.silence(view) }
  end
end

--- As ignored, but the peer may take the stimulus as a goodbye: GOAWAY(NO_ERROR) and the end are fine (6.8).
function accept.no_error(_, view)
  local found = evidence.connection(view)
  if found and not found.before and (found.kind == "end" or found.kind == "graceful" and (view.ended or view.settled)) then
    return { verdict = "pass", observed = found.kind == "end" and "the end of the connection" or found.text }
  end
  local verdict = (not found or found.kind ~= "graceful") and disturbed(view) or stream_reset(view)
  if verdict then
    return verdict
  elseif view.settled then
    return { verdict = "pass", observed = evidence.barrier(view) }
  elseif view.timeout then
    return view.blocked and inconclusive("%s", view.blocked)
      or { verdict = "fail", silent = true, observed = evidence.silence(view) }
  end
end

local function status_fits(wanted, status)
  if wanted == nil then
    return true
  elseif type(wanted) == "table" then
    for _, each in ipairs(wanted) do
      if status_fits(each, status) then
        return true
      end
    end
    return false
  elseif type(wanted) == "string" then
    return tostring(status):find("^" .. wanted:gsub("x", "%%d") .. "$") ~= nil
  end
  return wanted == status
end

local function judge_response(spec, record)
  local status = record.response and record.response.status
  local text = ("response %s on stream %d"):format(status or "without a status", spec.stream)
  if not record.response then
    return fail(("stream %d ended without a response"):format(spec.stream))
  elseif not status then
    return fail(text)
  elseif status_fits(spec.status, status) and not (spec.status == nil and REFUSALS[status]) then
    return { verdict = "pass", observed = text }
  elseif REFUSALS[status] then
    return inconclusive("%s: the peer refuses for reasons of its own", text)
  end
  return fail(text)
end

local function reset_instead(spec, view)
  local record = view.streams[spec.stream]
  local reset = record and record.resets[1]
  if not reset then
    return nil
  end
  local text = ("RST_STREAM(%s) on stream %d"):format(reset.error, spec.stream)
  if reset.seq <= view.mark then
    return inconclusive("%s came before the stimulus", text)
  elseif REFUSING_RESETS[reset.error] then
    return inconclusive("%s: the peer refuses for load", text)
  end
  return fail(text)
end

-- A graceful GOAWAY still lets the streams up to its last one come to their end (6.8).
local function response_lost(spec, view)
  local found = evidence.connection(view)
  if found and found.kind == "graceful" and not view.ended and (found.last_stream or 0) >= spec.stream then
    return nil
  elseif found and found.kind == "graceful" then
    return inconclusive("%s that nothing called for", found.text)
  end
  return disturbed(view)
end

--- A final response on the stream, to its end (8.1); judged by the events of the stream, whatever PINGs say.
function accept.response(spec, view)
  local record = view.streams[spec.stream]
  if record and record.ended and not record.broken then
    return judge_response(spec, record)
  elseif record and record.broken then
    return fail(("the field block of the response on stream %d cannot be decoded"):format(spec.stream))
  end
  local verdict = reset_instead(spec, view) or response_lost(spec, view)
  if verdict then
    return verdict
  elseif view.timeout then
    local head = record and record.response
    return { verdict = "fail", silent = true, observed = head
      and ("response %s on stream %d without an end within %g s"):format(head.status, spec.stream, view.seconds)
      or ("no response on stream %d within %g s"):format(spec.stream, view.seconds) }
  end
end

--- The end of the connection, with or without GOAWAY (5.4.1, 9.1).
function accept.closed(_, view)
  if view.ended then
    return { verdict = "pass", observed = "the end of the connection" }
  elseif view.timeout then
    return { verdict = "fail", silent = true,
      observed = evidence.with_summary(view, ("the connection was still open after %g s"):format(view.seconds)) }
  end
end

--- The last HTTP/1.1 response was not 101, and no HTTP/2 follows it (RFC 9110 section 7.8).
function accept.no_upgrade(_, view)
  local status = view.http1.status
  if status == 101 then
    return fail "101 (Switching Protocols)"
  elseif view.http2_follows then
    return fail(status and ("HTTP/1.1 response %d, and HTTP/2 frames after it"):format(status)
      or "HTTP/2 frames without any HTTP/1.1 response")
  elseif status then
    return { verdict = "pass", observed = ("HTTP/1.1 response %d"):format(status) }
  elseif view.ended then
    return { verdict = "pass", observed = "the end of the connection", notes = { "no HTTP/1.1 response" } }
  elseif view.timeout then
    return inconclusive("no HTTP/1.1 response within %g s", view.seconds)
  end
end

-- An HTTP/1.x answer to what was no preface: an error, and then the end (3.4). On a connection that negotiated h2 it is
-- a deviation (RFC 7301 section 3.2).
local function http1_answer(view)
  local status = view.http1.status
  local text = ("HTTP/1.1 response %d"):format(status)
  if status < 400 then
    return fail(text)
  elseif view.tls and view.tls.alpn == "h2" then
    return { verdict = "warn", observed = text .. " on a connection that negotiated h2" }
  elseif view.ended then
    return { verdict = "pass", observed = text .. " and the end of the connection" }
  elseif view.timeout then
    return { verdict = "pass", observed = text, notes = { "the connection stays open after the HTTP/1.1 response" } }
  end
end

--- What was sent is no valid preface: a connection error, GOAWAY or not, or an HTTP/1.x error (3.4).
function accept.invalid_preface(spec, view)
  if view.http1.status and view.http1.status ~= 101 then
    return http1_answer(view)
  elseif view.settings_acks > 0 and #view.goaways == 0 and not view.ended then
    return fail "the peer acknowledged the SETTINGS: it goes on in HTTP/2"
  end
  return errors.connection_error(spec, view)
end

--- Before HTTP/2: an HTTP/1.x response, or the end, or silence; but no HTTP/2 frame.
function accept.no_http2(_, view)
  if view.http2 then
    return fail "an HTTP/2 frame"
  elseif view.http1.status then
    return { verdict = "pass", observed = ("HTTP/1.1 response %d"):format(view.http1.status) }
  elseif view.ended then
    return { verdict = "pass", observed = "the end of the connection" }
  elseif view.timeout then
    return { verdict = "pass", observed = ("no HTTP/2 frame within %g s"):format(view.seconds) }
  end
end

--- Before HTTP/2: SETTINGS comes.
function accept.speaks_http2(_, view)
  if view.http2 then
    return { verdict = "pass", observed = "an HTTP/2 frame" }
  elseif view.http1.status then
    return fail(("HTTP/1.1 response %d"):format(view.http1.status))
  elseif view.ended then
    return fail(("the end of the connection (%s)"):format(evidence.end_text(view.ended)))
  elseif view.timeout then
    return { verdict = "fail", silent = true, observed = ("no HTTP/2 frame within %g s"):format(view.seconds) }
  end
end

return accept
