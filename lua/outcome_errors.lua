-- Outcomes for stimuli that are errors: connection errors, stream errors, malformed messages
-- (RFC 9113 sections 5.4, 7, 8.1.1).
local evidence = require "h2probe.evidence"

local errors = {}

-- Either may stand for every code (5.4).
local GENERIC = { PROTOCOL_ERROR = true, INTERNAL_ERROR = true }

-- Codes that are applicable beside the one that is named: `about` names the violation.
errors.ABOUT = {
  padding = { "FRAME_SIZE_ERROR" },
  ["idle-data"] = { "STREAM_CLOSED" },
  concurrency = { "ENHANCE_YOUR_CALM" },
  ["window-update-zero"] = { "FLOW_CONTROL_ERROR" },
  ["block-end"] = { "FRAME_SIZE_ERROR" },
  limits = { "ENHANCE_YOUR_CALM", "REFUSED_STREAM" },
  tls = { "HTTP_1_1_REQUIRED" },
}

local LAST_OF_ALL = 0x7fffffff -- of a graceful shutdown (6.8)

local function has(list, code)
  for _, each in ipairs(list or {}) do
    if each == code then
      return true
    end
  end
  return false
end

-- A code against the named, generic and applicable ones: pass, pass with a note, or warn.
local function by_code(spec, code, what)
  if has(spec.codes, code) then
    return { verdict = "pass", observed = what }
  elseif has(spec.soft, code) then
    return { verdict = "warn", observed = what .. ", which a defensible reading permits" }
  elseif GENERIC[code] then
    return { verdict = "pass", observed = what, notes = { ("%s: the generic code, not %s"):format(what,
      table.concat(spec.codes, " or ")) } }
  elseif has(spec.also, code) then
    return { verdict = "pass", observed = what, notes = { ("%s: applicable, but not %s"):format(what,
      table.concat(spec.codes, " or ")) } }
  end
  return { verdict = "warn", observed = ("%s: an error, but not of this code"):format(what) }
end

local function early(found)
  return { verdict = "inconclusive", observed = found.text .. " came before the stimulus" }
end

-- GOAWAY(NO_ERROR): a later GOAWAY or the end may still tell more (6.8).
local function by_graceful(found, view)
  if found.last_stream == LAST_OF_ALL then
    return (view.ended or view.settled or view.timeout) and {
      verdict = "inconclusive", observed = "GOAWAY(NO_ERROR) of a graceful shutdown",
    } or nil
  end
  return (view.ended or view.settled or view.timeout) and {
    verdict = "warn", observed = "GOAWAY(NO_ERROR): the peer reacted, but denies an error",
  } or nil
end

-- The connection's part of an error outcome: nil while it is undecided.
local function connection(spec, view)
  local found = evidence.connection(view)
  if not found then
    return nil
  elseif found.before then
    return early(found)
  elseif spec.goaway == "optional" and (found.kind == "error" or view.ended) then
    -- What may be left out, or be lost in a reset, need not be right; nor does the report depend on it.
    return { verdict = "pass", observed = "a connection error" }
  elseif found.kind == "graceful" then
    return by_graceful(found, view)
  elseif found.kind == "end" then
    local notes = {}
    if not evidence.end_loses(view.ended) then
      notes[1] = "no GOAWAY before the end of the connection"
    end
    return { verdict = "pass", observed = "the end of the connection", notes = notes }
  elseif evidence.own_timeout(view, found.code) then
    return { verdict = "inconclusive", observed = found.text .. ": the tester held back its SETTINGS ACK" }
  end
  return by_code(spec, found.code, found.text)
end

-- The error did not come: the barrier is through, or the time is over.
local function missing(view)
  if view.settled then
    local asked = evidence.barrier(view)
    return { verdict = "fail", silent = true, observed = evidence.with_summary(view, "no error came: " .. asked) }
  elseif view.timeout then
    return { verdict = "fail", silent = true, observed = evidence.with_summary(view, evidence.silence(view)) }
  end
end

local function refused(what)
  return { verdict = "inconclusive", observed = what .. ": the peer refuses for load" }
end

--- GOAWAY with one of the codes or a generic one, or the end of the connection (5.4.1).
function errors.connection_error(spec, view)
  return connection(spec, view) or missing(view)
end

local function reset_text(reset, stream)
  return ("RST_STREAM(%s) on stream %d"):format(reset.error, stream)
end

--- RST_STREAM on this stream, or a connection error (5.4.2, 5.4.1).
function errors.stream_error(spec, view)
  local reset, before = evidence.reset(view, spec.stream)
  if reset then
    local what = reset_text(reset, spec.stream)
    if reset.error == "REFUSED_STREAM" and not has(spec.codes, reset.error) and not has(spec.also, reset.error)
      and not has(spec.soft, reset.error) then
      return refused(what)
    end
    return by_code(spec, reset.error, what)
  end
  local verdict = connection(spec, view) or missing(view)
  if verdict and verdict.verdict == "fail" and before then
    return { verdict = "inconclusive", observed = ("stream %d was reset before the stimulus"):format(spec.stream) }
  end
  return verdict
end

local function final_status(view, stream)
  local record = view.streams[stream]
  local head = record and record.response
  return head and head.status or nil, record and record.ended or false
end

-- A reset of the stream of a malformed request; after a 4xx response NO_ERROR is as good (allowed with section 8.1).
local function malformed_reset(spec, view, reset)
  local what = reset_text(reset, spec.stream)
  local status = final_status(view, spec.stream)
  if status and status >= 400 and status <= 499 and (reset.error == "NO_ERROR" or GENERIC[reset.error]) then
    return { verdict = "pass", observed = ("response %d, then %s"):format(status, what) }
  elseif reset.error == "REFUSED_STREAM" or reset.error == "ENHANCE_YOUR_CALM" then
    return refused(what)
  elseif status and status < 400 and reset.error == "NO_ERROR" then
    return nil -- a complete response whose request is of no more interest (8.1)
  end
  return by_code(spec, reset.error, what)
end

local function accepted(spec, view, status)
  local text = ("response %d on stream %d"):format(status, spec.stream)
  if not spec.late then
    return (view.settled or view.timeout or view.over)
      and { verdict = "fail", observed = text .. ": the request was accepted" } or nil
  elseif spec.depends then
    return { verdict = "fail", observed = text .. ": the message was taken as good" }
  end
  return { verdict = "inconclusive", observed = text .. ", which may not depend on the rest of the request" }
end

local function malformed_response(spec, view)
  local status, ended = final_status(view, spec.stream)
  local text = status and ("response %d on stream %d"):format(status, spec.stream)
  local no_more = ended or view.over or view.timeout or evidence.reset(view, spec.stream) ~= nil
  if not status or not no_more then
    return nil
  elseif status == 425 or status == 429 or status == 503 then
    return refused(text)
  elseif status >= 400 and status <= 499 then
    return { verdict = "pass", observed = text }
  elseif status >= 500 then
    return { verdict = "warn", observed = text .. ": refused, but as if by the server's fault" }
  end
  return accepted(spec, view, status)
end

local function unanswered(spec, view)
  if view.timeout or (view.settled and view.half_open(spec.stream)) then
    return missing(view)
  end
end

--- A malformed request (8.1.1): stream error PROTOCOL_ERROR, a 4xx response, or a connection error. What a backend
-- decides may come later than any PING: a request that is complete is judged by its stream alone.
function errors.malformed(spec, view)
  local found = evidence.connection(view)
  if found and found.kind == "error" then
    return connection(spec, view)
  end
  local reset, before = evidence.reset(view, spec.stream)
  local verdict = reset and malformed_reset(spec, view, reset)
  verdict = verdict or malformed_response(spec, view)
  if verdict then
    return verdict
  elseif found and (view.ended or view.timeout or view.half_open(spec.stream)) then
    return connection(spec, view)
  end
  verdict = unanswered(spec, view)
  if verdict and before then
    return { verdict = "inconclusive", observed = ("stream %d was reset before the stimulus"):format(spec.stream) }
  end
  return verdict
end

return errors
